"""A node store that forgets at its end."""

from collections.abc import Sequence

from shoal.contracts.store import R, Record


class MemoryStore:
    """Stands for SqliteStore; tests/contract/test_store.py holds both to the contract."""

    def __init__(self) -> None:
        self._records: dict[type[Record], dict[str, Record]] = {}

    def get(self, kind: type[R], key: str) -> R | None:
        return self._records.get(kind, {}).get(key)  # type: ignore[return-value]

    def all(self, kind: type[R]) -> Sequence[R]:
        return list(self._records.get(kind, {}).values())  # type: ignore[arg-type]

    async def commit(self, *puts: Record, deletes: Sequence[tuple[type[Record], str]] = ()) -> None:
        for kind, key in deletes:
            self._records.get(kind, {}).pop(key, None)
        for record in puts:
            self._records.setdefault(type(record), {})[record.key] = record
