"""What the store of one manager keeps on its disk."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from shoal.contracts.cluster.store import Commit
from shoal.drivers.cluster.sqlite_store import SqliteClusterStore
from shoal.errors import Compacted, DriverError, InvalidArgument


async def opened(path: Path) -> SqliteClusterStore:
    store = SqliteClusterStore(path)
    await store.open()
    return store


async def test_values_revisions_and_epochs_are_there_after_it_was_opened_again(tmp_path: Path) -> None:
    store = await opened(tmp_path / "cluster.db")
    epoch = await store.campaign("one", 60)
    await store.commit(Commit(puts={"a": b"1", "b": b"2"}, epoch=epoch))
    await store.commit(Commit(deletes=["b"]))
    before = await store.range("")
    await store.close()

    store = await opened(tmp_path / "cluster.db")
    assert await store.range("") == before
    assert await store.leader() == ("", 0)
    assert await store.campaign("one", 60) > epoch
    assert await store.commit(Commit(puts={"a": b"3"})) == before.revision + 1
    with pytest.raises(Compacted):
        await anext(store.watch("", before.revision - 1))
    assert (await anext(store.watch("", before.revision))).revision == before.revision + 1
    await store.close()


async def test_commits_at_once_are_all_there_one_revision_each(tmp_path: Path) -> None:
    store = await opened(tmp_path / "cluster.db")
    revisions = await asyncio.gather(*(store.commit(Commit(puts={f"k{n % 10}": b"%d" % n})) for n in range(200)))
    assert list(revisions) == list(range(1, 201))
    await store.close()
    store = await opened(tmp_path / "cluster.db")
    found = await store.range("")
    assert {key: (value.data, value.revision) for key, value in found.values.items()} == {
        f"k{n % 10}": (b"%d" % n, n + 1) for n in range(190, 200)
    }
    await store.close()


async def test_a_caller_that_gives_up_leaves_memory_and_disk_alike(tmp_path: Path) -> None:
    store = await opened(tmp_path / "cluster.db")
    call = asyncio.create_task(store.commit(Commit(puts={"a": b"1"})))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    await store.commit(Commit(puts={"b": b"1"}))
    before = await store.range("")
    await store.close()
    store = await opened(tmp_path / "cluster.db")
    assert await store.range("") == before
    await store.close()


async def test_a_second_one_on_the_same_file_is_refused(tmp_path: Path) -> None:
    store = await opened(tmp_path / "cluster.db")
    second = SqliteClusterStore(tmp_path / "cluster.db")
    with pytest.raises(DriverError, match="locked"):
        await second.open()
    await second.close()
    await store.close()


async def test_nobody_else_reads_it(tmp_path: Path) -> None:
    store = await opened(tmp_path / "cluster.db")
    await store.commit(Commit(puts={"a": b"1"}))
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}
    await store.close()


async def test_a_file_of_a_newer_version_and_a_broken_one_are_named(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "newer.db") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    (tmp_path / "broken.db").write_bytes(b"no database at all" * 100)
    for name, error, text in (("newer.db", InvalidArgument, "version 99"), ("broken.db", DriverError, "broken.db")):
        store = SqliteClusterStore(tmp_path / name)
        with pytest.raises(error, match=text):
            await store.open()
        await store.close()


async def test_what_could_not_be_written_is_not_there(tmp_path: Path) -> None:
    store = await opened(tmp_path / "cluster.db")
    await store.commit(Commit(puts={"a": b"1"}))
    before = await store.range("")
    store._db.execute("PRAGMA max_page_count=10")
    with pytest.raises(DriverError, match="full"):
        await store.commit(Commit(puts={"a": bytes(100_000)}))
    assert await store.range("") == before
    assert await store.commit(Commit(puts={"a": b"2"})) == before.revision + 1
    await store.close()
