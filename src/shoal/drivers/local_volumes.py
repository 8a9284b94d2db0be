"""The `local` volume driver: a directory for each volume, and what its options mount there.

    <root>/volumes/NAME/_data     what containers see
    <root>/volumes/NAME/filling   there while the content of an image is copied: a crash left the copy half-done

Source: Docker's `local` driver (options `type`, `o`, `device` are those of mount(8)).
"""

import asyncio
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from shoal.drivers import mount as sys
from shoal.drivers.files.tree import copy_tree, remove_tree, tree_bytes
from shoal.errors import InvalidArgument

_OPTIONS = ("type", "o", "device", "size")
_FLAGS = {
    "ro": sys.MS_RDONLY,
    "rw": 0,
    "nosuid": sys.MS_NOSUID,
    "nodev": sys.MS_NODEV,
    "noexec": sys.MS_NOEXEC,
    "noatime": sys.MS_NOATIME,
    "relatime": sys.MS_RELATIME,
    "bind": sys.MS_BIND,
    "rbind": sys.MS_BIND | sys.MS_REC,
    "defaults": 0,
}


class LocalVolumes:
    """`contracts.volumes.VolumeDriver` on directories below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, name: str) -> Path:
        """The directory that containers see."""
        return self._root / name / "_data"

    async def create(self, name: str, options: Mapping[str, str]) -> None:
        """See the contract."""
        check_options(options)
        await asyncio.to_thread(self._create, name)

    def _create(self, name: str) -> None:
        self._root.mkdir(mode=0o701, exist_ok=True)
        (self._root / name).mkdir(mode=0o701, exist_ok=True)
        path = self.path(name)
        path.mkdir(exist_ok=True)
        path.chmod(0o755)

    async def mount(self, name: str, options: Mapping[str, str]) -> Path:
        """See the contract."""
        path = self.path(name)
        if options.get("device") or options.get("type"):
            await asyncio.to_thread(self._mount, path, options)
        elif not path.exists():
            await asyncio.to_thread(self._create, name)
        return path

    def _mount(self, path: Path, options: Mapping[str, str]) -> None:
        if str(path) in sys.mount_points(str(path)):
            return
        flags, data = split_mount_options(options.get("o", ""))
        kind = options.get("type", "none")
        sys.mount(options.get("device", kind), str(path), "" if kind == "none" else kind, flags, _resolved(kind, data))
        if flags & sys.MS_BIND and flags & sys.MS_RDONLY:
            sys.mount("", str(path), "", sys.MS_REMOUNT | flags)

    async def unmount(self, name: str) -> None:
        """See the contract."""
        await asyncio.to_thread(sys.unmount, str(self.path(name)))

    async def fill(self, name: str, source: Path) -> bool:
        """See the contract."""
        return await asyncio.to_thread(self._fill, name, source)

    def _fill(self, name: str, source: Path) -> bool:
        path = self.path(name)
        mark = path.parent / "filling"
        if mark.exists():
            _empty(path)
        elif os.listdir(path):
            return False
        mark.touch()
        copy_tree(source, path)
        mark.unlink()
        return True

    async def remove(self, name: str) -> None:
        """See the contract."""
        await asyncio.to_thread(self._remove, name)

    def _remove(self, name: str) -> None:
        sys.unmount(str(self.path(name)))
        remove_tree(self._root / name)

    async def usage(self, name: str) -> int:
        """See the contract."""
        return await asyncio.to_thread(tree_bytes, self.path(name))

    def names(self) -> list[str]:
        """The volumes that have a directory."""
        return [entry.name for entry in os.scandir(self._root)] if self._root.is_dir() else []


def check_options(options: Mapping[str, str]) -> None:
    """Raises: InvalidArgument for an option that the driver does not know, or one that lacks its partner"""
    for name in options:
        if name not in _OPTIONS:
            raise InvalidArgument(f'create volume: invalid option: "{name}"')
    if options.get("type") not in (None, "", "tmpfs") and not options.get("device"):
        raise InvalidArgument("create volume: missing required option: device")
    if options.get("size"):
        raise InvalidArgument("create volume: quota size requested but no quota support")
    if (options.get("device") or options.get("o")) and not options.get("type"):
        raise InvalidArgument("create volume: missing required option: type")


def split_mount_options(text: str) -> tuple[int, str]:
    """Flags and data of mount(2) from "rw,nosuid,addr=10.0.0.1": (MS_NOSUID, "addr=10.0.0.1")"""
    flags = 0
    data: list[str] = []
    for word in filter(None, text.split(",")):
        if word in _FLAGS:
            flags |= _FLAGS[word]
        else:
            data.append(word)
    return flags, ",".join(data)


def _resolved(kind: str, data: str) -> str:
    """NFS and CIFS want an address where people write a name."""
    if kind not in ("nfs", "nfs4", "cifs"):
        return data
    words = [word.split("=", 1) for word in data.split(",") if word]
    return ",".join(
        f"addr={socket.gethostbyname(value[0])}" if key == "addr" and value else "=".join([key, *value])
        for key, *value in words
    )


def _empty(path: Path) -> None:
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False):
            remove_tree(Path(entry.path))
        else:
            os.unlink(entry.path)
