"""Mounts on the wire: HostConfig.Mounts, binds, files in memory, and the mount points that inspect lists."""

import base64
import binascii
import posixpath
from dataclasses import replace
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.mount import BindOptions, MemoryFile, Mount, MountPoint, MountType, TmpfsOptions, VolumeOptions
from shoal.wire.fields import (
    OMIT,
    Field,
    decode,
    encode,
    flag,
    number,
    objects,
    read_list,
    read_object,
    read_text,
    text,
    text_map,
)
from shoal.wire.fields import read_strings as _read_strings

_BIND = (
    text("Propagation", "propagation", empty=OMIT),
    flag("NonRecursive", "non_recursive", empty=OMIT),
    flag("CreateMountpoint", "create_mountpoint", empty=OMIT),
    flag("ReadOnlyNonRecursive", "read_only_non_recursive", empty=OMIT),
    flag("ReadOnlyForceRecursive", "read_only_force_recursive", empty=OMIT),
)
_VOLUME = (
    flag("NoCopy", "no_copy", empty=OMIT),
    text_map("Labels", "labels", empty=OMIT),
    text("Subpath", "subpath", empty=OMIT),
)
_DRIVER = (text("Name", "driver", empty=OMIT), text_map("Options", "driver_options", empty=OMIT))


def _read_options(value: Any, path: str) -> tuple[tuple[str, ...], ...]:
    return tuple(_read_strings(item, f"{path}.{i}") for i, item in enumerate(read_list(value, path)))


_TMPFS = (
    number("SizeBytes", "size_bytes", empty=OMIT),
    number("Mode", "mode", empty=OMIT),
    Field("Options", "options", _read_options, lambda value: [list(item) for item in value] or OMIT),
)
_NO_ID = 2**32 - 1  #: chown(2) takes it as "leave it"
_MOUNT = (
    text("Source", "source", empty=OMIT),
    text("Target", "target"),
    flag("ReadOnly", "read_only", empty=OMIT),
    text("Consistency", "consistency", empty=OMIT),
)


def read_mounts(value: Any, path: str) -> tuple[Mount, ...]:
    """HostConfig.Mounts. Raises: InvalidArgument"""
    return tuple(_read_mount(item, f"{path}.{i}") for i, item in enumerate(read_list(value, path)))


def _read_mount(value: Any, path: str) -> Mount:
    given = read_object(value, path)
    kind = given.get("Type") or ""
    if kind not in tuple(MountType):
        raise InvalidArgument(f'invalid mount config for type "{kind}": mount type unknown: "{kind}"')
    options: dict[str, Any] = {}
    if (bind := given.get("BindOptions")) is not None:
        options["bind"] = BindOptions(**decode(_BIND, bind, f"{path}.BindOptions"))
    if (volume := given.get("VolumeOptions")) is not None:
        driver = decode(_DRIVER, read_object(volume, path).get("DriverConfig"), f"{path}.VolumeOptions.DriverConfig")
        options["volume"] = VolumeOptions(**decode(_VOLUME, volume, f"{path}.VolumeOptions"), **driver)
    if (tmpfs := given.get("TmpfsOptions")) is not None:
        options["tmpfs"] = TmpfsOptions(**decode(_TMPFS, tmpfs, f"{path}.TmpfsOptions"))
    if (image := given.get("ImageOptions")) is not None:
        options["image_subpath"] = read_object(image, path).get("Subpath") or ""
    return Mount(type=MountType(kind), **({"target": ""} | decode(_MOUNT, given, path)), **options)


def write_mount(mount: Mount) -> dict[str, Any]:
    """One entry of HostConfig.Mounts."""
    result: dict[str, Any] = {"Type": mount.type.value} | encode(_MOUNT, mount)
    if mount.bind is not None:
        result["BindOptions"] = encode(_BIND, mount.bind)
    if mount.volume is not None:
        result["VolumeOptions"] = encode(_VOLUME, mount.volume)
        if driver := encode(_DRIVER, mount.volume):
            result["VolumeOptions"]["DriverConfig"] = driver
    if mount.tmpfs is not None:
        result["TmpfsOptions"] = encode(_TMPFS, mount.tmpfs)
    if mount.image_subpath:
        result["ImageOptions"] = {"Subpath": mount.image_subpath}
    return result


_MEMORY_FILES = objects(
    "MemoryFiles",
    "memory_files",
    (
        text("Target", "target"),
        number("UID", "uid", empty=OMIT),
        number("GID", "gid", empty=OMIT),
        number("Mode", "mode"),
    ),
    MemoryFile,
    empty=OMIT,
)


def _read_memory_files(value: Any, path: str) -> tuple[MemoryFile, ...]:
    files: tuple[MemoryFile, ...] = _MEMORY_FILES.read(value, path)
    for i, file in enumerate(files):
        if not posixpath.isabs(file.target) or posixpath.normpath(file.target) != file.target or file.target == "/":
            raise InvalidArgument(f'{path}.{i}.Target: expected a clean absolute path, got "{file.target}"')
        if not 0 <= file.mode <= 0o7777 or not 0 <= file.uid < _NO_ID or not 0 <= file.gid < _NO_ID:
            raise InvalidArgument(f"{path}.{i}: owner, group or mode out of range")
    return files


#: HostConfig.MemoryFiles, Shoal's own: what is declared; contents come by PUT /containers/{id}/memory-files
MEMORY_FILES = replace(_MEMORY_FILES, read=_read_memory_files)


def decode_contents(body: Any) -> dict[str, bytes]:
    """{target: content} of PUT /containers/{id}/memory-files. Raises: InvalidArgument, which never shows a content"""
    files = read_object(read_object(body, "").get("Files"), "Files")
    return {target: _content(value, f"Files.{target}") for target, value in files.items()}


def _content(value: Any, path: str) -> bytes:
    try:
        return base64.b64decode(read_text(value, path), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument(f"{path}: expected base64") from None


def write_mount_point(point: MountPoint) -> dict[str, Any]:
    """One entry of a container's `Mounts`."""
    result: dict[str, Any] = {"Type": point.type.value}
    if point.name:
        result["Name"] = point.name
    result |= {"Source": point.source, "Destination": point.destination}
    if point.driver:
        result["Driver"] = point.driver
    return result | {"Mode": point.mode, "RW": point.read_write, "Propagation": point.propagation}
