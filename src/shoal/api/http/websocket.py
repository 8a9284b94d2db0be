"""A container's stdio as a websocket: for pages and clients that can't take a raw connection over.

    check_websocket(request)
    async with websocket(request) as stream:
        data = await stream.read()      # b"" when the client has closed
        await stream.write(b"...")      # one binary message

Any web page may open a websocket to any address, and a browser asks nobody before it: the `Origin` that it sends along
must be the engine's own address. Source: RFC 6455, sections 4.2 and 10.2.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from shoal.api.http.replies import HEADERS
from shoal.api.http.request import Request
from shoal.errors import Forbidden, InvalidArgument

_DATA = (WSMsgType.BINARY, WSMsgType.TEXT)
_CLOSE_TIMEOUT_S = 2.0


class WebSocketStream:
    """Both directions of a websocket as bytes; closing one closes the other."""

    def __init__(self, response: web.WebSocketResponse) -> None:
        """`response` is what the handler returns in the end."""
        self.response = response
        self._closed = asyncio.Event()

    async def read(self) -> bytes:
        """The next message that is not empty; b"" when the client has closed."""
        while True:
            message = await self.response.receive()
            if message.type not in _DATA:
                self._closed.set()
                return b""
            if data := message.data.encode() if message.type is WSMsgType.TEXT else message.data:
                return bytes(data)

    async def write(self, data: bytes) -> None:
        """Send one message; waits while the client reads slowly. Raises: ConnectionError when the client is gone"""
        await self.response.send_bytes(data)

    async def wait_closed(self) -> None:
        """Return when the client has closed or gone away."""
        await self._closed.wait()


def check_websocket(request: Request) -> None:
    """Raises: InvalidArgument where no websocket is asked for; Forbidden where another site's page asks"""
    headers = request.http.headers
    if headers.get("Upgrade", "").lower() != "websocket" or not headers.get("Sec-WebSocket-Key"):
        raise InvalidArgument("expected a websocket handshake (Upgrade: websocket)")
    origin = headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("Host", ""):
        raise Forbidden(f"a page of {origin} may not attach to containers")


@asynccontextmanager
async def websocket(request: Request) -> AsyncIterator[WebSocketStream]:
    """The connection of `request` as a websocket; closed at the end of the block.

    Raises: InvalidArgument where the handshake is none of RFC 6455
    """
    response = web.WebSocketResponse(compress=False, timeout=_CLOSE_TIMEOUT_S)
    response.headers.update(HEADERS)
    try:
        await response.prepare(request.http)
    except web.HTTPBadRequest as error:
        raise InvalidArgument(f"websocket handshake: {error.text}") from None
    try:
        yield WebSocketStream(response)
    finally:
        await response.close()
