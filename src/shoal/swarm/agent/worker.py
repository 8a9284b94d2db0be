"""One task on this node, from its assignment to its removal."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from shoal.cluster.task import MESSAGES, Effect, advance
from shoal.contracts.cluster.executor import Executor
from shoal.errors import ShoalError
from shoal.model.cluster.task import Task, TaskState, TaskStatus
from shoal.model.container import DEFAULT_STOP_TIMEOUT_S
from shoal.swarm.agent.overlays import Overlays

log = logging.getLogger("shoal.cluster.agent")

RETRY_S = 1.0
LOST = "task: its container is gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What workers share.

    values(task): contents of its secrets and configs; waits until the managers have told them
    report(task id, status): what is different
    """

    executor: Executor
    overlays: Overlays
    now_ns: Callable[[], int]
    values: Callable[[Task], Awaitable[Mapping[str, bytes]]]
    report: Callable[[str, TaskStatus], None]


class Worker:
    """Brings its task along `cluster.task.NEXT`. What it does is idempotent: after a crash it begins where it was."""

    def __init__(self, task: Task, found: TaskStatus | None, tools: Tools) -> None:
        """found: what this node has of it already, None = nothing"""
        self.task = task
        self._tools = tools
        self._wake = asyncio.Event()
        self._is_forgotten = False
        self._is_stopping = False  #: its container was told to end: how it ends says nothing
        self._is_removed = False
        self.status = _first_status(task, found, tools.now_ns())

    # -- what it hears -----------------------------------------------------------

    def update(self, task: Task) -> None:
        """The managers say something else of it."""
        self.task = task
        self._wake.set()

    def forget(self) -> None:
        """The managers know it no more: it is stopped and removed."""
        self._is_forgotten = True
        self._wake.set()

    def observed(self, status: TaskStatus) -> None:
        """Its container is seen like this."""
        if self._is_stopping or status.state <= self.status.state:
            return
        self._set(status)
        self._wake.set()

    @property
    def wish(self) -> TaskState:
        """What is wanted of it."""
        return TaskState.REMOVE if self._is_forgotten else self.task.desired

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or is to."""
        return self.wish >= TaskState.SHUTDOWN or self.status.state > TaskState.RUNNING

    def _set(self, status: TaskStatus) -> None:
        self.status = status
        if not self._is_forgotten:
            self._tools.report(self.task.id, status)

    def _reach(self, state: TaskState, error: str = "") -> None:
        message = MESSAGES.get(state, self.status.message)
        self._set(replace(self.status, state=state, at=self._tools.now_ns(), message=message, error=error))

    # -- what it does --------------------------------------------------------------

    async def run(self) -> None:
        """Until the task is forgotten and nothing is left of it."""
        while not (self._is_forgotten and self._is_removed):
            self._wake.clear()
            state, effect = advance(self.status.state, self.wish)
            try:
                is_idle = await self._carry_out(state, effect)
            except ShoalError as error:
                log.error("%s: %s", self.task.name, error.message, extra={"task": self.task.id})
                await asyncio.sleep(RETRY_S)
                continue
            except Exception as error:  # a bug, or a disk that fails: the slot gets another task, this one is tidied up
                log.exception("%s of %s failed", effect or state.name, self.task.name, extra={"task": self.task.id})
                if self.status.state <= TaskState.RUNNING and self.wish < TaskState.SHUTDOWN:
                    self._reach(TaskState.FAILED, f"{effect or state.name} failed: {error}")
                await asyncio.sleep(RETRY_S)
                continue
            if is_idle:
                await self._wake.wait()

    async def _carry_out(self, state: TaskState, effect: Effect | None) -> bool:
        """Whether there is nothing more to do until something is heard."""
        if effect is Effect.PREPARE:
            await self._prepare()
        elif effect is Effect.START:
            return await self._start()
        elif effect is Effect.STOP:
            await self._stop()
        elif effect is Effect.REMOVE:
            return await self._remove()
        elif effect is Effect.WAIT or state is self.status.state:
            if self.status.state > TaskState.RUNNING:
                await self._end()
            return True
        else:
            self._reach(state)
        return False

    async def _prepare(self) -> None:
        try:
            if not await self._unless_over(self._prepare_now()):
                return
        except ShoalError as error:
            self._reach(TaskState.REJECTED, error.message)
            return
        self._reach(TaskState.READY)

    async def _prepare_now(self) -> None:
        values = await self._tools.values(self.task)
        if self.task.addresses:
            await self._tools.overlays.current()
        await self._tools.executor.prepare(self.task, values)

    async def _unless_over(self, work: Awaitable[None]) -> bool:
        """Whether it was done; given up as soon as the task is not wanted any more."""
        running = asyncio.ensure_future(work)
        try:
            while not running.done() and not self.is_over:
                self._wake.clear()
                heard = asyncio.ensure_future(self._wake.wait())
                try:
                    await asyncio.wait([running, heard], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    heard.cancel()
            if running.done():
                running.result()
                return True
            return False
        finally:
            if not running.done():
                running.cancel()
                await asyncio.wait([running])

    async def _start(self) -> bool:
        """Started; what is seen of it says when it runs."""
        try:
            await self._tools.executor.start(self.task)
        except ShoalError as error:
            self._reach(TaskState.FAILED, error.message)
            return False
        return not self._wake.is_set()

    async def _stop(self) -> None:
        """Ended: when nobody is connected to it any more, in the time that it has."""
        if self.status.state >= TaskState.STARTING:
            if self.task.addresses and not self._is_forgotten and self.status.state is TaskState.RUNNING:
                await self._drain()
            if self.status.state > TaskState.RUNNING:
                return
            self._is_stopping = True
            await self._tools.executor.stop(self.task)
        self._is_stopping = True
        self._reach(TaskState.SHUTDOWN)

    async def _drain(self) -> None:
        timeout_s = self.task.spec.container.stop_timeout_s
        patience_s = float(DEFAULT_STOP_TIMEOUT_S if timeout_s is None else max(timeout_s, 0))
        work = asyncio.ensure_future(self._tools.overlays.drained(self.task.id, patience_s))
        try:
            while not work.done() and self.status.state is TaskState.RUNNING and not self._is_forgotten:
                self._wake.clear()
                heard = asyncio.ensure_future(self._wake.wait())
                try:
                    await asyncio.wait([work, heard], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    heard.cancel()
        finally:
            if not work.done():
                work.cancel()
            await asyncio.wait([work])

    async def _end(self) -> None:
        """It has ended by what was seen; an unhealthy one still runs."""
        if not self._is_stopping and not self._is_removed:
            self._is_stopping = True
            await self._tools.executor.stop(self.task)

    async def _remove(self) -> bool:
        if not self._is_removed:
            await self._tools.executor.remove(self.task.id)
            self._is_removed = True
        return not self._is_forgotten


def _first_status(task: Task, found: TaskStatus | None, now: int) -> TaskStatus:
    """Where to begin with a task that is new here, or was here before this agent."""
    if task.status.state > TaskState.RUNNING:
        return task.status
    if found is not None:
        # A container that was made may lack its files: it is prepared once more.
        return replace(found, state=TaskState.PREPARING) if found.state is TaskState.READY else found
    if task.status.state >= TaskState.STARTING and task.desired < TaskState.SHUTDOWN:
        return replace(task.status, state=TaskState.FAILED, at=now, error=LOST)
    if task.status.state > TaskState.ASSIGNED:
        return replace(task.status, state=TaskState.ACCEPTED)
    return replace(task.status, state=TaskState.ASSIGNED)
