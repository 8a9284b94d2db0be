"""Taking the raw connection over: attach and exec.

    async with hijack(request, content_type=RAW) as stream:
        data = await stream.read()      # b"" when the client has closed its writing side
        await stream.write(b"...")      # waits while the client reads slowly

The client that sends "Upgrade: tcp" is answered "101 UPGRADED"; one that does not gets "200 OK" and the same raw
stream. The stream is half-closed by the client to end stdin; leaving the block closes the connection.
Source: Docker Engine API v1.51, ContainerAttach.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from aiohttp import web

from shoal.api.http.request import Request
from shoal.api.http.upgrade import is_upgrade, take_tail

RAW = "application/vnd.docker.raw-stream"
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"

_READ_LIMIT = 64 * 1024


class Hijacked(web.StreamResponse):
    """The response of a handler that took the connection over: nothing more is written by aiohttp."""

    def __init__(self) -> None:
        super().__init__()
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Nothing: the headers went out when the connection was taken over."""
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing: the stream has its own end."""


class RawStream:
    """Both directions of a connection that is no longer HTTP."""

    def __init__(self, reader: asyncio.StreamReader, protocol: "_RawProtocol", transport: asyncio.Transport) -> None:
        self._reader = reader
        self._protocol = protocol
        self._transport = transport

    async def read(self, size: int = _READ_LIMIT) -> bytes:
        """The next bytes of the client; b"" when it has closed its writing side or gone away."""
        try:
            return await self._reader.read(size)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        """Send; waits while the client reads slowly. Raises: ConnectionResetError when the client is gone"""
        if self._transport.is_closing():
            raise ConnectionResetError("the client has gone away")
        self._transport.write(data)
        await self._protocol.drained()

    async def wait_closed(self) -> None:
        """Return when the connection is gone altogether (not on a half-close)."""
        await self._protocol.lost.wait()


class _RawProtocol(asyncio.StreamReaderProtocol):
    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self.lost = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def eof_received(self) -> bool:
        super().eof_received()
        return True  # half-close: the other direction stays open

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.set()
        self._writable.set()

    async def drained(self) -> None:
        await self._writable.wait()
        if self.lost.is_set():
            raise ConnectionResetError("the client has gone away")


@asynccontextmanager
async def hijack(request: Request, content_type: str = RAW) -> AsyncIterator[RawStream]:
    """The connection of `request` as a raw stream; the request's body must have been read before."""
    http = request.http
    transport = cast(asyncio.Transport, http.transport)
    aiohttp_protocol = transport.get_protocol()
    tail = take_tail(http)
    reader = asyncio.StreamReader(limit=_READ_LIMIT)
    protocol = _RawProtocol(reader)
    reader.set_transport(transport)
    transport.set_protocol(protocol)
    transport.resume_reading()
    if tail:
        reader.feed_data(tail)
    transport.write(_head(is_upgrade(http), content_type))
    try:
        yield RawStream(reader, protocol, transport)
    finally:
        transport.set_protocol(aiohttp_protocol)
        if protocol.lost.is_set():
            aiohttp_protocol.connection_lost(None)
        else:
            transport.close()


def _head(upgrade: bool, content_type: str) -> bytes:
    if upgrade:
        lines = ["HTTP/1.1 101 UPGRADED", f"Content-Type: {content_type}", "Connection: Upgrade", "Upgrade: tcp"]
    else:
        lines = ["HTTP/1.1 200 OK", f"Content-Type: {content_type}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
