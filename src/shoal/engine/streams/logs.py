"""A container's log as a client wants to see it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from shoal.contracts.logs import LogQuery, LogRecord, Logs
from shoal.contracts.runtime import Runtime
from shoal.engine.containers.host.files import ContainerFiles
from shoal.engine.execs import ContainerLookup
from shoal.errors import NotFound, NotSupported
from shoal.model.container import Container
from shoal.wire.frames import frame


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """since, until: ns since the epoch, 0 = no bound; tail: None = all lines"""

    stdout: bool
    stderr: bool
    follow: bool = False
    since: int = 0
    until: int = 0
    tail: int | None = None
    timestamps: bool = False
    details: bool = False


class LogStreams:
    """Logs of containers, ready to be sent."""

    def __init__(
        self,
        containers: ContainerLookup,
        files: ContainerFiles,
        logs: Logs,
        runtime: Runtime,
        now_ns: Callable[[], int],
    ) -> None:
        self._containers = containers
        self._files = files
        self._logs = logs
        self._runtime = runtime
        self._now_ns = now_ns

    def has_terminal(self, reference: str) -> bool:
        """Whether the log is that of a terminal: one stream without frames. Raises: NotFound"""
        return self._containers.resolve(reference).spec.tty

    @asynccontextmanager
    async def open(self, reference: str, options: LogOptions) -> AsyncIterator[AsyncIterator[bytes]]:
        """Pieces of the log: framed (see wire.frames), or as they are where the container has a terminal.

        With `follow` it goes on until the run ends that is there now.
        Raises: NotFound; NotSupported when the container keeps no log
        """
        container = self._containers.resolve(reference)
        if container.spec.host.log.driver == "none":
            raise NotSupported("configured logging driver does not support reading")
        ended = asyncio.Event() if options.follow and container.is_running else None
        query = LogQuery(
            stdout=options.stdout,
            stderr=options.stderr,
            since=options.since,
            until=options.until,
            tail=options.tail,
            follow=ended,
        )
        render = LogRenderer(container, timestamps=options.timestamps, details=options.details)
        async with (
            self._ends(container.id, ended, options.until),
            self._logs.open(self._files.log(container.id), query) as batches,
        ):
            yield (render(batch) async for batch in batches)

    @asynccontextmanager
    async def _ends(self, container_id: str, ended: asyncio.Event | None, until: int) -> AsyncIterator[None]:
        """Sets `ended` when the run ends, or the clock reaches `until`."""
        if ended is None:
            yield
            return
        task = asyncio.create_task(wait_run_end(self._runtime, container_id, ended))
        timer = None
        if until:
            delay_s = max(0.0, (until - self._now_ns()) / 1e9)
            timer = asyncio.get_running_loop().call_later(delay_s, ended.set)
        try:
            yield
        finally:
            task.cancel()
            if timer:
                timer.cancel()


async def wait_run_end(runtime: Runtime, container_id: str, ended: asyncio.Event, *, next: bool = False) -> None:
    """Set `ended` at the end of the current run; with `next`, of the next one where there is none now."""
    with suppress(NotFound):
        await runtime.wait(container_id, next=next)
    ended.set()


class LogRenderer:
    """Turns records into what is sent. A time is put before each line, not before each piece of one."""

    def __init__(self, container: Container, *, timestamps: bool, details: bool) -> None:
        self._framed = not container.spec.tty
        self._timestamps = timestamps
        self._details = f"{log_details(container)} ".encode() if details else b""
        self._inside: set[int] = set()  #: streams whose line is not ended

    def __call__(self, batch: Sequence[LogRecord]) -> bytes:
        """The batch as bytes; one frame a record."""
        if self._timestamps or self._details:
            return b"".join(map(self._render, batch))
        if self._framed:
            return b"".join([frame(stream, data) for stream, _, data in batch])
        return b"".join([data for _, _, data in batch])

    def _render(self, record: LogRecord) -> bytes:
        data = record.data
        if record.stream not in self._inside:
            time = record.time + b" " if self._timestamps else b""
            data = time + self._details + data
        if record.data.endswith(b"\n"):
            self._inside.discard(record.stream)
        else:
            self._inside.add(record.stream)
        return frame(record.stream, data) if self._framed else data


def log_details(container: Container) -> str:
    """Labels and variables that the log options `labels` and `env` name: "a=b,c=d"."""
    options = container.spec.host.log.options
    env = dict(item.split("=", 1) for item in container.spec.env if "=" in item)
    pairs = [
        f"{name}={source[name]}"
        for option, source in (("labels", container.spec.labels), ("env", env))
        for name in options.get(option, "").split(",")
        if name in source
    ]
    return ",".join(pairs)
