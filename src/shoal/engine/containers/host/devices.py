"""Devices of the host, looked up for containers. Blocking."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from shoal.errors import DriverError, InvalidArgument
from shoal.model.resources import DeviceMapping
from shoal.oci.runtime_spec import Device

_NOT_SHOWN = ("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev")


def find_devices(mappings: Iterable[DeviceMapping]) -> tuple[Device, ...]:
    """The devices behind `mappings`; a directory stands for all devices in it. Raises: DriverError"""
    return tuple(device for mapping in mappings for device in _find(mapping))


def _find(mapping: DeviceMapping) -> Iterator[Device]:
    path = Path(mapping.path_on_host)
    target = mapping.path_in_container or mapping.path_on_host
    if path.is_dir():
        for node in _below(path):
            inner = target.rstrip("/") + node.path[len(str(path)) :]
            yield replace(node, path=inner, access=mapping.permissions)
        return
    try:
        device = _device(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DriverError(f'error gathering device information while adding custom device "{path}": {reason}') from None
    if device is None:
        raise DriverError(f'error gathering device information while adding custom device "{path}": not a device node')
    yield replace(device, path=target, access=mapping.permissions)


def all_devices() -> tuple[Device, ...]:
    """Every device in /dev, for privileged containers."""
    return tuple(_below(Path("/dev")))


def _below(folder: Path) -> Iterator[Device]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name in _NOT_SHOWN or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _below(Path(entry.path))
            continue
        try:
            device = _device(Path(entry.path))
        except OSError:
            continue
        if device is not None and entry.path != "/dev/console":
            yield device


def _device(path: Path) -> Device | None:
    info = path.stat()
    if not (stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode)):
        return None
    return Device(
        path=str(path),
        kind="c" if stat.S_ISCHR(info.st_mode) else "b",
        major=os.major(info.st_rdev),
        minor=os.minor(info.st_rdev),
        mode=stat.S_IMODE(info.st_mode),
        uid=info.st_uid,
        gid=info.st_gid,
    )


def block_numbers(paths: Iterable[str]) -> dict[str, tuple[int, int]]:
    """{path: (major, minor)} of the block devices that limits name. Raises: InvalidArgument"""
    found: dict[str, tuple[int, int]] = {}
    for path in paths:
        try:
            info = Path(path).stat()
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", "") or str(error)).lower()
            raise InvalidArgument(f'block device of a limit: "{path}": {reason}') from None
        if not stat.S_ISBLK(info.st_mode):
            raise InvalidArgument(f'block device of a limit: "{path}" is no block device')
        found[path] = (os.major(info.st_rdev), os.minor(info.st_rdev))
    return found
