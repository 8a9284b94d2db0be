"""The overlay of this node, kept as the managers say."""

import asyncio
import logging

from shoal.contracts.cluster.overlay import Overlay
from shoal.errors import ShoalError
from shoal.model.cluster.assignment import Attached, OverlayState

log = logging.getLogger("shoal.cluster.agent")

RETRY_S = 1.0
SETTLE_S = 0.5  #: within which the other nodes have what this one has


class Overlays:
    """Applies the newest state, one at a time. Versions count what was wanted."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay
        self._state: OverlayState | None = None
        self._wanted = 0
        self._tried = 0  #: the version that was applied last, with or without success
        self._changed = asyncio.Condition()

    async def want(self, state: OverlayState | None) -> None:
        """It is to be like this soon."""
        if state is None or state == self._state:
            return
        async with self._changed:
            self._state = state
            self._wanted += 1
            self._changed.notify_all()

    async def run(self) -> None:
        """Apply until cancelled."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._tried < self._wanted)
                version, state = self._wanted, self._state
            assert state is not None
            failed = False
            try:
                await self._overlay.apply(state)
            except ShoalError as error:
                failed = True
                log.error("the overlay networks are not as they have to be: %s", error.message)
            async with self._changed:
                self._tried = version
                self._changed.notify_all()
            if failed:
                await self._again(version)

    async def _again(self, version: int) -> None:
        """The same state once more after a while, unless another one comes first."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: self._wanted > version), RETRY_S)
            except TimeoutError:
                self._wanted += 1

    async def current(self) -> None:
        """Returns when what is wanted now was applied, as well as it could be."""
        version = self._wanted
        async with self._changed:
            await self._changed.wait_for(lambda: self._tried >= version)

    async def drained(self, task_id: str, deadline_s: float) -> None:
        """Nobody is connected to this task by a virtual address any more, or `deadline_s` has passed.

        The task gets nothing new by now on this node; other nodes are given a moment to know it too.
        """
        loop = asyncio.get_running_loop()
        over_at = loop.time() + deadline_s
        await self.current()
        others = self._state.peers if self._state is not None else {}
        if any(peer.is_ready for peer in others.values()):
            await asyncio.sleep(min(SETTLE_S, max(0.0, over_at - loop.time())))
        try:
            await self._overlay.drained(task_id, max(0.0, over_at - loop.time()))
        except ShoalError as error:
            log.warning("connections of a task cannot be seen: %s", error.message, extra={"task": task_id})

    def attached(self) -> tuple[Attached, ...]:
        """Containers outside services that are on these networks here."""
        return self._overlay.attached()

    async def leave(self) -> None:
        """Nothing of it is left."""
        await self._overlay.leave()
