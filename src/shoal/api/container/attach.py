"""A client at a container's stdio, and the size of its terminal."""

from aiohttp import web

from shoal.api.http.hijack import MULTIPLEXED, RAW, Hijacked, hijack
from shoal.api.http.pump import Stdio, pump
from shoal.api.http.replies import empty
from shoal.api.http.request import Request
from shoal.api.http.router import Route
from shoal.engine.streams.attach import Attaches, AttachOptions
from shoal.errors import InvalidArgument
from shoal.wire.detach_keys import parse_detach_keys


class AttachRouter:
    """Source: Docker Engine API v1.51, ContainerAttach and ContainerResize."""

    def __init__(self, attaches: Attaches) -> None:
        self._attaches = attaches

    async def attach(self, request: Request) -> web.StreamResponse:
        """POST /containers/{id}/attach"""
        keys = parse_detach_keys(request.query.get("detachKeys", ""))
        container = self._attaches.resolve(request.params["id"])
        options = AttachOptions(
            stdin=request.flag("stdin"),
            stdout=request.flag("stdout"),
            stderr=request.flag("stderr"),
            stream=request.flag("stream"),
            logs=request.flag("logs"),
        )
        await request.body()
        tty = container.spec.tty
        wanted = frozenset(n for n, flag in ((1, options.stdout), (2, options.stderr)) if flag)
        async with (
            self._attaches.open(container, options) as session,  # first: from here on no output is missed
            hijack(request, content_type_of(request, tty=tty)) as stream,
        ):
            stdio = Stdio(
                output=session.read(),
                write=session.write,
                end_input=session.end_input,
                wanted=wanted,
                stdin=options.stdin,
                framed=not tty,
                detach_keys=keys if tty and options.stdin else b"",
            )
            if await pump(stream, stdio):
                self._attaches.detached(container)
        return Hijacked()

    async def resize(self, request: Request) -> web.Response:
        """POST /containers/{id}/resize"""
        height, width = terminal_size(request)
        await self._attaches.resize(request.params["id"], height, width)
        return empty(200)


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
        Route("POST", "/containers/{id}/resize", router.resize, "ContainerResize"),
    ]
