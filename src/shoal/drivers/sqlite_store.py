"""The node store in one SQLite file, write-ahead log, one writer thread."""

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import msgspec

from shoal.contracts.store import R, Record
from shoal.errors import DriverError, InvalidArgument

SCHEMA_VERSION = 1

#: Room that the database has to itself, in its file and in its log: on a full disk records can still be changed.
_LOG_PAGES = 500  #: after so many the log is emptied and used again
_RESERVE_PAGES = _LOG_PAGES + 100
_FREE_PAGES = 256

log = logging.getLogger("shoal.store")


class SqliteStore:
    """`contracts.store.NodeStore` on SQLite.

    Every record is one row (key, body as JSON, in order of first insertion) in the table of its type.
    """

    def __init__(self, path: Path, kinds: Mapping[str, type[Record]]) -> None:
        """`kinds`: {table name: record type}."""
        self._path = path
        self._tables: dict[type[Record], str] = {kind: name for name, kind in kinds.items()}
        self._records: dict[type[Record], dict[str, Any]] = {kind: {} for kind in kinds.values()}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._order = asyncio.Lock()
        self._db: sqlite3.Connection | None = None

    def open(self) -> None:
        """Read everything.

        Raises: InvalidArgument when the file was written by a newer Shoal; DriverError when it can't be read
        """
        try:
            self._db = self._connect()
            self._load(self._db)
        except (OSError, sqlite3.DatabaseError, msgspec.MsgspecError) as error:
            raise DriverError(f'cannot read the database "{self._path}": {error}') from error

    def _connect(self) -> sqlite3.Connection:
        # Records hold what users gave to containers, secrets in variables too: nobody else reads them.
        os.close(os.open(self._path, os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._path.chmod(0o600)
        db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            db.close()
            raise InvalidArgument(
                f'database "{self._path}" has version {version}, wanted {SCHEMA_VERSION} or older',
                hint="it was written by a newer Shoal: install that version, or use another --root",
            )
        for table in self._tables.values():
            db.execute(f"CREATE TABLE IF NOT EXISTS {table} (key TEXT PRIMARY KEY, body BLOB NOT NULL)")
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        self._reserve(db)
        return db

    def _reserve(self, db: sqlite3.Connection) -> None:
        """Take the room once: pages that were written and freed are used again, by the log as well."""
        page_bytes = db.execute("PRAGMA page_size").fetchone()[0]
        wanted_bytes = _RESERVE_PAGES * page_bytes
        wal = self._path.with_name(f"{self._path.name}-wal")
        has_log = wal.exists() and wal.stat().st_size > wanted_bytes
        if has_log and db.execute("PRAGMA freelist_count").fetchone()[0] >= _FREE_PAGES:
            return
        try:
            db.execute("DROP TABLE IF EXISTS reserve")
            db.execute("CREATE TABLE reserve AS SELECT zeroblob(?) AS room", (wanted_bytes,))
            db.execute("DROP TABLE reserve")
            db.execute("PRAGMA wal_checkpoint(RESTART)")
        except sqlite3.OperationalError as error:
            log.warning("no room for the database, changes may fail until there is: %s", error)
            with contextlib.suppress(sqlite3.OperationalError):
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _load(self, db: sqlite3.Connection) -> None:
        for kind, table in self._tables.items():
            rows = db.execute(f"SELECT key, body FROM {table} ORDER BY rowid").fetchall()
            self._records[kind] = {key: msgspec.json.decode(body, type=kind) for key, body in rows}

    def get(self, kind: type[R], key: str) -> R | None:
        """The record of this type and key, or None."""
        return cast("R | None", self._records[kind].get(key))

    def all(self, kind: type[R]) -> Sequence[R]:
        """Every record of this type, oldest first."""
        return list(self._records[kind].values())

    async def commit(self, *puts: Record, deletes: Sequence[tuple[type[Record], str]] = ()) -> None:
        """One transaction; see the contract."""
        rows = [(self._tables[type(p)], p.key, msgspec.json.encode(p)) for p in puts]
        gone = [(self._tables[kind], key) for kind, key in deletes]
        # Shielded: a caller that is cancelled half-way must not leave memory and disk telling different stories.
        await asyncio.shield(self._commit(puts, deletes, rows, gone))

    async def _commit(
        self,
        puts: Sequence[Record],
        deletes: Sequence[tuple[type[Record], str]],
        rows: list[tuple[str, str, bytes]],
        gone: list[tuple[str, str]],
    ) -> None:
        async with self._order:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._write, rows, gone)
            for kind, key in deletes:
                self._records[kind].pop(key, None)
            for record in puts:
                self._records[type(record)][record.key] = record

    def _write(self, rows: list[tuple[str, str, bytes]], gone: list[tuple[str, str]]) -> None:
        assert self._db is not None, "the store is not open"
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for table, key in gone:
                self._db.execute(f"DELETE FROM {table} WHERE key=?", (key,))
            for table, key, body in rows:
                self._db.execute(
                    f"INSERT INTO {table}(key, body) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET body=excluded.body",
                    (key, body),
                )
            self._db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise DriverError(f'cannot write the database "{self._path}": {error}') from error

    def close(self) -> None:
        """Finish the writes under way and release the file."""
        self._writer.shutdown(wait=True)
        if self._db is not None:
            self._db.close()
            self._db = None
