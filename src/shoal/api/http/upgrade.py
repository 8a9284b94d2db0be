"""What is read of aiohttp's inside when a client asks to take the connection over ("Upgrade: tcp").

aiohttp stops parsing after the headers of such a request and keeps what follows in `_message_tail`. This one module
touches that attribute; tests/integration/test_hijack.py guards it against new versions of aiohttp.
"""

import asyncio
import re

from aiohttp import web

from shoal.errors import InvalidArgument

_TAIL_POLL_S = 0.002
_LINE_LIMIT = 4096


def is_upgrade(http: web.BaseRequest) -> bool:
    """True when the client asks for the raw connection."""
    return http.headers.get("Upgrade", "").lower() == "tcp"


async def read_body(http: web.BaseRequest, limit_bytes: int) -> bytes:
    """The whole body of a request, also of one that asks for an upgrade.

    Raises: InvalidArgument when it is longer than `limit_bytes`
    """
    if is_upgrade(http) and getattr(http.protocol, "_upgraded", False):
        return await _body_from_tail(http, limit_bytes)
    chunks: list[bytes] = []
    size = 0
    async for chunk in http.content.iter_any():
        size += len(chunk)
        if size > limit_bytes:
            raise InvalidArgument(f"request body: expected at most {limit_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


async def _body_from_tail(http: web.BaseRequest, limit_bytes: int) -> bytes:
    length = http.content_length or 0
    if length > limit_bytes:
        raise InvalidArgument(f"request body: expected at most {limit_bytes} bytes, got {length}")
    if length == 0 and "chunked" in http.headers.get("Transfer-Encoding", "").lower():
        return await _chunked_from_tail(http, limit_bytes)
    while len(_tail(http)) < length:
        await _more(http)
    return _take(http, length)


async def _chunked_from_tail(http: web.BaseRequest, limit_bytes: int) -> bytes:
    body = b""
    while True:
        size = _chunk_size(await _line(http))
        if len(body) + size > limit_bytes:
            raise InvalidArgument(f"request body: expected at most {limit_bytes} bytes")
        while len(_tail(http)) < size + 2:
            await _more(http)
        body += _take(http, size + 2)[:-2]
        if size == 0:
            return body


def _chunk_size(line: bytes) -> int:
    digits = line.split(b";")[0].strip()
    if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", digits):
        raise InvalidArgument(f"request body: expected the size of a chunk, got {line[:32]!r}")
    return int(digits, 16)


async def _line(http: web.BaseRequest) -> bytes:
    while b"\r\n" not in _tail(http):
        if len(_tail(http)) > _LINE_LIMIT:
            raise InvalidArgument("request body: expected the size of a chunk")
        await _more(http)
    return _take(http, _tail(http).index(b"\r\n") + 2)[:-2]


async def _more(http: web.BaseRequest) -> None:
    if http.transport is None or http.transport.is_closing():
        raise InvalidArgument("request body: the connection ended early")
    await asyncio.sleep(_TAIL_POLL_S)


def _tail(http: web.BaseRequest) -> bytes:
    return bytes(http.protocol._message_tail)


def _take(http: web.BaseRequest, size: int) -> bytes:
    tail = _tail(http)
    http.protocol._message_tail = tail[size:]
    return tail[:size]


def take_tail(http: web.BaseRequest) -> bytes:
    """What the client sent after the request and nobody has read; later calls give b""."""
    return _take(http, len(_tail(http)))
