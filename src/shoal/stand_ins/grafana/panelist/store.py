"""What outlives a restart, in one SQLite file: users, sessions, data sources, folders, dashboards, annotations."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Row = dict[str, Any]
_SCHEMA = Path(__file__).with_name("schema.sql")


class Store:
    """Rows of tables as mappings. Each call is one transaction.

    Names of tables and columns come from this program only, values never become part of a statement
    """

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
        self._db.executescript(_SCHEMA.read_text())

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def rows(self, query: str, *values: Any) -> list[Row]:
        """Rows of a SELECT."""
        return [dict(row) for row in self._db.execute(query, values)]

    def one(self, table: str, **where: Any) -> Row | None:
        """The row of `table` with these values, None where there is none."""
        condition = " AND ".join(f"{column} = ?" for column in where)
        found = self.rows(f"SELECT * FROM {table} WHERE {condition} LIMIT 1", *where.values())
        return found[0] if found else None

    def add(self, table: str, values: Mapping[str, Any]) -> int:
        """The id of the new row. Raises: sqlite3.IntegrityError where one of its names is taken"""
        marks = ", ".join("?" for _ in values)
        done = self._db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
        return int(done.lastrowid or 0)

    def change(self, table: str, row_id: int, values: Mapping[str, Any]) -> None:
        """Set columns of one row. Raises: sqlite3.IntegrityError"""
        settings = ", ".join(f"{column} = ?" for column in values)
        self._db.execute(f"UPDATE {table} SET {settings} WHERE id = ?", (*values.values(), row_id))

    def remove(self, table: str, **where: Any) -> int:
        """Remove the rows with these values; how many there were."""
        condition = " AND ".join(f"{column} = ?" for column in where)
        return self._db.execute(f"DELETE FROM {table} WHERE {condition}", tuple(where.values())).rowcount

    def run(self, statement: str, *values: Any) -> None:
        """Carry out any other statement."""
        self._db.execute(statement, values)
