"""Images as the API shows them. Source: Docker Engine API v1.51, tag Image."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.image import HistoryItem, Image, Layer
from shoal.wire.fields import read_object, read_text
from shoal.wire.image_config import encode_image_config
from shoal.wire.times import NEVER, encode_time

_NS = 1_000_000_000
_MISSING = "<missing>"

#: what `Config` held beside the image's own fields before API 1.50: a container's, empty
_OLD_CONFIG: Mapping[str, Any] = {
    "Hostname": "",
    "Domainname": "",
    "User": "",
    "AttachStdin": False,
    "AttachStdout": False,
    "AttachStderr": False,
    "Tty": False,
    "OpenStdin": False,
    "StdinOnce": False,
    "Env": None,
    "Cmd": None,
    "Image": "",
    "Volumes": None,
    "WorkingDir": "",
    "Entrypoint": None,
    "OnBuild": None,
    "Labels": None,
}


def encode_summary(
    image: Image, api_version: tuple[int, int], *, shared_bytes: int = -1, containers: int = -1
) -> dict[str, Any]:
    """One entry of the list. shared_bytes, containers: -1 = not counted"""
    tags, digests = list(image.repo_tags), list(image.repo_digests)
    if api_version < (1, 43):
        tags = tags or ["<none>:<none>"]
        digests = digests or ["<none>@<none>"]
    value: dict[str, Any] = {
        "Containers": containers,
        "Created": image.created_at // _NS,
        "Id": image.id,
        "Labels": dict(image.config.labels) or None,
        "ParentId": image.parent,
        "RepoDigests": digests,
        "RepoTags": tags,
        "SharedSize": shared_bytes,
        "Size": image.size_bytes,
    }
    if api_version < (1, 44):
        value["VirtualSize"] = image.size_bytes
    return value


def shared_bytes(image: Image, images: Iterable[Image]) -> int:
    """Size of the layers that other images have as well."""
    others = {layer.chain_id for other in images if other.id != image.id for layer in other.layers}
    return sum(layer.unpacked_bytes for layer in image.layers if layer.chain_id in others)


def encode_image(image: Image, api_version: tuple[int, int]) -> dict[str, Any]:
    """What inspect shows."""
    config = encode_image_config(image.config)
    value: dict[str, Any] = {
        "Id": image.id,
        "RepoTags": list(image.repo_tags),
        "RepoDigests": list(image.repo_digests),
        "Parent": image.parent,
        "Comment": image.comment,
        "Created": encode_time(image.created_at) if image.created_at else NEVER,
        "DockerVersion": image.docker_version,
        "Author": image.author,
        "Config": config if api_version >= (1, 50) else {**_OLD_CONFIG, **config},
        "Architecture": image.architecture,
        "Os": image.os,
        "Size": image.size_bytes,
        "GraphDriver": {"Name": "overlay2", "Data": {}},
        "RootFS": {"Type": "layers", "Layers": list(image.diff_ids)},
        "Metadata": {"LastTagTime": encode_time(image.tagged_at)},
    }
    if not image.created_at and api_version >= (1, 44):
        del value["Created"]
    if image.platform.variant:
        value["Variant"] = image.platform.variant
    if image.platform.os_version:
        value["OsVersion"] = image.platform.os_version
    if api_version < (1, 44):
        value["VirtualSize"] = image.size_bytes
    if api_version < (1, 45):
        value |= {"Container": image.container, "ContainerConfig": dict(_OLD_CONFIG)}
    return value


def encode_history(image: Image) -> list[dict[str, Any]]:
    """The steps that made the image, newest first; only the newest has an id."""
    entries = [_history_entry(item, layer) for item, layer in _with_layers(image.history, image.layers)]
    entries.reverse()
    if entries:
        entries[0] |= {"Id": image.id, "Tags": list(image.repo_tags) or None}
    return entries


def _with_layers(history: Sequence[HistoryItem], layers: Sequence[Layer]) -> Iterable[tuple[HistoryItem, Layer | None]]:
    left = iter(layers)
    for item in history:
        yield item, None if item.empty_layer else next(left, None)
    for layer in left:  # a config may say less than it has layers
        yield HistoryItem(), layer


def _history_entry(item: HistoryItem, layer: Layer | None) -> dict[str, Any]:
    return {
        "Comment": item.comment,
        "Created": item.created_at // _NS,
        "CreatedBy": item.created_by,
        "Id": _MISSING,
        "Size": layer.unpacked_bytes if layer else 0,
        "Tags": None,
    }


def decode_platform(value: Any) -> str:
    """ "os/arch[/variant]" of an OCI platform's JSON object. Raises: InvalidArgument"""
    given = read_object(value, "platform")
    name = read_text(given.get("os") or "", "platform.os")
    architecture = read_text(given.get("architecture") or "", "platform.architecture")
    variant = read_text(given.get("variant") or "", "platform.variant")
    if bool(name) != bool(architecture):
        raise InvalidArgument("both platform.os and platform.architecture must be given")
    return "/".join(part for part in (name, architecture, variant) if part)
