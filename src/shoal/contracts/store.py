"""The state of one node: records of several types, kept across crashes.

A **record** is a frozen dataclass with a `key` (unique among its type). The store holds all records in memory, so
reads are plain calls that never wait; every change goes through `commit`, which returns when the change is durable. A
commit is atomic: after a crash either all of its puts and deletes are there or none. Readers see a commit only when it
is durable.

Lifecycle: `open` reads everything, `commit` any number of times, `close` at the end.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Record(Protocol):
    """A frozen dataclass that the store can keep."""

    @property
    def key(self) -> str:
        """Unique among the records of this type."""
        ...


R = TypeVar("R", bound=Record)


class NodeStore(Protocol):
    """The records of one node."""

    def get(self, kind: type[R], key: str) -> R | None:
        """The record of this type and key, or None."""
        ...

    def all(self, kind: type[R]) -> Sequence[R]:
        """Every record of this type, oldest first."""
        ...

    async def commit(self, *puts: Record, deletes: Sequence[tuple[type[Record], str]] = ()) -> None:
        """Write `puts` and remove `deletes` in one transaction; deleting what is not there is no error.

        Raises: DriverError when the disk refuses (full, read-only); nothing of the commit is kept then
        """
        ...
