"""The line to the managers: a session that is opened again whenever it breaks, beats, reports."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from shoal.contracts.cluster.dispatcher import Dispatcher
from shoal.contracts.cluster.executor import Executor
from shoal.errors import Forbidden, ShoalError
from shoal.model.cluster.assignment import AssignmentChange
from shoal.swarm.agent.reports import Reports

log = logging.getLogger("shoal.cluster.agent")

FIRST_RETRY_S = 0.1
LAST_RETRY_S = 1.0
DESCRIBE_S = 30.0  #: how often this node looks whether it is still what it said


class Line:
    """Keeps one session open. told(change): called with each change, the full set first"""

    def __init__(
        self,
        node_id: str,
        executor: Executor,
        dispatcher: Dispatcher,
        reports: Reports,
        told: Callable[[AssignmentChange], Awaitable[None]],
    ) -> None:
        self._node_id = node_id
        self._executor = executor
        self._dispatcher = dispatcher
        self._reports = reports
        self._told = told
        self._delay_s = FIRST_RETRY_S
        self.is_connected = False
        self.is_removed = False  #: the managers say that this node is no member any more
        self.error = ""  #: why there is no session, "" while there is one

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._session()
            except* ShoalError as group:
                self._failed(group)
            except* Exception as group:  # a bug in how this node is told: its tasks run on, and it may pass
                log.error("the session with the managers failed: %s", group.exceptions[0], exc_info=group)
            self.is_connected = False
            await asyncio.sleep(self._delay_s)
            self._delay_s = min(self._delay_s * 2, LAST_RETRY_S)

    def _failed(self, group: BaseExceptionGroup[ShoalError]) -> None:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        assert isinstance(error, ShoalError)
        self.error = error.message
        self.is_removed = isinstance(error, Forbidden)
        if self.is_connected or self._delay_s >= LAST_RETRY_S:
            log.warning("no line to the managers: %s", error.message)

    async def _session(self) -> None:
        """Until it breaks. Raises: what broke it, in a group"""
        description = await self._executor.describe()
        opened = asyncio.Event()
        session = self._dispatcher.session(self._node_id, description)
        async with aclosing(session) as changes, asyncio.TaskGroup() as work:  # type: ignore[type-var]
            side = [
                work.create_task(self._beat(opened), name="beats"),
                work.create_task(self._report(opened), name="reports"),
                work.create_task(self._describe(opened), name="description"),
            ]
            async for change in changes:
                await self._told(change)
                if not opened.is_set():
                    self.is_connected, self.is_removed, self.error = True, False, ""
                    self._delay_s = FIRST_RETRY_S
                    opened.set()
            for task in side:
                task.cancel()

    async def _beat(self, opened: asyncio.Event) -> None:
        await opened.wait()
        while True:
            next_s = await self._dispatcher.beat(self._node_id)
            await asyncio.sleep(next_s)

    async def _report(self, opened: asyncio.Event) -> None:
        await opened.wait()
        while True:
            report = await self._reports.next()
            try:
                await self._dispatcher.report(self._node_id, report)
            except BaseException:
                self._reports.untold(report)
                raise

    async def _describe(self, opened: asyncio.Event) -> None:
        await opened.wait()
        last = await self._executor.describe()
        while True:
            await asyncio.sleep(DESCRIBE_S)
            if (now := await self._executor.describe()) != last:
                self._reports.describe(now)
                last = now
