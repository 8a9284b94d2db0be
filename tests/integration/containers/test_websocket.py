"""Attaching over a websocket: bytes both ways, the container's end closes it, other sites' pages are turned away."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.engine import EngineProcess, wait_for

_STREAM = "stream=1&stdin=1&stdout=1&stderr=1"


@pytest.fixture
async def http(engine: EngineProcess) -> AsyncIterator[aiohttp.ClientSession]:
    """A client at the engine's socket."""
    async with aiohttp.ClientSession(
        "http://localhost", connector=aiohttp.UnixConnector(str(engine.socket))
    ) as session:
        yield session


def started(engine: EngineProcess, *words: str, **spec: object) -> str:
    """The ID of a container that runs these words with its input open."""
    body = {"Image": "busybox", "Cmd": words, "OpenStdin": True, "StdinOnce": True, **spec}
    made = engine.call("POST", "/containers/create", body)[1]["Id"]
    assert engine.call("POST", f"/containers/{made}/start")[0] == 204
    return str(made)


async def received(socket: aiohttp.ClientWebSocketResponse, wanted: bytes) -> bytes:
    """What comes, up to and including `wanted`."""
    data = b""
    async with asyncio.timeout(10):
        while wanted not in data:
            data += await socket.receive_bytes()
    return data


async def test_both_directions_and_the_end(engine: EngineProcess, http: aiohttp.ClientSession) -> None:
    made = started(engine, "sh", "-c", "read a; echo out $a; echo err $a >&2; read b; echo $b")
    async with http.ws_connect(f"/v1.51/containers/{made}/attach/ws?{_STREAM}") as socket:
        await socket.send_str("text\n")
        both = await received(socket, b"err text\n")
        assert b"out text\n" in both and both.strip(b"\n").count(b"\n") == 1, "raw pieces, without frames"
        await socket.send_bytes(b"bin")
        await socket.send_bytes(b"ary\n")
        assert await received(socket, b"\n") == b"binary\n"
        async with asyncio.timeout(10):
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    wait_for("ended", lambda: engine.call("GET", f"/containers/{made}/json")[1]["State"]["Status"] == "exited")


async def test_detach_keys_of_a_terminal_leave_it_running(engine: EngineProcess, http: aiohttp.ClientSession) -> None:
    made = started(engine, "cat", Tty=True)
    async with http.ws_connect(f"/containers/{made}/attach/ws?{_STREAM}&detachKeys=ctrl-x") as socket:
        await socket.send_bytes(b"hello\n")
        assert b"hello\r\n" in await received(socket, b"hello\r\nhello\r\n")
        await socket.send_bytes(b"\x18")
        async with asyncio.timeout(10):
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    assert engine.call("GET", f"/containers/{made}/json")[1]["State"]["Running"]


async def test_the_logs_come_first_where_they_are_asked_for(engine: EngineProcess, http: aiohttp.ClientSession) -> None:
    made = started(engine, "echo", "early")
    wait_for("ended", lambda: engine.call("GET", f"/containers/{made}/json")[1]["State"]["Status"] == "exited")
    async with http.ws_connect(f"/containers/{made}/attach/ws?logs=1&stdout=1") as socket:
        assert await received(socket, b"\n") == b"early\n"


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"Origin": "http://elsewhere.example"}, 403, "a page of http://elsewhere.example may not attach"),
        ({"Upgrade": "tcp"}, 400, "expected a websocket handshake"),
        ({"Sec-WebSocket-Version": "5"}, 400, "websocket handshake: "),
    ],
)
async def test_handshakes_that_are_refused(
    engine: EngineProcess, http: aiohttp.ClientSession, headers: dict[str, str], status: int, message: str
) -> None:
    made = started(engine, "cat")
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    async with http.get(f"/containers/{made}/attach/ws?{_STREAM}", headers=asked | headers) as answer:
        assert (answer.status, (await answer.json())["message"][: len(message)]) == (status, message)


async def test_a_page_of_the_engine_s_own_address_may(engine: EngineProcess, http: aiohttp.ClientSession) -> None:
    made = started(engine, "cat")
    path = f"/containers/{made}/attach/ws?{_STREAM}"
    async with http.ws_connect(path, origin="http://localhost") as socket:
        await socket.send_bytes(b"x\n")
        assert await received(socket, b"\n") == b"x\n"


async def test_a_container_that_does_not_exist_is_not_found(http: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect("/containers/nope/attach/ws?stream=1")
    assert refused.value.status == 404
