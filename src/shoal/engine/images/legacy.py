"""Archives of Docker before 1.10: a folder for each layer, each with its own JSON. Source: Docker image spec v1.0."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from shoal.contracts.archives import ArchivedFile
from shoal.errors import InvalidArgument
from shoal.model.image import HistoryItem
from shoal.oci.manifest import OCI_LAYER, Descriptor
from shoal.oci.reference import parse_reference
from shoal.wire.image_config import ConfigFile, decode_image_config, encode_config_file
from shoal.wire.times import decode_time

_MAX_DEPTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyImage:
    """config: the config file that such an image would have today"""

    config: bytes
    layers: tuple[Descriptor, ...]
    tags: tuple[str, ...]


def legacy_images(
    read_json: Callable[[str], Any], find: Callable[[str], ArchivedFile], name: str
) -> Iterator[LegacyImage]:
    """The images that the file `name` ("repositories") lists. Raises: InvalidArgument"""
    repositories = read_json(name)
    if not isinstance(repositories, dict):
        raise InvalidArgument(f"invalid archive: {name} is no object")
    tags: dict[str, list[str]] = {}
    for repository, entries in repositories.items():
        for tag, top in entries.items():
            tags.setdefault(str(top), []).append(parse_reference(f"{repository}:{tag}").familiar)
    for top, names in tags.items():
        yield _image(top, tuple(names), read_json, find)


def _image(
    top: str, tags: tuple[str, ...], read_json: Callable[[str], Any], find: Callable[[str], ArchivedFile]
) -> LegacyImage:
    stack: list[dict[str, Any]] = []
    layer_id = top
    while layer_id:
        if len(stack) >= _MAX_DEPTH:
            raise InvalidArgument(f"invalid archive: image {top} has more than {_MAX_DEPTH} layers")
        value = read_json(f"{layer_id}/json")
        if not isinstance(value, dict):
            raise InvalidArgument(f"invalid archive: {layer_id}/json is no object")
        stack.insert(0, {**value, "id": layer_id})
        layer_id = str(value.get("parent") or "")
    # A plain tar: the digest of the file is the diff id.
    files = [find(f"{value['id']}/layer.tar") for value in stack]
    last = stack[-1]
    file = ConfigFile(
        diff_ids=tuple(found.digest for found in files),
        config=decode_image_config(last.get("config"), "config"),
        history=tuple(_history(value) for value in stack),
        architecture=str(last.get("architecture", "")),
        os=str(last.get("os", "")),
        created_at=_created(last),
        author=str(last.get("author", "")),
        docker_version=str(last.get("docker_version", "")),
    )
    layers = (Descriptor(media_type=OCI_LAYER, digest=f.digest, size_bytes=f.size_bytes) for f in files)
    return LegacyImage(config=encode_config_file(file), layers=tuple(layers), tags=tags)


def _history(value: dict[str, Any]) -> HistoryItem:
    command = (value.get("container_config") or {}).get("Cmd") or []
    created_by = " ".join(str(word) for word in command)
    return HistoryItem(created_at=_created(value), created_by=created_by, comment=str(value.get("comment", "")))


def _created(value: dict[str, Any]) -> int:
    return decode_time(str(value["created"])) if value.get("created") else 0
