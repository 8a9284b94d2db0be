"""Mounts on the wire: HostConfig.Mounts, binds, and the mount points that inspect lists."""

from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.mount import BindOptions, Mount, MountPoint, MountType, TmpfsOptions, VolumeOptions
from shoal.wire.fields import OMIT, Field, decode, encode, flag, number, read_list, read_object, text, text_map
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


def write_mount_point(point: MountPoint) -> dict[str, Any]:
    """One entry of a container's `Mounts`."""
    result: dict[str, Any] = {"Type": point.type.value}
    if point.name:
        result["Name"] = point.name
    result |= {"Source": point.source, "Destination": point.destination}
    if point.driver:
        result["Driver"] = point.driver
    return result | {"Mode": point.mode, "RW": point.read_write, "Propagation": point.propagation}
