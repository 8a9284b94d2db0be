"""What the simulated store does when its weather is bad."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

import pytest

from shoal.contracts.cluster.store import Commit
from shoal.errors import Compacted, Fenced, Unavailable
from shoal.simulation import store as simulated
from shoal.simulation.store import SimulatedCluster, SimulatedStore, Weather


@dataclass
class Storm:
    """What the functions of a Weather say now."""

    has_quorum: bool = True
    loses_answers: bool = False
    latency_s: float = 0.0

    def weather(self) -> Weather:
        return Weather(
            latency_s=lambda operation: self.latency_s,
            has_quorum=lambda: self.has_quorum,
            loses_answer=lambda: self.loses_answers,
        )


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "DEADLINE_S", 0.02)
    monkeypatch.setattr(simulated, "_LOOK_S", 0.002)


async def two_managers(storm: Storm) -> tuple[SimulatedStore, SimulatedStore]:
    cluster = SimulatedCluster()
    stores = SimulatedStore(cluster, storm.weather()), SimulatedStore(cluster)
    for store in stores:
        await store.open()
    return stores


async def test_a_manager_that_is_cut_off_cannot_write_and_hears_all_of_it_later() -> None:
    storm = Storm()
    cut, other = await two_managers(storm)
    epoch = await cut.campaign("cut", 0.05)
    start = await cut.commit(Commit(puts={"a": b"1"}, epoch=epoch))
    storm.has_quorum = False
    calls = cut.commit(Commit(puts={"a": b"2"}, epoch=epoch)), cut.range(""), cut.keep(epoch), cut.leader()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 4
    assert list((await cut.range("", stale=True)).values) == ["a"]

    async with aclosing(cut.watch("", start)) as changes:
        waiting = asyncio.ensure_future(anext(changes))
        newer = await other.campaign("other", 60)
        revision = await other.commit(Commit(puts={"a": b"3"}, epoch=newer))
        await asyncio.wait([waiting], timeout=0.02)
        assert not waiting.done()
        storm.has_quorum = True
        assert (await waiting).revision == revision
    with pytest.raises(Fenced):
        await cut.commit(Commit(puts={"a": b"4"}, epoch=epoch))


async def test_a_commit_whose_answer_is_lost_is_done() -> None:
    storm = Storm(loses_answers=True)
    store, other = await two_managers(storm)
    with pytest.raises(Unavailable, match="lost"):
        await store.commit(Commit(puts={"a": b"1"}))
    assert (await other.range("")).values["a"].data == b"1"


async def test_what_takes_long_comes_late_and_in_order() -> None:
    storm = Storm(latency_s=0.01)
    slow, quick = await two_managers(storm)
    loop = asyncio.get_running_loop()
    since = loop.time()
    await slow.range("")
    assert loop.time() - since >= 0.01
    for _ in range(3):
        await quick.commit(Commit(puts={"a": b"1"}))
    async with aclosing(slow.watch("", 0)) as changes:
        assert [(await anext(changes)).revision for _ in range(3)] == [1, 2, 3]


async def test_a_manager_that_starts_again_and_one_that_is_compacted_read_anew() -> None:
    store, other = await two_managers(Storm())
    await store.commit(Commit(puts={"a": b"1"}))
    await other.close()
    await other.open()
    with pytest.raises(Compacted):
        await anext(other.watch("", 0))
    await store.commit(Commit(puts={"a": b"2"}))
    other.compact_now(2)
    with pytest.raises(Compacted):
        await anext(store.watch("", 0))
    assert (await anext(store.watch("", 1))).revision == 2
