"""What an earlier engine left of a container's run: processes that live, found by files and checked against /proc."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from shoal.drivers.runtime.crun import Crun, parse_status
from shoal.drivers.runtime.layout import Layout
from shoal.drivers.runtime.processes import command_line, is_zombie, start_ticks

_MAKING_S = 5.0
_ENDING_S = 5.0
_POLL_S = 0.005


class Remains:
    """Looks for the processes of a run. A pid that has become another process's since is not taken for it."""

    def __init__(self, layout: Layout, crun: Crun) -> None:
        self._layout = layout
        self._crun = crun

    async def supervisor(self, container_id: str) -> int:
        """Pid of the conmon that lives, 0 when none does. One that is still making the container is waited for."""
        end = time.monotonic() + _MAKING_S
        bundle = self._layout.bundle(container_id)
        while True:
            is_starting = _is_starting(bundle)
            pid = self._layout.number(bundle / "conmon.pid")  # looked for last: it is written before the first one ends
            if pid <= 0 and not is_starting:
                return 0
            if pid > 0 and (is_zombie(pid) or f"--cid={container_id}" not in command_line(pid)):
                return 0
            is_made = (bundle / "pid").exists() or self.init(container_id)
            if (pid > 0 and is_made) or time.monotonic() > end:
                return max(pid, 0)
            await asyncio.sleep(_POLL_S)

    async def end(self, container_id: str) -> None:
        """A run that nobody watches is killed, once it is made, and its conmon has ended."""
        supervisor = await self.supervisor(container_id)
        end = time.monotonic() + _ENDING_S
        _kill(self.init(container_id))
        while supervisor and not is_zombie(supervisor):
            if time.monotonic() > end:
                _kill(supervisor)
            await asyncio.sleep(_POLL_S)

    def init(self, container_id: str) -> int:
        """Pid of the init that lives, 0 when none does."""
        try:
            status = parse_status(self._crun.status_file(container_id).read_text())
        except (OSError, ValueError, KeyError):
            return 0
        if is_zombie(status.pid) or status.started_ticks not in (0, start_ticks(status.pid)):
            return 0
        return status.pid


def _is_starting(bundle: Path) -> bool:
    """True when something is at work in the bundle where no pid is written down yet.

    A conmon starts another, writes down the pid of that one, and ends. Its command line can't be read at once when it
    starts; its working directory can.
    """
    try:
        wanted = os.stat(bundle)
    except FileNotFoundError:
        return False
    if (bundle / "conmon.pid").exists():
        return False
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if os.path.samestat(os.stat(f"/proc/{pid}/cwd"), wanted):
                return True
    return False


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        if pid:
            os.kill(pid, signal.SIGKILL)
