"""Keeps several log files per container: the full one is renamed and conmon told to begin a new one.

conmon itself knows only one file, which it empties at its limit; it is given twice the limit of all files together, so
that a log does not grow without end while no engine is there.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from shoal.drivers.logs.watcher import DirectoryWatcher
from shoal.drivers.runtime.layout import Notes
from shoal.errors import DriverError

_PAUSE_S = 0.05

_log = logging.getLogger(__name__)


def backstop_bytes(max_bytes: int, max_files: int) -> int:
    """The size at which conmon begins anew by itself; 0 = never."""
    return max_bytes if max_files <= 1 else 2 * max_bytes * max_files


class LogRotation:
    """One asyncio.Task for each container whose logs rotate; it sleeps while nothing is written."""

    def __init__(self) -> None:
        self._watcher = DirectoryWatcher()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def add(self, container_id: str, notes: Notes, reopen: Callable[[], None]) -> None:
        """From now on keep this container's logs. reopen: tells its supervisor to open `log_path` anew"""
        self.drop(container_id)
        self._tasks[container_id] = asyncio.create_task(self._keep(container_id, notes, reopen))

    def drop(self, container_id: str) -> None:
        """Leave this container's logs alone."""
        if task := self._tasks.pop(container_id, None):
            task.cancel()

    async def close(self) -> None:
        """Stop."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._watcher.close()

    async def _keep(self, container_id: str, notes: Notes, reopen: Callable[[], None]) -> None:
        with self._watcher.watch(Path(notes.log_path).parent) as changes:
            while True:
                try:
                    rotate(notes, reopen)
                except (OSError, DriverError) as error:
                    _log.warning("log not rotated", extra={"container": container_id, "error": str(error)})
                await changes.wait()
                await asyncio.sleep(_PAUSE_S)  # a busy writer is looked at now and then, not at every line


def rotate(notes: Notes, reopen: Callable[[], None]) -> bool:
    """Rename log_path to .1, .1 to .2, … when it is full; True when it was."""
    try:
        if os.path.getsize(notes.log_path) < notes.log_max_bytes:
            return False
    except FileNotFoundError:
        return False
    for number in range(notes.log_max_files - 1, 1, -1):
        with suppress(FileNotFoundError):
            os.rename(f"{notes.log_path}.{number - 1}", f"{notes.log_path}.{number}")
    os.rename(notes.log_path, f"{notes.log_path}.1")
    reopen()
    return True
