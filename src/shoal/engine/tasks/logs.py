"""Logs of tasks' containers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from shoal.engine.containers import Containers
from shoal.engine.streams.logs import LogOptions, LogStreams
from shoal.engine.tasks.specs import TASK_ID
from shoal.errors import NotFound
from shoal.wire.times import parse_time


class TaskLogs:
    """See contracts.cluster.logs.TaskLogReader."""

    def __init__(self, containers: Containers, streams: LogStreams) -> None:
        self._containers = containers
        self._streams = streams

    @asynccontextmanager
    async def open(self, container_id: str, query: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Pieces of the log."""
        container = self._containers.resolve(container_id)
        if TASK_ID not in container.spec.labels:
            raise NotFound(f"No such container: {container_id}")
        async with self._streams.open(container.id, _options(query)) as pieces:
            yield pieces


def _options(query: Mapping[str, str]) -> LogOptions:
    def flag(name: str) -> bool:
        return query.get(name, "") not in ("", "0", "false")

    tail = query.get("tail", "")
    return LogOptions(
        stdout=flag("stdout"),
        stderr=flag("stderr"),
        follow=flag("follow"),
        since=parse_time("since", query.get("since", "")),
        tail=int(tail) if tail.isascii() and tail.isdigit() and len(tail) < 20 else None,
        timestamps=flag("timestamps"),
        details=flag("details"),
    )
