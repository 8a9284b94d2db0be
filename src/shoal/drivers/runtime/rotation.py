"""Keeps several log files per container: the full one is renamed and conmon told to begin a new one.

conmon itself knows only one file, which it empties at its limit; it is given the limit of all files together, so that a
log does not grow without end while no engine is there.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress

from shoal.drivers.runtime.layout import Notes
from shoal.errors import DriverError

_CHECK_S = 0.5

_log = logging.getLogger(__name__)


class LogRotation:
    """One asyncio.Task for all containers whose logs rotate; none while there are none."""

    def __init__(self) -> None:
        self._logs: dict[str, tuple[Notes, Callable[[], None]]] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, container_id: str, notes: Notes, reopen: Callable[[], None]) -> None:
        """From now on keep this container's logs. reopen: tells its supervisor to open `log_path` anew"""
        self._logs[container_id] = (notes, reopen)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())

    def drop(self, container_id: str) -> None:
        """Leave this container's logs alone."""
        self._logs.pop(container_id, None)

    async def close(self) -> None:
        """Stop."""
        self._logs.clear()
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while self._logs:
            for container_id, (notes, reopen) in list(self._logs.items()):
                try:
                    rotate(notes, reopen)
                except (OSError, DriverError) as error:
                    _log.warning("log not rotated", extra={"container": container_id, "error": str(error)})
            await asyncio.sleep(_CHECK_S)


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
