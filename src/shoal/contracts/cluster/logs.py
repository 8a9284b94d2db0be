"""Logs of tasks' containers, read on the node that has them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class TaskLogReader(Protocol):
    """The logs of this node's tasks."""

    def open(self, container_id: str, query: Mapping[str, str]) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Pieces of the log as `GET /containers/{id}/logs` sends them: frames, or raw where there is a terminal.

        query: follow, stdout, stderr, since, timestamps, tail, details
        Raises: NotFound, also for a container that is no task's; InvalidArgument; NotSupported where no log is kept
        """
        ...
