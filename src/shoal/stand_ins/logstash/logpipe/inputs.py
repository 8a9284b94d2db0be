"""Inputs: where events come from. Each serves until it is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

from .codecs import codec_of, decode
from .config import Plugin, listed


class Intake(Protocol):
    """Takes what has come in."""

    async def put(self, fields: dict[str, Any], plugin: Plugin) -> None:
        """Waits while too many wait."""

    def offer(self, fields: dict[str, Any], plugin: Plugin) -> None:
        """Loses it while too many wait: for what can't be told to wait."""


_LINE_LIMIT = 1 << 20


async def _tcp(plugin: Plugin, intake: Intake) -> None:
    codec = codec_of(plugin.settings, "line")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer, port = writer.get_extra_info("peername")[:2]
        with suppress(ConnectionError):
            while line := await reader.readline():
                if line.strip():
                    await intake.put({**decode(codec, line), "host": peer, "port": port}, plugin)
        writer.close()

    server = await asyncio.start_server(connected, _host(plugin), int(plugin.settings["port"]), limit=_LINE_LIMIT)
    await server.serve_forever()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, plugin: Plugin, codec: str, intake: Intake) -> None:
        self._plugin, self._codec, self._intake = plugin, codec, intake

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for line in data.splitlines():
            self._intake.offer({**decode(self._codec, line), "host": addr[0]}, self._plugin)


async def _udp(plugin: Plugin, intake: Intake) -> None:
    codec = codec_of(plugin.settings, "plain")
    loop = asyncio.get_running_loop()
    address = (_host(plugin), int(plugin.settings["port"]))
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(plugin, codec, intake), local_addr=address)
    try:
        await loop.create_future()
    finally:
        transport.close()


async def _http(plugin: Plugin, intake: Intake) -> None:
    codec = codec_of(plugin.settings, "plain")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ValueError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = next((line[15:] for line in head.splitlines() if line.startswith("content-length:")), "0")
            body = await reader.readexactly(int(length))
            kind = "json" if "content-type: application/json" in head else codec
            await intake.put({**decode(kind, body), "host": writer.get_extra_info("peername")[0]}, plugin)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
        writer.close()

    port = int(plugin.settings.get("port", 8080))
    server = await asyncio.start_server(connected, _host(plugin), port, limit=_LINE_LIMIT)
    await server.serve_forever()


def _host(plugin: Plugin) -> str:
    return str(plugin.settings.get("host", "0.0.0.0"))


def decorated(fields: dict[str, Any], plugin: Plugin) -> dict[str, Any]:
    """What every input may add: type, tags, fields."""
    found = {**fields, **plugin.settings.get("add_field", {})}
    if "type" in plugin.settings:
        found.setdefault("type", plugin.settings["type"])
    if tags := listed(plugin.settings.get("tags")):
        found["tags"] = [*listed(found.get("tags")), *tags]
    return found


INPUTS: dict[str, Callable[[Plugin, Intake], Awaitable[None]]] = {"http": _http, "tcp": _tcp, "udp": _udp}
