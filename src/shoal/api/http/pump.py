"""Carries bytes between a client's connection and a container's stdio, until one side ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from shoal.wire.detach_keys import DetachScanner
from shoal.wire.frames import frame


class ByteStream(Protocol):
    """The client's side of the connection."""

    async def read(self) -> bytes:
        """The next bytes; b"" when the client sends no more."""

    async def write(self, data: bytes) -> None:
        """Send; waits while the client reads slowly. Raises: ConnectionError when it is gone"""

    async def wait_closed(self) -> None:
        """Return when the client is gone altogether."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stdio:
    """The container's side of the connection.

    output: pieces, (1 stdout or 2 stderr, bytes)
    wanted: which streams the client takes
    framed: each piece gets a header (there is no terminal)
    detach_keys: end the session when typed; b"" = none do
    """

    output: AsyncIterator[tuple[int, bytes]]
    write: Callable[[bytes], Awaitable[None]]
    end_input: Callable[[], Awaitable[None]]
    wanted: frozenset[int] = frozenset((1, 2))
    stdin: bool = True
    framed: bool = True
    detach_keys: bytes = b""


async def pump(stream: ByteStream, stdio: Stdio) -> bool:
    """Carry until the output ends, the client goes away, or it types the detach keys. True when it typed them."""
    sending = asyncio.create_task(_send(stream, stdio))
    receiving = asyncio.create_task(_receive(stream, stdio))
    leaving = asyncio.create_task(stream.wait_closed())
    waiting = {sending, receiving, leaving}
    try:
        while True:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if receiving.done() and receiving.result():
                return True
            if sending.done() or leaving.done():
                return False
            waiting.discard(receiving)  # the client has ended its input; the output goes on
    finally:
        for task in (sending, receiving, leaving):
            task.cancel()
        await asyncio.gather(sending, receiving, leaving, return_exceptions=True)


async def _send(stream: ByteStream, stdio: Stdio) -> None:
    with suppress(ConnectionError):
        async for number, data in stdio.output:
            if number in stdio.wanted:
                await stream.write(frame(number, data) if stdio.framed else data)


async def _receive(stream: ByteStream, stdio: Stdio) -> bool:
    """True when the detach keys were typed."""
    scanner = DetachScanner(stdio.detach_keys) if stdio.detach_keys else None
    while data := await stream.read():
        detached = False
        if scanner:
            data, detached = scanner.scan(data)
        if data and stdio.stdin:
            await stdio.write(data)
        if detached:
            return True
    if stdio.stdin:
        await stdio.end_input()
    return False
