"""From the event loop into a worker thread: chunks that arrive there are read as a file here."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterable

from shoal.drivers.layers.streams import Stopped

_LIMIT_BYTES = 8 << 20
#: A reader that has read all there was sleeps until there is so much more: waking a thread costs more than a chunk.
_WAKE_BYTES = 1 << 20


class Pipe:
    """Holds at most a few MiB: the feeder waits for room, the reader for data."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._changed = threading.Condition()
        self._chunks: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_ended = False
        self._is_closed = False
        self._error: BaseException | None = None

    async def feed(self, chunks: AsyncIterable[bytes]) -> None:
        """Pass `chunks` on until they end, break, or nobody reads any more; the reader sees the break as its own."""
        error: BaseException | None = None
        try:
            async for chunk in chunks:
                if self._is_closed:
                    return
                if chunk:
                    await self._put(chunk)
        except BaseException as broken:
            error = broken
            raise
        finally:
            with self._changed:
                self._is_ended, self._error = True, error
                self._changed.notify()

    async def _put(self, chunk: bytes) -> None:
        with self._changed:
            self._chunks.append(chunk)
            self._waiting_bytes += len(chunk)
            if self._waiting_bytes >= _WAKE_BYTES:
                self._changed.notify()
        while self._waiting_bytes > _LIMIT_BYTES and not self._is_closed:
            self._room.clear()
            if self._waiting_bytes > _LIMIT_BYTES:
                await self._room.wait()

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, b"" at the end; waits for them. For the worker's thread."""
        with self._changed:
            if not self._chunks:
                self._changed.wait_for(lambda: self._is_ended or self._waiting_bytes >= _WAKE_BYTES)
            if not self._chunks:
                if self._error is not None:
                    raise Stopped
                return b""
            chunk = self._chunks.popleft()
            if 0 <= size < len(chunk):
                self._chunks.appendleft(chunk[size:])
                chunk = chunk[:size]
            was_full = self._waiting_bytes > _LIMIT_BYTES
            self._waiting_bytes -= len(chunk)
        if was_full:
            self._loop.call_soon_threadsafe(self._room.set)
        return chunk

    def close(self) -> None:
        """Nobody reads any more. For the worker's thread."""
        self._is_closed = True
        self._loop.call_soon_threadsafe(self._room.set)
