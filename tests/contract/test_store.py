"""The node store's contract, on every implementation."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.drivers.sqlite_store import SqliteStore
from shoal.errors import DriverError, InvalidArgument
from shoal.model.volume import Volume

KINDS = {"volumes": Volume}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shoal.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path, KINDS)
    store.open()
    yield store
    store.close()


def reopened(path: Path) -> SqliteStore:
    store = SqliteStore(path, KINDS)
    store.open()
    return store


async def test_what_was_committed_is_there_after_a_crash(store: SqliteStore, path: Path) -> None:
    first = Volume(name="a", labels={"x": "y"}, options={"type": "tmpfs"}, created_at=7)
    await store.commit(first, Volume(name="b"))
    # No close: the second connection sees what a new process would see after SIGKILL.
    other = reopened(path)
    assert other.get(Volume, "a") == first
    assert [v.name for v in other.all(Volume)] == ["a", "b"]
    other.close()


async def test_records_keep_the_order_of_their_first_commit(store: SqliteStore, path: Path) -> None:
    await store.commit(Volume(name="b"))
    await store.commit(Volume(name="a"))
    await store.commit(Volume(name="b", created_at=1))
    assert [v.name for v in store.all(Volume)] == ["b", "a"]
    other = reopened(path)
    assert [v.name for v in other.all(Volume)] == ["b", "a"]
    other.close()


async def test_deleting_what_is_not_there_is_no_error(store: SqliteStore) -> None:
    await store.commit(Volume(name="a"), deletes=[(Volume, "nothing")])
    await store.commit(deletes=[(Volume, "a")])
    assert store.get(Volume, "a") is None


async def test_a_cancelled_caller_leaves_memory_and_disk_alike(store: SqliteStore, path: Path) -> None:
    task = asyncio.ensure_future(store.commit(Volume(name="a")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.commit(Volume(name="b"))  # comes after the first in the order of writes
    other = reopened(path)
    assert [v.name for v in store.all(Volume)] == [v.name for v in other.all(Volume)]
    other.close()


async def test_a_refused_write_changes_nothing(path: Path) -> None:
    store = reopened(path)
    await store.commit(Volume(name="a"))
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("DROP TABLE volumes")
    with pytest.raises(DriverError, match="cannot write the database"):
        await store.commit(Volume(name="b"))
    assert [v.name for v in store.all(Volume)] == ["a"]
    blocker.close()
    store.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(InvalidArgument, match="version 99") as caught:
        SqliteStore(path, KINDS).open()
    assert "newer Shoal" in caught.value.hint


def test_a_file_that_is_no_database_is_a_clear_error(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)
    with pytest.raises(DriverError, match="cannot read the database"):
        SqliteStore(path, KINDS).open()
