"""Waiting for what was written, while the manager closes or the one who waits is cancelled."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from shoal.errors import Unavailable
from shoal.swarm.manager.mirror import Mirror


class SilentStore:
    """Has nothing, and tells of no change."""

    async def range(self, prefix: str) -> SimpleNamespace:
        return SimpleNamespace(values={}, revision=1)

    async def watch(self, prefix: str, after: int) -> AsyncIterator[object]:
        await asyncio.Event().wait()
        yield None


@pytest.fixture
async def mirror() -> Mirror:
    mirror = Mirror(SilentStore())  # type: ignore[arg-type]
    await mirror.open()
    return mirror


async def waiting(mirror: Mirror) -> "asyncio.Task[object]":
    task = asyncio.create_task(mirror.reach(2))
    await asyncio.sleep(0)
    return task


async def test_a_manager_that_closes_tells_who_waits(mirror: Mirror):
    task = await waiting(mirror)
    await mirror.close()
    with pytest.raises(Unavailable, match="the manager is closing"):
        await task


async def test_whoever_is_cancelled_stays_cancelled_beside_a_manager_that_closes(mirror: Mirror):
    task = await waiting(mirror)
    closing = asyncio.create_task(mirror.close())
    await asyncio.sleep(0)
    task.cancel()
    await closing
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_a_time_limit_of_the_caller_is_its_own(mirror: Mirror):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await mirror.reach(2)
    await mirror.close()
