"""ContainerSpec.Secrets and ContainerSpec.Configs: what a task gets as files."""

from collections.abc import Iterable, Mapping
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.cluster.task import FileReference
from shoal.wire.fields import decode, number, read_list, read_object, text

#: kind of the model: (key, key of the id, key of the name)
KEYS: Mapping[str, tuple[str, str, str]] = {
    "secrets": ("Secrets", "SecretID", "SecretName"),
    "configs": ("Configs", "ConfigID", "ConfigName"),
}
_FILE = (text("Name", "target"), text("UID", "uid", empty="0"), text("GID", "gid", empty="0"), number("Mode", "mode"))


def read_files(spec: Mapping[str, Any], path: str) -> tuple[FileReference, ...]:
    """The secrets, then the configs of a ContainerSpec. Raises: InvalidArgument"""
    return tuple(
        _read_reference(kind, item, f"{path}.{KEYS[kind][0]}.{i}")
        for kind in KEYS
        for i, item in enumerate(read_list(spec.get(KEYS[kind][0]) or [], f"{path}.{KEYS[kind][0]}"))
    )


def _read_reference(kind: str, item: Any, path: str) -> FileReference:
    _, id_key, name_key = KEYS[kind]
    given = read_object(item, path)
    if given.get("Runtime") is not None:
        raise InvalidArgument(f"{path}.Runtime: configs for credential specs are a feature of Windows")
    if given.get("File") is None:
        raise InvalidArgument(f"{path}.File: expected where the task gets it")
    file = decode(_FILE, given["File"], f"{path}.File")
    named = {"id": "", "name": ""} | decode((text(id_key, "id"), text(name_key, "name")), given, path)
    if not named["id"] and not named["name"]:
        raise InvalidArgument(f"{path}: expected {id_key} or {name_key}")
    return FileReference(kind=kind, **named, **{key: value for key, value in file.items() if value != ""})


def write_files(files: Iterable[FileReference]) -> dict[str, Any]:
    """{"Secrets": […], "Configs": […]}, without a key that would be empty."""
    result: dict[str, list[Any]] = {}
    for file in files:
        key, id_key, name_key = KEYS[file.kind]
        where = {"Name": file.target, "UID": file.uid, "GID": file.gid, "Mode": file.mode}
        result.setdefault(key, []).append({"File": where, id_key: file.id, name_key: file.name})
    return {key: result[key] for key, _, _ in KEYS.values() if key in result}
