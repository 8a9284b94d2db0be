"""The HTTP server: version negotiation, routing, errors.

Every reply carries the headers that clients negotiate by (Api-Version, Ostype, Docker-Experimental, Server …); every
path is answered with and without a version prefix. Source: Docker Engine API v1.51.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from shoal.api.http.replies import HEADERS, described, error_reply
from shoal.api.http.request import API_VERSION, MIN_API_VERSION, Request
from shoal.api.http.router import Match, Route, Router, split_version
from shoal.errors import InvalidArgument, NotSupported, ShoalError, Unavailable

log = logging.getLogger("shoal.api")

_LINE_BYTES = 1 << 20  #: of a request: build arguments and labels are in its query. Source: Go, DefaultMaxHeaderBytes
_FIELD_BYTES = 8 << 20  #: of a header: the secrets of a build, up to 500 KiB each, twice in base64


class App:
    """Answers requests with the handlers of `routes`.

    observe: called after each request with (operation, status, seconds), for metrics
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        unserved: Iterable[tuple[str, str]] = (),
        observe: Callable[[str, int, float], None] = lambda operation, status, seconds: None,
    ) -> None:
        """`unserved`: (method, path) of the contract's operations that are answered 501."""
        self.router = Router([*routes, *(Route(m, p, _not_served, "") for m, p in unserved)])
        self._observe = observe
        self._tasks: set[asyncio.Task[web.StreamResponse]] = set()
        self._streams: set[asyncio.Task[Any]] = set()
        self._is_closing = False

    def server(self) -> web.Server:
        """What to hand to aiohttp's ServerRunner. Cancelled when a client goes away: streaming handlers only."""
        return web.Server(
            self.answer,
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=3600,
            read_bufsize=1 << 20,
            max_line_size=_LINE_BYTES,
            max_field_size=_FIELD_BYTES,
        )

    async def answer(self, http: web.BaseRequest) -> web.StreamResponse:
        """The reply to one request."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        operation = ""
        try:
            version, path = split_version(http.rel_url.raw_path)
            match = self._match(http.method, path, version)
            operation = match.route.operation
            if self._is_closing:
                raise Unavailable("the engine is stopping")
            request = Request(http, match.params, version or API_VERSION)
            response = await self._run(match, request)
        except asyncio.CancelledError:
            raise
        except Exception as caught:
            if isinstance(caught, ConnectionError) and (http.transport is None or http.transport.is_closing()):
                raise asyncio.CancelledError from caught  # its client has vanished: nobody is there to be told
            error = described(caught)
            response = error_reply(error)
            if error.status >= 500 and error.status != 501:
                # 503: what is asked for cannot be had now (a registry, a quorum, a manager). The engine is well.
                level = logging.INFO if error.status == 503 else logging.ERROR
                log.log(level, "%s %s: %s", http.method, http.path, error.message, extra={"operation": operation})
        if not response.prepared:
            response.headers.update(HEADERS)
        self._observe(operation, response.status, loop.time() - start)
        return response

    def _match(self, method: str, path: str, version: tuple[int, int] | None) -> Match:
        if version is not None:
            _check_version(version)
        match = self.router.match(method, path)
        if match is None:
            raise _PageNotFound("page not found")
        return match

    async def _run(self, match: Match, request: Request) -> web.StreamResponse:
        """A call that changes something is finished even when its client hangs up half-way."""
        if match.route.stream:
            return await self._stream(match, request)
        task = asyncio.ensure_future(_awaited(match, request))
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    async def _stream(self, match: Match, request: Request) -> web.StreamResponse:
        if task := asyncio.current_task():
            self._streams.add(task)
            task.add_done_callback(self._streams.discard)
        return await match.route.handler(request)

    def end_streams(self) -> None:
        """Break off logs, attaches, execs and the like: their clients would keep the engine from ending.

        What is asked from now on is refused, else a stream that begins now would.
        """
        self._is_closing = True
        for task in list(self._streams):
            task.cancel()

    def _finished(self, task: "asyncio.Task[web.StreamResponse]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen: when the client has gone, nobody else will look

    async def drain(self) -> None:
        """Return when every call under way is finished."""
        while self._tasks:
            await asyncio.wait(self._tasks)


async def _awaited(match: Match, request: Request) -> web.StreamResponse:
    return await match.route.handler(request)


class _PageNotFound(ShoalError):
    status = 404


def _check_version(version: tuple[int, int]) -> None:
    asked = f"{version[0]}.{version[1]}"
    if version > API_VERSION:
        newest = HEADERS["Api-Version"]
        raise InvalidArgument(f"client version {asked} is too new. Maximum supported API version is {newest}")
    if version < MIN_API_VERSION:
        oldest = f"{MIN_API_VERSION[0]}.{MIN_API_VERSION[1]}"
        raise InvalidArgument(
            f"client version {asked} is too old. Minimum supported API version is {oldest}, "
            "please upgrade your client to a newer version"
        )


async def _not_served(request: Request) -> Any:
    raise NotSupported(f"{request.http.method} {request.http.rel_url.path} is not served by Shoal")
