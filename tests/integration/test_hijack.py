"""X must Y: a connection that a client takes over must carry bytes both ways, whatever arrived with the request."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from shoal.api.http.app import App
from shoal.api.http.hijack import Hijacked, hijack
from shoal.api.http.request import Request
from shoal.api.http.router import Route


async def echo(request: Request) -> web.StreamResponse:
    body = await request.json()
    async with hijack(request) as stream:
        await stream.write(f"hello {body.get('name')}\n".encode())
        while data := await stream.read():
            await stream.write(data.upper())
        await stream.write(b"bye\n")
    return Hijacked()


@pytest.fixture
def app() -> App:
    return App([Route("POST", "/echo", echo, "Echo", stream=True)])


@pytest.fixture
async def socket(tmp_path: Path, app: App) -> AsyncIterator[str]:
    runner = web.ServerRunner(app.server())
    await runner.setup()
    path = str(tmp_path / "api.sock")
    await web.UnixSite(runner, path).start()
    yield path
    await runner.cleanup()


async def talk(path: str, *parts: bytes) -> bytes:
    """Send all parts but the last as the request, then, as real clients do after the 101, the last one and an end."""
    reader, writer = await asyncio.open_unix_connection(path)
    for part in parts[:-1]:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)
    head = await asyncio.wait_for(reader.readuntil(b"hello web\n"), 5)
    writer.write(parts[-1])
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return head + answer


HEAD = b"POST /v1.51/echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"


async def test_head_and_body_in_one_segment(socket: str) -> None:
    answer = await talk(socket, HEAD + b'Content-Length: 14\r\n\r\n{"name":"web"}', b"abc")
    assert answer.startswith(b"HTTP/1.1 101 UPGRADED\r\n")
    assert answer.endswith(b"hello web\nABCbye\n")


async def test_body_in_pieces(socket: str) -> None:
    answer = await talk(socket, HEAD + b"Content-Length: 14\r\n\r\n", b'{"name"', b':"web"}', b"x" * 200_000)
    assert answer.endswith(b"hello web\n" + b"X" * 200_000 + b"bye\n")


async def test_chunked_body(socket: str) -> None:
    answer = await talk(socket, HEAD + b'Transfer-Encoding: chunked\r\n\r\ne\r\n{"name":"web"}\r\n0\r\n\r\n', b"q")
    assert answer.endswith(b"hello web\nQbye\n")


async def test_without_upgrade_the_stream_is_the_same_with_200(socket: str) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n"
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(head + b'{"name":"web"}')
    answer = await reader.readuntil(b"hello web\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    writer.write(b"later")
    assert await reader.readexactly(5) == b"LATER"
    writer.write_eof()
    assert await reader.read() == b"bye\n"
    writer.close()
    await writer.wait_closed()


async def test_unknown_versions_and_paths(socket: str) -> None:
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(b"GET /v1.99/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    assert (
        b"400 Bad Request" in answer and b"client version 1.99 is too new" in answer and b"Api-Version: 1.51" in answer
    )
    writer.close()
    await writer.wait_closed()


async def test_what_comes_while_the_engine_stops_is_refused_and_keeps_it_from_nothing(socket: str, app: App) -> None:
    app.end_streams()
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(HEAD + b'Content-Length: 14\r\n\r\n{"name":"web"}')
    head = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 503 ")
    await asyncio.wait_for(app.drain(), 1)
    writer.close()
    await writer.wait_closed()
