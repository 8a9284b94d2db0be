"""GET /containers/{id}/json. Source: Docker Engine API v1.51, ContainerInspectResponse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shoal.model.container import Container, ContainerStatus
from shoal.model.endpoint import Endpoint
from shoal.model.health import Health
from shoal.wire.container.create import encode_config, encode_host
from shoal.wire.container.mounts import write_mount_point
from shoal.wire.container.networking import encode_endpoints
from shoal.wire.container.ports import ports_to_show, write_bound_ports
from shoal.wire.times import encode_time

Version = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What inspect shows besides the record.

    sizes: (bytes of its own changes, bytes with the image), None where they were not asked for
    graph: {"UpperDir": path, …}
    """

    hostname_path: str = ""
    hosts_path: str = ""
    resolv_conf_path: str = ""
    log_path: str = ""
    exec_ids: Sequence[str] = ()
    sizes: tuple[int, int] | None = None
    graph: Mapping[str, str] = field(default_factory=dict)


def encode_inspect(container: Container, around: Surroundings, version: Version = (1, 51)) -> dict[str, Any]:
    """The whole object."""
    result: dict[str, Any] = {
        "Id": container.id,
        "Created": encode_time(container.created_at),
        "Path": container.argv[0] if container.argv else "",
        "Args": list(container.argv[1:]),
        "State": encode_state(container),
        "Image": container.image_id,
        "ResolvConfPath": around.resolv_conf_path,
        "HostnamePath": around.hostname_path,
        "HostsPath": around.hosts_path,
        "LogPath": around.log_path,
        "Name": f"/{container.name}",
        "RestartCount": container.restart_count,
        "Driver": "overlay2",
        "Platform": container.platform,
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": list(around.exec_ids) or None,
        "HostConfig": encode_host(container.spec.host),
        "GraphDriver": {"Data": dict(around.graph) or None, "Name": "overlay2"},
    }
    if around.sizes is not None:
        result |= {"SizeRw": around.sizes[0], "SizeRootFs": around.sizes[1]}
    result["Mounts"] = [write_mount_point(point) for point in container.mounts if point.from_spec]
    result["Config"] = encode_config(container.spec)
    result["NetworkSettings"] = encode_network_settings(container, version)
    return result


def encode_state(container: Container) -> dict[str, Any]:
    """`State`."""
    status = container.status
    state: dict[str, Any] = {
        "Status": status.value,
        "Running": container.is_running or status is ContainerStatus.RESTARTING,
        "Paused": status is ContainerStatus.PAUSED,
        "Restarting": status is ContainerStatus.RESTARTING,
        "OOMKilled": container.oom_killed,
        "Dead": status is ContainerStatus.DEAD,
        "Pid": container.pid,
        "ExitCode": container.exit_code,
        "Error": container.error,
        "StartedAt": encode_time(container.started_at),
        "FinishedAt": encode_time(container.finished_at),
    }
    if container.health is not None:
        state["Health"] = encode_health(container.health)
    return state


def encode_health(health: Health) -> dict[str, Any]:
    """`State.Health`."""
    return {
        "Status": health.status.value,
        "FailingStreak": health.failing_streak,
        "Log": [
            {
                "Start": encode_time(probe.start_at),
                "End": encode_time(probe.end_at),
                "ExitCode": probe.exit_code,
                "Output": probe.output,
            }
            for probe in health.log
        ],
    }


def encode_network_settings(container: Container, version: Version) -> dict[str, Any]:
    """`NetworkSettings`: the endpoint on the default bridge is repeated at the top, as old clients want it."""
    bridge = container.endpoints.get("bridge", Endpoint(network_id="", network_name=""))
    return {
        "Bridge": "",
        "SandboxID": container.id if container.is_running else "",
        "SandboxKey": container.netns_path,
        "Ports": write_bound_ports(*ports_to_show(container)),
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": bridge.endpoint_id,
        "Gateway": bridge.ipv4_gateway,
        "GlobalIPv6Address": bridge.ipv6_address,
        "GlobalIPv6PrefixLen": bridge.ipv6_prefix,
        "IPAddress": bridge.ipv4_address,
        "IPPrefixLen": bridge.ipv4_prefix,
        "IPv6Gateway": bridge.ipv6_gateway,
        "MacAddress": bridge.mac_address,
        "Networks": encode_endpoints(container.spec.endpoints, container.endpoints, version),
    }
