"""What a node does for the cluster: containers of tasks, their files, their images. Implemented by the engine.

Life of a task here: `prepare`, `start`, then `observe` tells of it, `stop`, `remove`. Every call is idempotent: it may
come again after a crash of either side. `observe` tells what is, never what was asked. Networks of the task are there
before `prepare` (see `contracts.cluster.overlay`).
"""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from shoal.model.cluster.node import NodeDescription
from shoal.model.cluster.task import Task, TaskStatus


class Executor(Protocol):
    """The containers of tasks on this node."""

    async def describe(self) -> NodeDescription:
        """This node as it is now."""
        ...

    async def prepare(self, task: Task, files: Mapping[str, bytes]) -> None:
        """Image and container are there. files: {id of a secret or config: value}.

        Raises: ShoalError, whose message becomes the task's error (the task is REJECTED)
        """
        ...

    async def start(self, task: Task) -> None:
        """Its container runs. Raises: ShoalError (the task has FAILED)"""
        ...

    async def stop(self, task: Task) -> None:
        """Its container does not run: told to stop, killed after its grace period."""
        ...

    async def remove(self, task_id: str) -> None:
        """Nothing is left of it here."""
        ...

    async def known(self) -> Mapping[str, TaskStatus]:
        """{task id: status} of every task that this node has a container of."""
        ...

    def observe(self) -> AsyncIterator[tuple[str, TaskStatus]]:
        """(task id, status) when a container of a task starts, is healthy, is unhealthy (FAILED), exits or is removed
        by somebody."""
        ...
