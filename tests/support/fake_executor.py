"""A node's containers that are none: each call is noted, and ends when the test says so."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from shoal.model.cluster.assignment import Attached, OverlayState
from shoal.model.cluster.node import NodeDescription
from shoal.model.cluster.task import Task, TaskState, TaskStatus


class FakeExecutor:
    """contracts.cluster.executor.Executor.

    calls: (verb, task id), in order    fails: {(verb, task id): error}    holds: {(verb, task id): until set}
    health: ids of tasks that are STARTING until `tell`
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.files: dict[str, Mapping[str, bytes]] = {}
        self.fails: dict[tuple[str, str], Exception] = {}
        self.holds: defaultdict[tuple[str, str], asyncio.Event] = defaultdict(_set_event)
        self.health: set[str] = set()
        self.here: dict[str, TaskStatus] = {}
        self._news: asyncio.Queue[tuple[str, TaskStatus]] = asyncio.Queue()

    async def describe(self) -> NodeDescription:
        return NodeDescription(hostname="fake")

    async def _called(self, verb: str, task_id: str) -> None:
        self.calls.append((verb, task_id))
        await self.holds[verb, task_id].wait()
        if (error := self.fails.get((verb, task_id))) is not None:
            raise error

    async def prepare(self, task: Task, files: Mapping[str, bytes]) -> None:
        self.files[task.id] = files
        await self._called("prepare", task.id)
        self.here.setdefault(task.id, TaskStatus(state=TaskState.READY, container_id=f"c-{task.id}"))

    async def start(self, task: Task) -> None:
        await self._called("start", task.id)
        state = TaskState.STARTING if task.id in self.health else TaskState.RUNNING
        self.tell(task.id, TaskStatus(state=state, container_id=f"c-{task.id}"))

    async def stop(self, task: Task) -> None:
        await self._called("stop", task.id)
        found = self.here.get(task.id)
        if found is not None and found.state <= TaskState.RUNNING:
            self.tell(task.id, replace(found, state=TaskState.FAILED, exit_code=143, error="task: non-zero exit (143)"))

    async def remove(self, task_id: str) -> None:
        await self._called("remove", task_id)
        self.here.pop(task_id, None)

    async def known(self) -> Mapping[str, TaskStatus]:
        return dict(self.here)

    def tell(self, task_id: str, status: TaskStatus) -> None:
        """The container of this task is seen like this."""
        self.here[task_id] = status
        self._news.put_nowait((task_id, status))

    async def observe(self) -> AsyncIterator[tuple[str, TaskStatus]]:
        while True:
            yield await self._news.get()


class FakeOverlay:
    """contracts.cluster.overlay.Overlay. busy: ids of tasks that somebody is connected to"""

    def __init__(self) -> None:
        self.applied: list[OverlayState] = []
        self.there: tuple[Attached, ...] = ()
        self.drained_tasks: list[str] = []
        self.idle: defaultdict[str, asyncio.Event] = defaultdict(_set_event)

    async def apply(self, state: OverlayState) -> None:
        self.applied.append(state)

    def attached(self) -> tuple[Attached, ...]:
        return self.there

    async def drained(self, task_id: str, deadline_s: float) -> bool:
        self.drained_tasks.append(task_id)
        try:
            await asyncio.wait_for(self.idle[task_id].wait(), deadline_s)
        except TimeoutError:
            return False
        return True

    async def leave(self) -> None: ...


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
