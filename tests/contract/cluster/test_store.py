"""The cluster store's contract, on every implementation."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from shoal.contracts.cluster.store import MAX_CHANGES, Changes, ClusterStore, Commit
from shoal.drivers.cluster.etcd_store import EtcdClusterStore
from shoal.drivers.cluster.sqlite_store import SqliteClusterStore
from shoal.errors import Compacted, Fenced, InvalidArgument, Unavailable, VersionConflict
from shoal.simulation.store import SimulatedCluster, SimulatedStore
from tests.support.deadlines import patient
from tests.support.etcd import EtcdProcess, etcd_processes


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdProcess]:
    with etcd_processes(tmp_path_factory.mktemp("etcd"), 1) as [member]:
        yield member


@pytest.fixture(params=["sqlite", "simulated", "etcd"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClusterStore]:
    store: ClusterStore
    if request.param == "sqlite":
        store = SqliteClusterStore(tmp_path / "cluster.db")
    elif request.param == "simulated":
        store = SimulatedStore(SimulatedCluster())
    else:
        member = request.getfixturevalue("etcd")
        store = EtcdClusterStore([member.settings.client_url], cluster_id=tmp_path.name)
    await store.open()
    yield store
    await store.close()


async def put(store: ClusterStore, **values: str) -> int:
    """The keys have "__" for "/"."""
    return await store.commit(Commit(puts={key.replace("__", "/"): text.encode() for key, text in values.items()}))


async def watched(store: ClusterStore, prefix: str, after: int, count: int) -> list[Changes]:
    """The next `count` changes."""
    found: list[Changes] = []
    async with asyncio.timeout(patient(10)), aclosing(store.watch(prefix, after)) as changes:
        async for change in changes:
            found.append(change)
            if len(found) == count:
                break
    return found


def plain(changes: Changes) -> dict[str, str | None]:
    return {key: value.data.decode() if value else None for key, value in changes.values.items()}


class TestKeys:
    async def test_a_range_has_the_keys_below_a_prefix_in_order_with_the_revisions_that_wrote_them(
        self, store: ClusterStore
    ) -> None:
        first = await put(store, tasks__b="1", tasks__a="2", tasksx="3")
        second = await put(store, tasks__b="4", nodes__a="5")
        found = await store.range("tasks/")
        assert [(key, value.data, value.revision) for key, value in found.values.items()] == [
            ("tasks/a", b"2", first),
            ("tasks/b", b"4", second),
        ]
        assert found.revision == second > first > 0
        assert list((await store.range("")).values) == ["nodes/a", "tasks/a", "tasks/b", "tasksx"]

    async def test_nothing_is_there_at_first(self, store: ClusterStore) -> None:
        assert (await store.range("")).values == {}
        assert await store.leader() == ("", 0)

    async def test_a_commit_puts_and_deletes_together(self, store: ClusterStore) -> None:
        await put(store, a="1", b="1")
        await store.commit(Commit(puts={"c": b"2"}, deletes=["a", "never there"]))
        assert {key: value.data for key, value in (await store.range("")).values.items()} == {"b": b"1", "c": b"2"}

    async def test_what_changes_nothing_has_no_revision_of_its_own(self, store: ClusterStore) -> None:
        revision = await put(store, a="1")
        assert await store.commit(Commit(deletes=["b"])) == revision
        assert await store.commit(Commit(compares={"a": revision})) == revision

    async def test_bytes_stay_as_they_are(self, store: ClusterStore) -> None:
        data = {"empty": b"", "all": bytes(range(256)), "long": b"x" * 300_000, "näme/☃": b"1"}
        await store.commit(Commit(puts=data))
        assert {key: value.data for key, value in (await store.range("")).values.items()} == data

    async def test_many_keys_in_one_commit(self, store: ClusterStore) -> None:
        puts = {f"tasks/{number:05}": b"x" * 200 for number in range(MAX_CHANGES)}
        revision = await store.commit(Commit(puts=puts))
        found = await store.range("tasks/")
        assert {key: value.data for key, value in found.values.items()} == puts
        assert {value.revision for value in found.values.values()} == {revision}
        [change] = await watched(store, "", revision - 1, 1)
        assert (len(change.values), change.revision) == (MAX_CHANGES, revision)

    async def test_too_much_for_one_commit_is_refused(self, store: ClusterStore) -> None:
        with pytest.raises(InvalidArgument, match="at most 10000 changes, got 10001"):
            await store.commit(Commit(deletes=[str(number) for number in range(MAX_CHANGES + 1)]))
        with pytest.raises(InvalidArgument, match="bytes"):
            await store.commit(Commit(puts={"a": bytes(17 * 1024 * 1024)}))
        with pytest.raises(InvalidArgument, match="names a key twice"):
            await store.commit(Commit(puts={"a": b""}, deletes=["a"]))
        assert (await store.range("")).values == {}


class TestCompares:
    async def test_a_commit_is_done_where_every_key_has_the_revision_named(self, store: ClusterStore) -> None:
        revision = await put(store, a="1")
        newer = await store.commit(Commit(puts={"a": b"2"}, compares={"a": revision, "b": 0}))
        assert newer > revision

    @pytest.mark.parametrize("compares", [{"a": -1}, {"a": 0}, {"b": 1}, {"a": 1, "b": 0}])
    async def test_one_that_differs_refuses_all_of_it(self, store: ClusterStore, compares: dict[str, int]) -> None:
        old = await put(store, a="1")
        await put(store, a="2")
        named = {key: old if revision == -1 else revision for key, revision in compares.items()}
        if named == {"a": 1, "b": 0}:
            named["a"] = old
        with pytest.raises(VersionConflict):
            await store.commit(Commit(puts={"c": b"x"}, deletes=["a"], compares=named))
        assert {key: value.data for key, value in (await store.range("")).values.items()} == {"a": b"2"}

    async def test_one_of_many_who_take_a_name_at_once_has_it(self, store: ClusterStore) -> None:
        wanted = [Commit(puts={"names/web": f"{number}".encode()}, compares={"names/web": 0}) for number in range(20)]
        answers = await asyncio.gather(*map(store.commit, wanted), return_exceptions=True)
        winners = [number for number, answer in enumerate(answers) if isinstance(answer, int)]
        assert len(winners) == 1
        assert all(isinstance(answer, int | VersionConflict) for answer in answers)
        assert (await store.range("names/")).values["names/web"].data == str(winners[0]).encode()

    async def test_counting_by_many_loses_nothing(self, store: ClusterStore) -> None:
        async def count() -> None:
            for _ in range(5):
                while True:
                    value = (await store.range("count")).values.get("count")
                    number, revision = (int(value.data), value.revision) if value else (0, 0)
                    try:
                        await store.commit(Commit(puts={"count": b"%d" % (number + 1)}, compares={"count": revision}))
                        break
                    except VersionConflict:
                        continue

        await asyncio.gather(*(count() for _ in range(5)))
        assert (await store.range("count")).values["count"].data == b"25"


class TestWatch:
    async def test_every_change_after_a_revision_in_order(self, store: ClusterStore) -> None:
        start = await put(store, a="0")
        revisions = [await put(store, a="1", b="1"), await store.commit(Commit(deletes=["a"])), await put(store, a="2")]
        found = await watched(store, "", start, 3)
        assert [change.revision for change in found] == revisions
        assert [plain(change) for change in found] == [{"a": "1", "b": "1"}, {"a": None}, {"a": "2"}]

    async def test_only_what_is_below_its_prefix(self, store: ClusterStore) -> None:
        start = (await store.range("")).revision
        await put(store, tasks__a="1", nodes__a="1")
        await put(store, nodes__b="1")
        await put(store, tasks__b="2")
        assert list(map(plain, await watched(store, "tasks/", start, 2))) == [{"tasks/a": "1"}, {"tasks/b": "2"}]

    async def test_each_once_while_others_write(self, store: ClusterStore) -> None:
        start = (await store.range("")).revision
        watchers = [asyncio.create_task(watched(store, "", start, 100)) for _ in range(3)]
        written = sorted(
            await asyncio.gather(*(put(store, **{f"k{number % 7}": str(number)}) for number in range(100)))
        )
        for found in await asyncio.gather(*watchers):
            assert [change.revision for change in found] == written
        assert [c.revision for c in await watched(store, "", written[49], 50)] == written[50:]

    async def test_a_range_and_a_watch_after_it_leave_no_gap(self, store: ClusterStore) -> None:
        writer = asyncio.create_task(self._write(store, 60))
        found = await store.range("")
        seen = {key: value.data for key, value in found.values.items()}
        async with asyncio.timeout(patient(10)), aclosing(store.watch("", found.revision)) as changes:
            while len(seen) < 60:
                change = await anext(changes)
                new = {key: value.data for key, value in change.values.items() if value}
                assert not new.keys() & seen.keys()
                seen |= new
        await writer
        assert seen == {key: value.data for key, value in (await store.range("")).values.items()}

    async def _write(self, store: ClusterStore, count: int) -> None:
        for number in range(count):
            await put(store, **{f"k{number}": str(number)})

    async def test_it_waits_for_what_comes(self, store: ClusterStore) -> None:
        start = await put(store, a="1")
        waiting = asyncio.create_task(watched(store, "b", start, 1))
        await put(store, a="2")
        assert not waiting.done()
        await put(store, b="3")
        assert plain((await waiting)[0]) == {"b": "3"}

    async def test_a_past_that_was_compacted_is_said(self, store: ClusterStore) -> None:
        first = await put(store, a="1")
        second = await put(store, a="2")
        third = await put(store, a="3")
        await store.compact(third)
        assert [c.revision for c in await watched(store, "", second, 1)] == [third]
        with pytest.raises(Compacted):
            await watched(store, "", first, 1)
        assert (await store.range("")).values["a"].data == b"3"

    async def test_compacting_again_or_back_is_no_error(self, store: ClusterStore) -> None:
        await put(store, a="1")
        revision = await put(store, a="2")
        await store.compact(revision)
        await store.compact(revision)
        await store.compact(revision - 1)

    async def test_a_revision_that_never_was_is_said(self, store: ClusterStore) -> None:
        revision = await put(store, a="1")
        with pytest.raises(Compacted):
            await watched(store, "", revision + 1000, 1)

    async def test_a_store_that_closes_ends_it(self, store: ClusterStore) -> None:
        waiting = asyncio.create_task(watched(store, "", await put(store, a="1"), 1))
        await put(store)
        await store.close()
        with pytest.raises(Unavailable):
            await waiting
        with pytest.raises(Unavailable):
            await put(store, a="1")


class TestLeader:
    async def test_epochs_grow_and_the_leader_is_known(self, store: ClusterStore) -> None:
        first = await store.campaign("one", 5)
        assert (await store.leader(), await store.keep(first)) == (("one", first), True)
        await store.resign(first)
        assert (await store.leader(), await store.keep(first)) == (("", 0), False)
        second = await store.campaign("two", 5)
        assert second > first > 0
        assert await store.leader() == ("two", second)

    async def test_of_two_campaigners_one_leads_and_the_other_follows_when_it_resigns(
        self, store: ClusterStore
    ) -> None:
        campaigns = {asyncio.create_task(store.campaign(name, 5), name=name) for name in ("one", "two")}
        done, waiting = await asyncio.wait(campaigns, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(waiting)) == (1, 1)
        [first], [second] = done, waiting
        assert await store.leader() == (first.get_name(), first.result())
        await store.resign(first.result())
        async with asyncio.timeout(patient(2)):
            assert await second > first.result()
        assert await store.leader() == (second.get_name(), second.result())

    async def test_who_leads_already_gets_a_new_epoch_and_the_old_one_is_over(self, store: ClusterStore) -> None:
        old = await store.campaign("one", 60)
        new = await store.campaign("one", 60)
        assert new > old
        assert (await store.keep(old), await store.keep(new)) == (False, True)
        with pytest.raises(Fenced):
            await store.commit(Commit(puts={"a": b"1"}, epoch=old))

    async def test_a_leader_that_does_not_keep_it_is_followed_by_another(self, store: ClusterStore) -> None:
        old = await store.campaign("one", 1)
        async with asyncio.timeout(patient(8)):
            new = await store.campaign("two", 30)
        assert new > old
        assert await store.keep(old) is False

    async def test_a_leader_that_keeps_it_stays(self, store: ClusterStore) -> None:
        epoch = await store.campaign("one", 2)
        other = asyncio.create_task(store.campaign("two", 2))
        until = asyncio.get_running_loop().time() + 4
        while asyncio.get_running_loop().time() < until:
            assert await store.keep(epoch)
            await asyncio.wait([other], timeout=0.3)
        assert not other.done()
        other.cancel()
        await asyncio.wait([other])
        assert await store.leader() == ("one", epoch)
        await store.resign(epoch)
        assert await store.leader() == ("", 0)

    async def test_a_commit_of_an_epoch_that_is_over_is_refused(self, store: ClusterStore) -> None:
        old = await store.campaign("one", 60)
        revision = await store.commit(Commit(puts={"a": b"1"}, epoch=old))
        await store.resign(old)
        with pytest.raises(Fenced):
            await store.commit(Commit(puts={"a": b"2"}, epoch=old))
        new = await store.campaign("two", 60)
        with pytest.raises(Fenced):
            await store.commit(Commit(puts={"a": b"2"}, compares={"a": revision}, epoch=old))
        with pytest.raises(Fenced):
            await store.commit(Commit(puts={"a": b"2"}, epoch=new + 1))
        with pytest.raises(VersionConflict):
            await store.commit(Commit(puts={"a": b"2"}, compares={"a": 0}, epoch=new))
        assert (await store.range("")).values["a"].data == b"1"
        assert await store.commit(Commit(puts={"a": b"2"}, compares={"a": revision}, epoch=new)) > revision

    async def test_resigning_what_is_over_changes_nothing(self, store: ClusterStore) -> None:
        old = await store.campaign("one", 60)
        await store.resign(old)
        new = await store.campaign("two", 60)
        await store.resign(old)
        assert await store.leader() == ("two", new)

    async def test_who_leads_is_no_key(self, store: ClusterStore) -> None:
        start = await put(store, a="1")
        epoch = await store.campaign("one", 60)
        assert list((await store.range("")).values) == ["a"]
        await store.commit(Commit(puts={"b": b"1"}, epoch=epoch))
        assert plain((await watched(store, "b", start, 1))[0]) == {"b": "1"}

    async def test_the_revision_of_a_range_is_passed_by_a_watch_of_everything(self, store: ClusterStore) -> None:
        start = await put(store, a="1")
        epoch = await store.campaign("one", 60)
        await store.resign(epoch)
        revision = (await store.range("a")).revision
        assert await store.commit(Commit(deletes=["nothing"])) == revision
        if revision > start:
            async with asyncio.timeout(patient(10)), aclosing(store.watch("", start)) as changes:
                while (change := await anext(changes)).revision < revision:
                    assert change.values == {}

    async def test_epochs_go_on_after_those_of_another_store(self, store: ClusterStore) -> None:
        assert await store.newest_epoch() == 0
        await store.epochs_after(40)
        await store.epochs_after(7)
        assert await store.newest_epoch() == await store.newest_epoch(stale=True) == 40
        assert await store.campaign("one", 60) == 41
