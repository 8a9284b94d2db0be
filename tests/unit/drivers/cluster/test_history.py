"""What a store remembers of its changes, and for how long."""

import asyncio
from contextlib import aclosing

import pytest

from shoal.contracts.cluster.store import Changes, Value
from shoal.drivers.cluster.history import History
from shoal.errors import Compacted, Unavailable


def changes(revision: int, *keys: str, size: int = 1) -> Changes:
    return Changes(revision, {key: Value(b"x" * size, revision) for key in keys})


async def revisions(history: History, after: int, count: int, prefix: str = "") -> list[int]:
    async with aclosing(history.follow(prefix, after)) as told:
        return [(await anext(told)).revision for _ in range(count)]


async def test_the_oldest_make_room_and_who_needs_them_is_told() -> None:
    history = History(0, limit_bytes=10_000)
    for revision in range(1, 41):
        history.append(changes(revision, "a", size=600))
    assert 0 < history.floor < 40
    assert await revisions(history, history.floor, 40 - history.floor) == list(range(history.floor + 1, 41))
    with pytest.raises(Compacted):
        await revisions(history, history.floor - 1, 1)


async def test_the_newest_stays_however_large_it_is() -> None:
    history = History(0, limit_bytes=1000)
    history.append(changes(1, "a"))
    history.append(changes(2, "a", size=5000))
    assert await revisions(history, 1, 1) == [2]


async def test_a_slow_reader_that_falls_behind_is_told() -> None:
    history = History(0, limit_bytes=3000)
    history.append(changes(1, "a"))
    async with aclosing(history.follow("", 0)) as told:
        assert (await anext(told)).revision == 1
        for revision in range(2, 20):
            history.append(changes(revision, "a", size=500))
        with pytest.raises(Compacted):
            await anext(told)


async def test_numbers_may_have_gaps() -> None:
    history = History(5)
    for revision in (7, 12, 30):
        history.append(changes(revision, f"k{revision}"))
    assert await revisions(history, 5, 3) == [7, 12, 30]
    assert await revisions(history, 8, 2) == [12, 30]
    assert await revisions(history, 8, 1, "k3") == [30]
    history.forget(12)
    assert (history.floor, await revisions(history, 11, 2)) == (11, [12, 30])
    with pytest.raises(Compacted):
        await revisions(history, 7, 1)


async def test_after_a_restart_every_reader_ranges_again() -> None:
    history = History(0)
    history.append(changes(1, "a"))
    waiting = asyncio.ensure_future(revisions(history, 1, 1))
    await asyncio.sleep(0)
    history.restart(9)
    with pytest.raises(Compacted):
        await waiting
    history.append(changes(10, "a"))
    assert await revisions(history, 9, 1) == [10]


async def test_a_history_that_begins_later_waits_and_then_knows_who_can_follow() -> None:
    history = History(-1)
    ahead, behind = (asyncio.ensure_future(revisions(history, after, 1)) for after in (4, 3))
    await asyncio.sleep(0)
    history.restart(4)
    history.append(changes(5, "a"))
    assert await ahead == [5]
    with pytest.raises(Compacted):
        await behind


async def test_closing_ends_who_waits() -> None:
    history = History(0)
    waiting = asyncio.ensure_future(revisions(history, 0, 1))
    await asyncio.sleep(0)
    history.close()
    with pytest.raises(Unavailable):
        await waiting
