"""What an earlier engine left of a container's run: processes that live, found by files and checked against /proc."""

import asyncio
import time

from shoal.drivers.runtime.crun import Crun, parse_status
from shoal.drivers.runtime.layout import Layout
from shoal.drivers.runtime.processes import command_line, is_zombie, start_ticks

_MAKING_S = 5.0
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
            pid = self._layout.number(bundle / "conmon.pid")
            if pid <= 0 or is_zombie(pid) or f"--cid={container_id}" not in command_line(pid):
                return 0
            if (bundle / "pid").exists() or self.init(container_id) or time.monotonic() > end:
                return pid
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
