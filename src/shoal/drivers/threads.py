"""Blocking calls in threads that nobody leaves behind."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As asyncio.to_thread, but a caller that is cancelled waits until the thread is done.

    What the thread works on (a descriptor, a folder) is often closed or removed right after.
    """
    return await to_the_end(asyncio.to_thread(function, *args, **kwargs))


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is finished also when the caller is cancelled; he waits for it even then."""
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if not running.done():
            await asyncio.wait([running])
        if not running.cancelled():
            running.exception()
        raise
