"""Operations that tell how far they are, line by line."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from shoal.api.http.replies import JsonStream
from shoal.api.http.request import Request
from shoal.model.progress import Progress, Report
from shoal.wire.progress import encode_progress


async def stream_progress(request: Request, work: Callable[[Report], Awaitable[Any]]) -> web.StreamResponse:
    """The lines that `work` reports, as they come. Nothing goes out before the first one: an error is a status then.

    A client that goes away ends the work.
    """
    lines: asyncio.Queue[Progress | None] = asyncio.Queue()

    async def run() -> None:
        try:
            await work(lines.put_nowait)
        finally:
            lines.put_nowait(None)

    running = asyncio.create_task(run())
    try:
        line = await lines.get()
        if line is None:
            await running
        async with JsonStream(request) as out:
            while line is not None:
                await out.send(encode_progress(line))
                line = await lines.get()
            await running
        return out.response
    finally:
        if not running.done():
            running.cancel()
        await asyncio.wait([running])


async def body_chunks(request: Request) -> AsyncIterator[bytes]:
    """The request's body as it comes in."""
    async for piece, _ in request.http.content.iter_chunks():
        yield piece
