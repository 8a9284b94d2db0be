"""A client at a container's stdio.

Output comes out of the log, from where it ends at the moment of attaching: so a client that reads slowly, or not at
all, never holds the container up, and one that attaches before the start misses nothing. A container that keeps no log
is read through its supervisor. Input always goes through the supervisor.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from shoal.contracts.logs import LogQuery, LogRecord, Logs
from shoal.contracts.runtime import Attachment, Runtime
from shoal.engine.containers.host.files import ContainerFiles
from shoal.engine.events import Events
from shoal.engine.execs import ContainerLookup
from shoal.engine.streams.logs import wait_run_end
from shoal.errors import Conflict, DriverError
from shoal.model.container import Container, ContainerStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachOptions:
    """logs: what is in the log first; stream: what comes from now on, until the run ends"""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    stream: bool = True
    logs: bool = False


class AttachSession:
    """One client's connection to a container."""

    def __init__(self, output: AsyncIterator[tuple[int, bytes]], stdin: "asyncio.Task[Attachment] | None") -> None:
        self._output = output
        self._stdin = stdin

    def read(self) -> AsyncIterator[tuple[int, bytes]]:
        """Pieces of output, (STDOUT or STDERR, bytes), until the run ends."""
        return self._output

    async def write(self, data: bytes) -> None:
        """Give input; waits until the container has started."""
        if connection := await self._connected():
            await connection.write(data)

    async def end_input(self) -> None:
        """No more input from this client."""
        if connection := await self._connected():
            connection.close_stdin()

    async def _connected(self) -> Attachment | None:
        """The supervisor; None where it has ended, so that nobody takes the input."""
        with suppress(DriverError):
            return await asyncio.shield(self._stdin) if self._stdin else None
        return None


class Attaches:
    """Attaches clients to containers."""

    def __init__(
        self, containers: ContainerLookup, files: ContainerFiles, logs: Logs, runtime: Runtime, events: Events
    ) -> None:
        self._containers = containers
        self._files = files
        self._logs = logs
        self._runtime = runtime
        self._events = events

    def resolve(self, reference: str) -> Container:
        """The container that may be attached to. Raises: NotFound; Conflict when it is paused or restarting"""
        container = self._containers.resolve(reference)
        if container.status is ContainerStatus.PAUSED:
            raise Conflict(f"container {container.id} is paused, unpause the container before attach")
        if container.status is ContainerStatus.RESTARTING:
            raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
        return container

    async def resize(self, reference: str, height: int, width: int) -> None:
        """Set the size of its terminal. Raises: NotFound; Conflict when it does not run"""
        container = self._containers.resolve(reference)
        if not container.is_running:
            raise Conflict(f"cannot resize a stopped container: {container.id}")
        await self._runtime.resize(container.id, height, width)

    def detached(self, container: Container) -> None:
        """A client has typed the detach keys."""
        self._publish(container, "detach")

    def _publish(self, container: Container, action: str) -> None:
        attributes = {**container.spec.labels, "image": container.spec.image, "name": container.name}
        self._events.publish("container", action, container.id, attributes)

    @asynccontextmanager
    async def open(self, container: Container, options: AttachOptions) -> AsyncIterator[AttachSession]:
        """A session with the run that is there, or with the next one."""
        async with AsyncExitStack() as stack:
            unlogged = container.spec.host.log.driver == "none"
            connection: asyncio.Task[Attachment] | None = None
            if options.stream and (unlogged or (options.stdin and container.spec.open_stdin)):
                connection = await stack.enter_async_context(self._connection(container.id, output=unlogged))
            if not unlogged:
                output = await stack.enter_async_context(self._from_log(container.id, options))
            elif connection:
                output = _from_attachment(connection, options)
            else:
                output = _nothing()
            self._publish(container, "attach")
            yield AttachSession(output, connection if options.stdin else None)

    @asynccontextmanager
    async def _connection(self, container_id: str, *, output: bool) -> AsyncIterator["asyncio.Task[Attachment]"]:
        """A connection to the supervisor, as soon as there is one."""
        task: asyncio.Task[Attachment] = asyncio.create_task(self._runtime.attach(container_id, output=output))
        await asyncio.sleep(0)  # it is waiting for the run from here on
        try:
            yield task
        finally:
            if task.done() and not task.cancelled() and task.exception() is None:
                task.result().close()
            task.cancel()

    @asynccontextmanager
    async def _from_log(
        self, container_id: str, options: AttachOptions
    ) -> AsyncIterator[AsyncIterator[tuple[int, bytes]]]:
        ended = asyncio.Event() if options.stream else None
        query = LogQuery(stdout=options.stdout, stderr=options.stderr, tail=None if options.logs else 0, follow=ended)
        task = ended and asyncio.create_task(wait_run_end(self._runtime, container_id, ended, next=True))
        await asyncio.to_thread(self._files.make, container_id)
        try:
            async with self._logs.open(self._files.log(container_id), query) as batches:
                yield (piece async for batch in batches for piece in joined(batch))
        finally:
            if task:
                task.cancel()


def joined(batch: Sequence[LogRecord]) -> list[tuple[int, bytes]]:
    """The batch with neighbours of the same stream put together."""
    runs = groupby(batch, key=itemgetter(0))
    return [(stream, b"".join([record.data for record in records])) for stream, records in runs]


async def _from_attachment(
    connecting: "asyncio.Task[Attachment]", options: AttachOptions
) -> AsyncIterator[tuple[int, bytes]]:
    attachment = await asyncio.shield(connecting)
    wanted = {1: options.stdout, 2: options.stderr}
    while (piece := await attachment.read()) is not None:
        if wanted[piece[0]]:
            yield piece


async def _nothing() -> AsyncIterator[tuple[int, bytes]]:
    return
    yield
