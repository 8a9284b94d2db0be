"""One run that is watched: its pidfds, and the future that its exit goes to."""

import asyncio
import os
import signal as signals
from collections.abc import Callable

from shoal.contracts.runtime import Exit, Run
from shoal.drivers.runtime.layout import Notes


class LiveRun:
    """A run from create (or adopt) to delete."""

    __slots__ = ("_init_fd", "_supervisor_fd", "container_id", "exit", "notes", "pid", "started", "supervisor_pid")

    def __init__(self, container_id: str, pid: int, supervisor_pid: int, notes: Notes) -> None:
        self.container_id = container_id
        self.pid = pid
        self.supervisor_pid = supervisor_pid
        self.notes = notes
        self.started = False
        self.exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._init_fd = _pidfd(pid)
        self._supervisor_fd = _pidfd(supervisor_pid)

    def watch(self, on_end: Callable[["LiveRun"], None]) -> None:
        """Call `on_end` once, when the supervisor has ended: at once where it has ended already."""
        if self._supervisor_fd < 0:
            on_end(self)
            return
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(self._supervisor_fd)
            on_end(self)

        loop.add_reader(self._supervisor_fd, ended)

    def signal_init(self, signal: int) -> None:
        """Send a signal to the init; nothing when it has ended."""
        _signal(self._init_fd, signal)

    def signal_supervisor(self, signal: int) -> None:
        """Send a signal to conmon; nothing when it has ended."""
        _signal(self._supervisor_fd, signal)

    def ended(self) -> None:
        """Stop watching."""
        if self._supervisor_fd >= 0:
            asyncio.get_running_loop().remove_reader(self._supervisor_fd)
        for fd in (self._init_fd, self._supervisor_fd):
            if fd >= 0:
                os.close(fd)
        self._init_fd = self._supervisor_fd = -1
        self.pid = 0

    def as_run(self, *, paused: bool = False) -> Run:
        """What the engine is told of it."""
        return Run(
            container_id=self.container_id,
            pid=self.pid,
            supervisor_pid=self.supervisor_pid,
            started=self.started,
            paused=paused,
            exited=self.exit.done(),
            cgroup=self.notes.cgroup,
        )


def _pidfd(pid: int) -> int:
    if pid <= 0:
        return -1
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return -1


def _signal(pidfd: int, signal: int) -> None:
    if pidfd < 0:
        return
    try:
        signals.pidfd_send_signal(pidfd, signal)
    except ProcessLookupError:
        return
