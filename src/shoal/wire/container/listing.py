"""GET /containers/json. Source: Docker Engine API v1.51, ContainerSummary."""

import shlex
from typing import Any

from shoal.model.container import Container
from shoal.wire.container.mounts import write_mount_point
from shoal.wire.container.networking import encode_endpoints
from shoal.wire.container.ports import ports_to_show, write_port_list
from shoal.wire.container.status import status_text

Version = tuple[int, int]


def encode_summary(
    container: Container,
    *,
    now: int,
    image_name: str,
    sizes: tuple[int, int] | None = None,
    version: Version = (1, 51),
) -> dict[str, Any]:
    """One entry of the list.

    now: ns since the epoch
    image_name: as the container names it, or the image's id where that name is another image's by now
    sizes: (bytes of its own changes, bytes with the image), None where they were not asked for
    """
    host_config: dict[str, Any] = {"NetworkMode": container.spec.host.network_mode}
    if container.spec.host.annotations and version >= (1, 46):
        host_config["Annotations"] = dict(container.spec.host.annotations)
    result: dict[str, Any] = {
        "Id": container.id,
        "Names": [f"/{container.name}"],
        "Image": image_name,
        "ImageID": container.image_id,
        "Command": command_text(container),
        "Created": container.created_at // 1_000_000_000,
        "Ports": write_port_list(*ports_to_show(container)),
    }
    if sizes is not None:
        result |= {"SizeRw": sizes[0], "SizeRootFs": sizes[1]}
    return result | {
        "Labels": dict(container.spec.labels),
        "State": container.status.value,
        "Status": status_text(container, now),
        "HostConfig": host_config,
        "NetworkSettings": {"Networks": encode_endpoints(container.spec.endpoints, container.endpoints, version)},
        "Mounts": [write_mount_point(point) for point in container.mounts if point.from_spec],
    }


def command_text(container: Container) -> str:
    """The command as one line; arguments with spaces are quoted. Source: Docker, `daemon.reduceContainer`"""
    path, *args = container.argv or ("",)
    if not args:
        return path
    return " ".join([path, *(_quoted(arg) for arg in args)])


def _quoted(arg: str) -> str:
    return shlex.quote(arg) if " " in arg else arg


def encode_wait(exit_code: int, error: str = "") -> dict[str, Any]:
    """The body of a wait's answer. Source: ContainerWaitResponse"""
    return {"StatusCode": exit_code, **({"Error": {"Message": error}} if error else {})}


def encode_prune(removed: list[str], freed_bytes: int) -> dict[str, Any]:
    """The answer of a prune; null where nothing was removed, as Docker's."""
    return {"ContainersDeleted": removed or None, "SpaceReclaimed": freed_bytes}
