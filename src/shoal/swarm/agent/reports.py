"""What the managers have not been told yet."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from shoal.model.cluster.assignment import Attached, Report
from shoal.model.cluster.node import NodeDescription
from shoal.model.cluster.task import TaskState, TaskStatus

BATCH_S = 0.05  #: what is on the way to something waits so long for more; what others wait for is told at once
_AWAITED = (TaskState.READY, TaskState.RUNNING)


class Reports:
    """The newest status of each task, until it was told."""

    def __init__(self, attached: Callable[[], tuple[Attached, ...]]) -> None:
        """attached: the containers outside services that this node has now on networks of the cluster"""
        self._statuses: dict[str, TaskStatus] = {}
        self._description: NodeDescription | None = None
        self._attached = attached
        self._has_others = False  #: attached ones than the managers may know
        self._dirty = asyncio.Event()
        self._urgent = asyncio.Event()

    def put(self, task_id: str, status: TaskStatus) -> None:
        """To be told."""
        self._statuses[task_id] = status
        if status.state in _AWAITED or status.state > TaskState.RUNNING:
            self._urgent.set()
        self._dirty.set()

    def describe(self, description: NodeDescription) -> None:
        """To be told: this node is different now."""
        self._description = description
        self._dirty.set()

    def attached_changed(self) -> None:
        """To be told, as it is then: which containers outside services are on networks of the cluster."""
        self._has_others = True
        self._urgent.set()
        self._dirty.set()

    def forget(self, task_id: str) -> None:
        """Nobody wants to know any more."""
        self._statuses.pop(task_id, None)

    async def next(self) -> Report:
        """What is to be told now; waits until there is something."""
        while not (self._statuses or self._description or self._has_others):
            self._dirty.clear()
            await self._dirty.wait()
        if not self._urgent.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), BATCH_S)
        self._urgent.clear()
        attached = self._attached() if self._has_others else None
        report = Report(statuses=self._statuses, description=self._description, attached=attached)
        self._statuses, self._description, self._has_others = {}, None, False
        return report

    def untold(self, report: Report) -> None:
        """It did not arrive: to be told again, unless there is newer."""
        self._statuses = {**report.statuses, **self._statuses}
        self._description = self._description or report.description
        self._has_others = self._has_others or report.attached is not None
        self._dirty.set()
