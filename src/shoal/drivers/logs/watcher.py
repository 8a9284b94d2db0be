"""inotify(7) for any number of readers with one file descriptor."""

import asyncio
import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_IN_MODIFY, _IN_MOVED_TO, _IN_CREATE = 0x2, 0x80, 0x100
_EVENT = struct.Struct("iIII")
_POLL_S = 0.05


class DirectoryWatcher:
    """Tells readers that something in a directory was written, created or renamed.

    Where the kernel has no watch left (`fs.inotify.max_user_watches`), readers are woken at short intervals instead.
    """

    def __init__(self) -> None:
        self._fd = -1
        self._readers: dict[int, set[asyncio.Event]] = {}

    @contextmanager
    def watch(self, directory: Path) -> Iterator["Changes"]:
        """Changes in `directory` from now on."""
        event = asyncio.Event()
        number = self._add(directory)
        if number >= 0:
            self._readers.setdefault(number, set()).add(event)
        try:
            yield Changes(event, polled=number < 0)
        finally:
            if number >= 0:
                self._drop(number, event)

    def _add(self, directory: Path) -> int:
        if self._fd < 0:
            self._fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            if self._fd < 0:
                return -1
            asyncio.get_running_loop().add_reader(self._fd, self._read)
        mask = ctypes.c_uint32(_IN_MODIFY | _IN_CREATE | _IN_MOVED_TO)
        return int(_libc.inotify_add_watch(self._fd, str(directory).encode(), mask))

    def _drop(self, number: int, event: asyncio.Event) -> None:
        readers = self._readers.get(number, set())
        readers.discard(event)
        if not readers:
            self._readers.pop(number, None)
            if self._fd >= 0:
                _libc.inotify_rm_watch(self._fd, number)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 16 * 1024)
        except BlockingIOError:
            return
        position = 0
        while position < len(data):
            number, _, _, size = _EVENT.unpack_from(data, position)
            position += _EVENT.size + size
            for event in self._readers.get(number, ()):
                event.set()

    def close(self) -> None:
        """Give the file descriptor back."""
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1


class Changes:
    """What one reader waits for."""

    def __init__(self, event: asyncio.Event, *, polled: bool) -> None:
        self._event = event
        self._polled = polled

    def wake(self) -> None:
        """End a wait from elsewhere."""
        self._event.set()

    async def wait(self) -> None:
        """Return when something has changed since the last return."""
        if self._polled:
            try:
                await asyncio.wait_for(self._event.wait(), _POLL_S)
            except TimeoutError:
                return
        else:
            await self._event.wait()
        self._event.clear()
