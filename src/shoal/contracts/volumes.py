"""Where the content of volumes lives.

A volume has a directory from `create` to `remove`. What the options of a volume name (nfs, tmpfs, a bind) is mounted on
it by `mount` when its first user starts and unmounted by `unmount` after the last; a plain one needs neither, so both
are no-ops then. `fill` copies the content of an image into it, only while it is empty: a crash half-way leaves a mark,
and the next `fill` starts from nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class VolumeDriver(Protocol):
    """Directories of volumes."""

    def path(self, name: str) -> Path:
        """The directory that containers see."""
        ...

    async def create(self, name: str, options: Mapping[str, str]) -> None:
        """Make the directory; no error where it is there. Raises: InvalidArgument for options it does not know"""
        ...

    async def mount(self, name: str, options: Mapping[str, str]) -> Path:
        """The directory, with what `options` name mounted on it. Idempotent. Raises: DriverError"""
        ...

    async def unmount(self, name: str) -> None:
        """Undo `mount`; no error where nothing is mounted."""
        ...

    async def fill(self, name: str, source: Path) -> bool:
        """Copy the content of `source`, with owners, modes and attributes; False when the volume was not empty."""
        ...

    async def remove(self, name: str) -> None:
        """Remove the directory and all that is in it. Idempotent."""
        ...

    async def usage(self, name: str) -> int:
        """Bytes that its files take on disk."""
        ...
