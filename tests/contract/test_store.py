"""The node store's contract, on every implementation."""

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shoal.contracts.store import NodeStore
from shoal.drivers.sqlite_store import SqliteStore
from shoal.errors import DriverError, InvalidArgument
from shoal.model.volume import Volume
from tests.support.memory_store import MemoryStore


@dataclass(frozen=True)
class Note:
    name: str
    text: str

    @property
    def key(self) -> str:
        return self.name


KINDS = {"volumes": Volume, "notes": Note}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shoal.db"


@pytest.fixture
def sqlite(path: Path) -> Iterator[SqliteStore]:
    store = reopened(path)
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest) -> NodeStore:
    return MemoryStore() if request.param == "memory" else request.getfixturevalue("sqlite")


def reopened(path: Path) -> SqliteStore:
    store = SqliteStore(path, KINDS)
    store.open()
    return store


async def test_records_are_found_by_type_and_key(store: NodeStore) -> None:
    assert (store.get(Volume, "a"), list(store.all(Volume))) == (None, [])
    volume, note = Volume(name="a", labels={"x": "y"}, options={"type": "tmpfs"}, created_at=7), Note("a", "hello")
    await store.commit(volume, note)
    assert (store.get(Volume, "a"), store.get(Note, "a")) == (volume, note)
    assert (list(store.all(Volume)), list(store.all(Note))) == ([volume], [note])
    await store.commit(deletes=[(Note, "a")])
    assert (store.get(Volume, "a"), store.get(Note, "a")) == (volume, None)


async def test_records_keep_the_order_of_their_first_commit(store: NodeStore) -> None:
    await store.commit(Volume(name="b"))
    await store.commit(Volume(name="a"))
    await store.commit(Volume(name="b", created_at=1))
    assert [(v.name, v.created_at) for v in store.all(Volume)] == [("b", 1), ("a", 0)]


async def test_what_was_listed_stays_as_it_was(store: NodeStore) -> None:
    await store.commit(Volume(name="a"))
    before = store.all(Volume)
    await store.commit(Volume(name="b"), deletes=[(Volume, "a")])
    assert [v.name for v in before] == ["a"]
    assert [v.name for v in store.all(Volume)] == ["b"]


async def test_deleting_what_is_not_there_is_no_error(store: NodeStore) -> None:
    await store.commit(Volume(name="a"), deletes=[(Volume, "nothing")])
    await store.commit(deletes=[(Volume, "a")])
    assert store.get(Volume, "a") is None


async def test_many_commits_at_once_all_count(store: NodeStore) -> None:
    await asyncio.gather(*(store.commit(Volume(name=f"v{n:02}")) for n in range(20)))
    assert sorted(v.name for v in store.all(Volume)) == [f"v{n:02}" for n in range(20)]


# -- what only a store on disk has to keep ---------------------------------------------------


async def test_what_was_committed_is_there_after_a_crash(sqlite: SqliteStore, path: Path) -> None:
    first = Volume(name="b", labels={"x": "y"}, options={"type": "tmpfs"}, created_at=7)
    await sqlite.commit(first, Volume(name="a"))
    # No close: the second connection sees what a new process would see after SIGKILL.
    other = reopened(path)
    assert other.get(Volume, "b") == first
    assert [v.name for v in other.all(Volume)] == ["b", "a"]
    other.close()


async def test_a_cancelled_caller_leaves_memory_and_disk_alike(sqlite: SqliteStore, path: Path) -> None:
    task = asyncio.ensure_future(sqlite.commit(Volume(name="a")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await sqlite.commit(Volume(name="b"))  # comes after the first in the order of writes
    other = reopened(path)
    assert [v.name for v in sqlite.all(Volume)] == [v.name for v in other.all(Volume)]
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
