"""A cluster's store for one manager, in one SQLite file.

Read from memory, written by one thread. `synchronous=FULL`: what a user was told is done (a service created, a token
rotated) is still there after a loss of power, as it is with etcd. Commits that come while one is being written share
the next write to the disk.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shoal.contracts.cluster.store import Changes, Commit, Range, Value
from shoal.drivers.cluster.leadership import Leadership
from shoal.drivers.cluster.table import Table, check_shape
from shoal.errors import DriverError, InvalidArgument, ShoalError, Unavailable

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, data BLOB NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_PUT = (
    "INSERT INTO records(key, data, revision) VALUES(?, ?, ?)"
    " ON CONFLICT(key) DO UPDATE SET data=excluded.data, revision=excluded.revision"
)
_NUMBER = "INSERT INTO numbers(name, value) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value=excluded.value"

log = logging.getLogger("shoal.cluster.store")


class SqliteClusterStore:
    """`contracts.cluster.store.ClusterStore` on SQLite. One process has it at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="cluster-store")
        self._db: sqlite3.Connection | None = None
        self._waiting: list[tuple[Commit, asyncio.Future[int]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._table = Table({}, 0)
        self._leadership = Leadership(0, self._save_epoch)
        self._is_closed = False

    async def open(self) -> None:
        """Read everything. Raises: InvalidArgument for a file of a newer Shoal, DriverError when it can't be read"""
        try:
            values, numbers = await asyncio.get_running_loop().run_in_executor(self._writer, self._load)
        except (OSError, sqlite3.Error) as error:
            raise DriverError(f'cannot read the cluster\'s database "{self._path}": {error}') from error
        self._table = Table(values, numbers.get("revision", 0))
        self._leadership = Leadership(numbers.get("epoch", 0), self._save_epoch)

    def _load(self) -> tuple[dict[str, Value], dict[str, int]]:
        # It holds secrets, sealed, and what tasks are given: nobody else reads it.
        os.close(os.open(self._path, os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._path.chmod(0o600)
        self._db = db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=1)
        # Memory is the truth for readers, so a second process must not write.
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise InvalidArgument(
                f'database "{self._path}" has version {version}, wanted {SCHEMA_VERSION} or older',
                hint="it was written by a newer Shoal: install that version",
            )
        db.executescript(_SCHEMA)
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        rows = db.execute("SELECT key, data, revision FROM records")
        values = {key: Value(data, revision) for key, data, revision in rows}
        return values, dict(db.execute("SELECT name, value FROM numbers").fetchall())

    async def close(self) -> None:
        """See the contract. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._flusher is not None:
            await self._flusher
        self._table.history.close()
        await asyncio.get_running_loop().run_in_executor(self._writer, self._close_file)
        self._writer.shutdown(wait=True)

    def _close_file(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    async def range(self, prefix: str, *, stale: bool = False) -> Range:
        """See the contract."""
        self._check_open()
        return self._table.range(prefix)

    async def watch(self, prefix: str, after: int) -> AsyncIterator[Changes]:
        """See the contract."""
        self._table.check_after(after)
        async for changes in self._table.history.follow(prefix, after):
            yield changes

    async def newest_epoch(self, *, stale: bool = False) -> int:
        """See the contract."""
        return self._leadership.newest

    async def epochs_after(self, epoch: int) -> None:
        """See the contract."""
        await self._leadership.epochs_after(epoch)

    async def compact(self, revision: int) -> None:
        """See the contract. The file has the newest values only, always."""
        self._table.history.forget(revision)

    async def commit(self, commit: Commit) -> int:
        """See the contract."""
        self._check_open()
        check_shape(commit)
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((commit, answer))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        # A caller that is cancelled half-way must not leave memory and disk telling different stories.
        return await asyncio.shield(answer)

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            staged = self._staged(batch)
            error: ShoalError | None = None
            try:
                if any(changes is not None for changes, _ in staged):
                    await self._in_writer([changes for changes, _ in staged if changes is not None], {})
            except ShoalError as failed:
                error = failed
            for changes, answer in staged:
                if error is not None:
                    answer.set_exception(error)
                    continue
                if changes is not None:
                    self._table.apply(changes)
                answer.set_result(self._table.revision)

    def _staged(
        self, batch: Sequence[tuple[Commit, asyncio.Future[int]]]
    ) -> list[tuple[Changes | None, asyncio.Future[int]]]:
        """(what it changes, who waits for it) of each commit that may be written; the others are answered."""
        staged: list[tuple[Changes | None, asyncio.Future[int]]] = []
        ahead: dict[str, Value | None] = {}
        revision = self._table.revision
        for commit, answer in batch:
            try:
                self._leadership.check(commit.epoch)
                changes = self._table.stage(commit, revision + 1, ahead)
            except ShoalError as refused:
                answer.set_exception(refused)
                continue
            revision += changes is not None
            staged.append((changes, answer))
        return staged

    async def _in_writer(self, batch: Sequence[Changes], numbers: dict[str, int]) -> None:
        if self._db is None:
            raise Unavailable("the cluster's store is closed")
        await asyncio.get_running_loop().run_in_executor(self._writer, self._write, batch, numbers)

    def _write(self, batch: Sequence[Changes], numbers: dict[str, int]) -> None:
        db = self._db
        assert db is not None, "closed after the last write"
        last: dict[str, Value | None] = {}
        for changes in batch:
            last.update(changes.values)
            numbers = {**numbers, "revision": changes.revision}
        try:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("DELETE FROM records WHERE key=?", [(key,) for key, value in last.items() if value is None])
            db.executemany(_PUT, [(key, value.data, value.revision) for key, value in last.items() if value])
            db.executemany(_NUMBER, numbers.items())
            db.execute("COMMIT")
        except sqlite3.Error as error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise DriverError(f'cannot write the cluster\'s database "{self._path}": {error}') from error

    async def _save_epoch(self, epoch: int) -> None:
        await self._in_writer([], {"epoch": epoch})

    async def campaign(self, holder: str, ttl_s: float) -> int:
        """See the contract."""
        self._check_open()
        return await self._leadership.campaign(holder, ttl_s)

    async def keep(self, epoch: int) -> bool:
        """See the contract."""
        return self._leadership.keep(epoch)

    async def resign(self, epoch: int) -> None:
        """See the contract."""
        self._leadership.resign(epoch)

    async def leader(self) -> tuple[str, int]:
        """See the contract."""
        return self._leadership.leader()

    def _check_open(self) -> None:
        if self._is_closed or self._db is None:
            raise Unavailable("the cluster's store is closed")
