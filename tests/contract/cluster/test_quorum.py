"""The store on three etcd members of which some are lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import pytest

from shoal.contracts.cluster.store import Commit
from shoal.drivers.cluster.etcd_store import EtcdClusterStore
from shoal.errors import Unavailable, VersionConflict
from tests.support.deadlines import patient
from tests.support.etcd import EtcdProcess, etcd_processes

T = TypeVar("T")


@pytest.fixture
def members(tmp_path: Path) -> Iterator[Sequence[EtcdProcess]]:
    with etcd_processes(tmp_path, 3) as members:
        yield members


@pytest.fixture
async def stores(members: Sequence[EtcdProcess]) -> AsyncIterator[Sequence[EtcdClusterStore]]:
    """One of each manager: it asks its own member only."""
    stores = [EtcdClusterStore([member.settings.client_url], "c") for member in members]
    for store in stores:
        await store.open()
    yield stores
    for store in stores:
        await store.close()


async def keys_watched(store: EtcdClusterStore, after: int, until: str) -> list[str]:
    """Every key that is put, in order, to `until`."""
    keys: list[str] = []
    async with asyncio.timeout(patient(30)), aclosing(store.watch("", after)) as changes:
        async for change in changes:
            keys += change.values
            if until in change.values:
                break
    return keys


async def put_at_last(store: EtcdClusterStore, key: str) -> None:
    """Written once, however often it takes to hear so."""
    async with asyncio.timeout(patient(30)):
        while True:
            try:
                await store.commit(Commit(puts={key: b"1"}, compares={key: 0}))
                return
            except Unavailable:
                continue
            except VersionConflict:
                return


async def at_last(call: Callable[[], Awaitable[T]]) -> T:
    """The answer, once there is one: on a busy machine members elect a leader more than once."""
    async with asyncio.timeout(patient(30)):
        while True:
            try:
                return await call()
            except Unavailable:
                continue


def end_members(members: Sequence[EtcdProcess]) -> None:
    for member in members:
        member.end()


def start_members(members: Sequence[EtcdProcess]) -> None:
    for member in members:
        member.start()
    for member in members:
        member.wait_ready()


async def test_without_a_quorum_writes_fail_soon_reads_say_so_and_all_works_again_after_it(
    members: Sequence[EtcdProcess], stores: Sequence[EtcdClusterStore]
) -> None:
    store = stores[0]
    epoch = await store.campaign("m0", 60)
    start = await store.commit(Commit(puts={"before": b"1"}, epoch=epoch))
    watching = asyncio.create_task(keys_watched(store, start, "after"))
    await asyncio.to_thread(end_members, members[1:])

    since = time.monotonic()
    with pytest.raises(Unavailable):
        await store.commit(Commit(puts={"lost": b"1"}, epoch=epoch))
    assert time.monotonic() - since < patient(6)
    refused = await asyncio.gather(
        store.range(""), store.keep(epoch), store.leader(), store.campaign("m1", 5), return_exceptions=True
    )
    assert [type(answer) for answer in refused] == [Unavailable] * 4
    assert time.monotonic() - since < patient(12)
    assert list((await store.range("", stale=True)).values) == ["before"]

    await asyncio.to_thread(start_members, members[1:])
    await put_at_last(store, "after")
    found = await watching
    assert (found.count("after"), set(found) <= {"after", "lost"}) == (1, True)
    assert await at_last(lambda: store.keep(epoch)) is True
    assert await at_last(store.leader) == ("m0", epoch)
    assert set((await at_last(lambda: store.range(""))).values) == {"before", *found}


async def test_a_watch_hears_every_change_once_while_etcd_changes_its_leader(
    members: Sequence[EtcdProcess], stores: Sequence[EtcdClusterStore]
) -> None:
    leader = next(number for number, member in enumerate(members) if member.is_leader())
    others = [number for number in range(3) if number != leader]
    start = (await stores[0].range("")).revision
    watching = [asyncio.create_task(keys_watched(stores[number], start, "k39")) for number in range(3)]
    for count in range(40):
        if count == 10:
            await asyncio.to_thread(end_members, [members[leader]])
        if count == 30:
            await asyncio.to_thread(start_members, [members[leader]])
        await put_at_last(stores[others[count % 2]], f"k{count}")
    for found in await asyncio.gather(*watching):
        assert found == [f"k{count}" for count in range(40)]


async def test_a_frozen_leader_loses_its_place_and_is_fenced_when_it_wakes(
    members: Sequence[EtcdProcess], stores: Sequence[EtcdClusterStore]
) -> None:
    frozen = next(number for number, member in enumerate(members) if member.is_leader())
    other = stores[(frozen + 1) % 3]
    old = await stores[frozen].campaign("old", 2)
    await stores[frozen].commit(Commit(puts={"a": b"old"}, epoch=old))
    members[frozen].freeze()
    try:
        late = asyncio.create_task(stores[frozen].commit(Commit(puts={"a": b"late"}, epoch=old)))
        new = await at_last(lambda: other.campaign("new", 60))
        await other.commit(Commit(puts={"a": b"new"}, epoch=new))
    finally:
        members[frozen].thaw()
    assert isinstance((await asyncio.gather(late, return_exceptions=True))[0], Unavailable)
    assert await at_last(lambda: stores[frozen].keep(old)) is False
    with pytest.raises(Unavailable):
        await stores[frozen].commit(Commit(puts={"a": b"later"}, epoch=old))
    assert (await at_last(lambda: stores[frozen].range("a"))).values["a"].data == b"new"


async def test_a_store_opened_without_a_quorum_tells_what_its_member_knows_and_catches_up_later(
    members: Sequence[EtcdProcess], stores: Sequence[EtcdClusterStore]
) -> None:
    start = (await stores[2].range("")).revision
    await stores[0].commit(Commit(puts={"a": b"1"}))
    await keys_watched(stores[2], start, "a")
    await asyncio.to_thread(end_members, members[:2])
    late = EtcdClusterStore([members[2].settings.client_url], "c")
    await late.open()
    known = await late.range("", stale=True)
    assert list(known.values) == ["a"]
    watching = asyncio.create_task(keys_watched(late, known.revision, "b"))
    await asyncio.to_thread(start_members, members[:2])
    await put_at_last(stores[0], "b")
    assert await watching == ["b"]
    assert list((await at_last(lambda: late.range(""))).values) == ["a", "b"]
    await late.close()
