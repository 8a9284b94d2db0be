"""Long work in threads: bounded, stopped when the caller is cancelled, and waited for even then."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from shoal.drivers.layers.streams import Stopped

T = TypeVar("T")


class Workers:
    """A few threads for unpacking and packing."""

    def __init__(self, threads: int = 4) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="layers")

    async def run(self, work: Callable[[threading.Event], T], undo: Callable[[T], None] | None = None) -> T:
        """The result of `work(stop)`, which ends soon (with Stopped) once `stop` is set.

        A cancelled caller still waits until the thread is out: nobody may write into a folder that is being removed.
        undo: takes back a result that nobody gets, since the caller was cancelled just before
        """
        stop = threading.Event()
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, work, stop)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait([future])
            if future.cancelled():
                raise
            if (error := future.exception()) is None:
                if undo is not None:
                    await loop.run_in_executor(self._pool, undo, future.result())
            elif not isinstance(error, Stopped):
                raise asyncio.CancelledError from error
            raise

    def close(self) -> None:
        """Wait for the threads."""
        self._pool.shutdown(wait=True)


def throttled(advance: Callable[[int], None] | None, step_bytes: int = 1 << 20) -> Callable[[int], None] | None:
    """`advance`, called in the event loop's thread, at most once for each `step_bytes`."""
    if advance is None:
        return None
    loop = asyncio.get_running_loop()
    last = 0

    def report(at: int) -> None:
        nonlocal last
        if at - last >= step_bytes:
            last = at
            loop.call_soon_threadsafe(advance, at)

    return report
