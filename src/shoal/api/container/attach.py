"""A client at a container's stdio, and the size of its terminal."""

from dataclasses import replace

from aiohttp import web

from shoal.api.http.hijack import MULTIPLEXED, RAW, Hijacked, hijack
from shoal.api.http.pump import Stdio, pump
from shoal.api.http.replies import empty
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.api.http.websocket import check_websocket, websocket
from shoal.engine.streams.attach import Attaches, AttachOptions, AttachSession
from shoal.errors import InvalidArgument
from shoal.model.container import Container
from shoal.wire.detach_keys import parse_detach_keys


class AttachRouter:
    """Source: Docker Engine API v1.51, ContainerAttach, ContainerAttachWebsocket and ContainerResize."""

    def __init__(self, attaches: Attaches) -> None:
        self._attaches = attaches

    async def attach(self, request: Request) -> web.StreamResponse:
        """POST /containers/{id}/attach"""
        keys, container, options = self._asked(request)
        await request.body()
        tty = container.spec.tty
        async with (
            self._attaches.open(container, options) as session,  # first: from here on no output is missed
            hijack(request, content_type_of(request, tty=tty)) as stream,
        ):
            if await pump(stream, _stdio(session, options, keys=keys if tty else b"", framed=not tty)):
                self._attaches.detached(container)
        return Hijacked()

    async def attach_websocket(self, request: Request) -> web.StreamResponse:
        """GET /containers/{id}/attach/ws: messages are pieces of the raw stream. Before 1.42 all streams were meant."""
        keys, container, options = self._asked(request)
        if request.api_version < (1, 42):
            options = replace(options, stdin=True, stdout=True, stderr=True)
        check_websocket(request)
        async with (
            self._attaches.open(container, options) as session,
            websocket(request) as stream,
        ):
            if await pump(stream, _stdio(session, options, keys=keys if container.spec.tty else b"", framed=False)):
                self._attaches.detached(container)
        return stream.response

    def _asked(self, request: Request) -> tuple[bytes, Container, AttachOptions]:
        """Detach keys, container and options of the query. Raises: InvalidArgument; NotFound; Conflict"""
        keys = parse_detach_keys(request.query.get("detachKeys", ""))
        container = self._attaches.resolve(request.params["id"])
        options = AttachOptions(
            stdin=request.flag("stdin"),
            stdout=request.flag("stdout"),
            stderr=request.flag("stderr"),
            stream=request.flag("stream"),
            logs=request.flag("logs"),
        )
        return keys, container, options

    async def resize(self, request: Request) -> web.Response:
        """POST /containers/{id}/resize"""
        height, width = terminal_size(request)
        await self._attaches.resize(request.params["id"], height, width)
        return empty(200)


def _stdio(session: AttachSession, options: AttachOptions, *, keys: bytes, framed: bool) -> Stdio:
    return Stdio(
        output=session.read(),
        write=session.write,
        end_input=session.end_input,
        wanted=frozenset(number for number, flag in ((1, options.stdout), (2, options.stderr)) if flag),
        stdin=options.stdin,
        framed=framed,
        detach_keys=keys if options.stdin else b"",
    )


def content_type_of(request: Request, *, tty: bool) -> str:
    """What the stream is called; older clients know one name only."""
    return MULTIPLEXED if not tty and request.api_version >= (1, 42) else RAW


def terminal_size(request: Request) -> tuple[int, int]:
    """(height, width) of the query. Raises: InvalidArgument"""
    size = request.int("h"), request.int("w")
    if not all(0 <= number < 1 << 16 for number in size):
        raise InvalidArgument(f"h, w: expected numbers below 65536, got {size[0]}, {size[1]}")
    return size


def routes(attaches: Attaches) -> list[Route]:
    """What this module serves."""
    router = AttachRouter(attaches)
    return [
        Route("POST", "/containers/{id}/attach", router.attach, "ContainerAttach", stream=True),
        Route("GET", "/containers/{id}/attach/ws", router.attach_websocket, "ContainerAttachWebsocket", stream=True),
        Route("POST", "/containers/{id}/resize", router.resize, "ContainerResize"),
    ]
