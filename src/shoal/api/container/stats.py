"""What containers use, and their processes."""

from aiohttp import web

from shoal.api.http.replies import JsonStream, json_reply
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.streams.stats import Stats
from shoal.wire.stats import encode_stats


class StatsRouter:
    """Source: Docker Engine API v1.51, ContainerStats and ContainerTop."""

    def __init__(self, stats: Stats, memory_bytes: int) -> None:
        """memory_bytes: of the machine; the limit of a container that has none"""
        self._stats = stats
        self._memory_bytes = memory_bytes

    async def stats(self, request: Request) -> web.StreamResponse:
        """GET /containers/{id}/stats"""
        reference = request.params["id"]
        if not request.flag("stream", default=True):
            container, now, before = await self._stats.once(reference, with_previous=not request.flag("one-shot"))
            return json_reply(encode_stats(container.id, container.name, now, before, self._memory_bytes))
        readings = self._stats.stream(reference)
        first = await anext(readings)  # an unknown container is a 404, not a broken stream
        async with JsonStream(request) as out:
            container, now, before = first
            await out.send(encode_stats(container.id, container.name, now, before, self._memory_bytes))
            async for container, now, before in readings:
                await out.send(encode_stats(container.id, container.name, now, before, self._memory_bytes))
        return out.response

    async def top(self, request: Request) -> web.Response:
        """GET /containers/{id}/top"""
        titles, rows = await self._stats.processes(request.params["id"], request.query.get("ps_args", "-ef"))
        return json_reply({"Titles": list(titles), "Processes": [list(row) for row in rows]})


def routes(stats: Stats, memory_bytes: int) -> list[Route]:
    """What this module serves."""
    router = StatsRouter(stats, memory_bytes)
    return [
        Route("GET", "/containers/{id}/stats", router.stats, "ContainerStats", stream=True),
        Route("GET", "/containers/{id}/top", router.top, "ContainerTop"),
    ]
