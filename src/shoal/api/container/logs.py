"""Containers' logs."""

from aiohttp import web

from shoal.api.http.hijack import MULTIPLEXED, RAW
from shoal.api.http.replies import send_stream
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.streams.logs import LogOptions, LogStreams
from shoal.errors import InvalidArgument
from shoal.wire.times import parse_time


class LogRouter:
    """Source: Docker Engine API v1.51, ContainerLogs."""

    def __init__(self, logs: LogStreams) -> None:
        self._logs = logs

    async def logs(self, request: Request) -> web.StreamResponse:
        """GET /containers/{id}/logs"""
        options = _options(request)
        reference = request.params["id"]
        async with self._logs.open(reference, options) as pieces:
            tty = self._logs.has_terminal(reference)
            framed = not tty and request.api_version >= (1, 42)
            return await send_stream(request, MULTIPLEXED if framed else RAW, pieces)


def _options(request: Request) -> LogOptions:
    stdout, stderr = request.flag("stdout"), request.flag("stderr")
    if not stdout and not stderr:
        raise InvalidArgument("Bad parameters: you must choose at least one stream")
    return LogOptions(
        stdout=stdout,
        stderr=stderr,
        follow=request.flag("follow"),
        since=parse_time("since", request.query.get("since", "")),
        until=parse_time("until", request.query.get("until", "")),
        tail=_tail(request.query.get("tail", "")),
        timestamps=request.flag("timestamps"),
        details=request.flag("details"),
    )


def _tail(text: str) -> int | None:
    """A number of lines; None for "all" and, as with Docker, for what is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def routes(logs: LogStreams) -> list[Route]:
    """What this module serves."""
    return [Route("GET", "/containers/{id}/logs", LogRouter(logs).logs, "ContainerLogs", stream=True)]
