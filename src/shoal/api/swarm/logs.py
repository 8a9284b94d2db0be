"""The logs of services and tasks, wherever their containers are."""

import asyncio
import heapq
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing

from aiohttp import web

from shoal.api.http.hijack import MULTIPLEXED, RAW
from shoal.api.http.replies import send_stream
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.api.swarm.part import Part
from shoal.contracts.cluster.control import Control, Services
from shoal.errors import InvalidArgument, NotFound, ShoalError
from shoal.model.cluster.task import Task
from shoal.wire.swarm.log import Line, Lines, incomplete

_LOOK_S = 1.0  #: between looks for new tasks of a service whose log is followed
_WAITING = 64  #: chunks that may wait for a slow client


class LogRouter(Part):
    """Source: Docker Engine API v1.51, ServiceLogs, TaskLogs."""

    async def service(self, request: Request) -> web.StreamResponse:
        """GET /services/{id}/logs"""
        services = self.control.services
        service = (await services.resolve(request.params["id"])).record
        return await self._send(request, services, "service", service.id, tty=service.spec.task.container.tty)

    async def task(self, request: Request) -> web.StreamResponse:
        """GET /tasks/{id}/logs"""
        services = self.control.services
        task = (await services.task(request.params["id"])).record
        return await self._send(request, services, "id", task.id, tty=task.spec.container.tty)

    async def _send(
        self, request: Request, services: Services, filter: str, value: str, *, tty: bool
    ) -> web.StreamResponse:
        if not request.flag("stdout") and not request.flag("stderr"):
            raise InvalidArgument("Bad parameters: you must choose at least one stream")
        logs = _Logs(services, {filter: [value]}, request, tty=tty)
        chunks = logs.followed() if request.flag("follow") else logs.ordered()
        async with aclosing(chunks):
            return await send_stream(request, RAW if tty else MULTIPLEXED, chunks)


class _Logs:
    """The logs of some tasks as one. tty: terminals' logs have no frames, so nothing is added to them"""

    def __init__(
        self, services: Services, filters: Mapping[str, Sequence[str]], request: Request, *, tty: bool
    ) -> None:
        self._services = services
        self._filters = filters
        self._tty = tty
        self._details = request.flag("details")
        self._times = request.flag("timestamps")
        asked = {key: request.query[key] for key in ("since", "tail") if key in request.query}
        streams = {key: "1" for key in ("stdout", "stderr", "follow") if request.flag(key)}
        self._query = asked | streams | ({} if tty and not self._times else {"timestamps": "1"})
        self._faults: list[str] = []

    async def ordered(self) -> AsyncGenerator[bytes, None]:
        """What there is, of all tasks, in order of time."""
        sources = [self._lines(task, self._query) for task in await self._tasks()]
        waiting: list[tuple[bytes, int, Line]] = []
        for number, source in enumerate(sources):
            await _push(waiting, number, source)
        while waiting:
            _, number, line = heapq.heappop(waiting)
            yield line.frame
            await _push(waiting, number, sources[number])
        if self._faults and not self._tty:
            yield incomplete(self._faults)

    async def followed(self) -> AsyncGenerator[bytes, None]:
        """What there is and what comes, also of tasks that come; ends when there will be no more."""
        lines: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
        pumps: dict[str, asyncio.Task[None]] = {}
        looking = asyncio.create_task(self._look(lines, pumps), name="tasks of a log")
        try:
            while True:
                coming = asyncio.create_task(lines.get())
                try:
                    await asyncio.wait((coming, looking), return_when=asyncio.FIRST_COMPLETED)
                    if coming.done():
                        yield coming.result()
                        continue
                finally:
                    coming.cancel()
                looking.result()
                break
            while not lines.empty():
                yield lines.get_nowait()
        finally:
            for work in (looking, *pumps.values()):
                work.cancel()
            await asyncio.gather(looking, *pumps.values(), return_exceptions=True)

    async def _look(self, lines: asyncio.Queue[bytes], pumps: dict[str, asyncio.Task[None]]) -> None:
        """Begins to read each task that comes; returns when the service, or the one task, is over and all is read."""
        query: Mapping[str, str] = self._query
        while True:
            try:
                tasks = await self._tasks()
            except NotFound:
                break
            for task in tasks:
                if task.id not in pumps:
                    pumps[task.id] = asyncio.create_task(self._pump(task, query, lines))
            if "id" in self._filters and (not tasks or pumps[tasks[0].id].done()):
                break
            query = {key: value for key, value in self._query.items() if key != "tail"}
            await asyncio.sleep(_LOOK_S)
        if pumps:
            await asyncio.wait(pumps.values())
        if self._faults and not self._tty:
            await lines.put(incomplete(self._faults))

    async def _pump(self, task: Task, query: Mapping[str, str], lines: asyncio.Queue[bytes]) -> None:
        async for line in self._lines(task, query):
            await lines.put(line.frame)

    async def _tasks(self) -> list[Task]:
        """Those that have, or had, a container."""
        found = [item.record for item in await self._services.tasks(self._filters)]
        return [task for task in found if task.status.container_id]

    async def _lines(self, task: Task, query: Mapping[str, str]) -> AsyncIterator[Line]:
        """A container that is gone has none; a node that can't be asked is a fault."""
        reader = Lines(task, has_details=self._details, has_times=self._times)
        try:
            async for data in self._services.logs(task, query):
                for line in (Line(b"", data),) if self._tty else reader.feed(data):
                    yield line
        except NotFound:
            return
        except ShoalError as error:
            self._faults.append(f"task {task.id}: {error.message}")


async def _push(waiting: list[tuple[bytes, int, Line]], number: int, source: AsyncIterator[Line]) -> None:
    """The next line of a source, with the others that wait."""
    line = await anext(source, None)
    if line is not None:
        heapq.heappush(waiting, (line.time, number, line))


def routes(control: Control | None) -> list[Route]:
    """Every route of this module."""
    router = LogRouter(control)
    return [
        Route("GET", "/services/{id}/logs", router.service, "ServiceLogs", stream=True),
        Route("GET", "/tasks/{id}/logs", router.task, "TaskLogs", stream=True),
    ]
