"""Files in memory: a file system without a disk, in the engine's mount namespace.

<run>/memory/CONTAINER/NAME     NAME: made of the place in the container
"""

import asyncio
import hashlib
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from shoal.drivers.mount import mount_memory
from shoal.drivers.threads import in_thread
from shoal.errors import DriverError
from shoal.model.mount import MemoryFile


class MemoryFolder:
    """`contracts.memory_files.MemoryFiles` below one directory, which is mounted when the first file comes."""

    def __init__(self, folder: Path) -> None:
        """`folder`: in the run directory; its place must be free."""
        self._folder = folder
        self._mounting = threading.Lock()

    def open(self) -> Sequence[str]:
        """See the contract."""
        return os.listdir(self._folder) if os.path.ismount(self._folder) else []

    async def put(self, container_id: str, files: Mapping[MemoryFile, bytes]) -> None:
        """See the contract."""
        try:
            await in_thread(self._put, self._folder / container_id, files)
        except OSError as error:
            raise DriverError(f"cannot keep files in memory: {error.strerror}") from error

    def _put(self, folder: Path, files: Mapping[MemoryFile, bytes]) -> None:
        self._ensure_mounted()
        folder.mkdir(mode=0o700, exist_ok=True)
        for file, content in files.items():
            _write(folder / _name(file.target), file, content)
        for name in set(os.listdir(folder)) - {_name(file.target) for file in files}:
            (folder / name).unlink()

    def _ensure_mounted(self) -> None:
        with self._mounting:
            if os.path.ismount(self._folder):
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            mount_memory(str(self._folder))

    def path(self, container_id: str, target: str) -> Path | None:
        """See the contract."""
        path = self._folder / container_id / _name(target)
        return path if path.is_file() and os.path.ismount(self._folder) else None

    async def remove(self, container_id: str) -> None:
        """See the contract."""
        await asyncio.to_thread(shutil.rmtree, self._folder / container_id, ignore_errors=True)


def _name(target: str) -> str:
    return hashlib.sha256(target.encode()).hexdigest()[:32]


def _write(path: Path, file: MemoryFile, content: bytes) -> None:
    """A new file in place of the old one, which a running container may still see."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as opened:
        opened.write(content)
    os.chown(new, file.uid, file.gid)
    new.chmod(file.mode)
    new.rename(path)
