"""The state of a cluster: an ordered map of keys to bytes with revisions.

Life: `open`, then any number of calls from any number of managers, then `close`. Every commit gets the next revision;
a value knows the revision that wrote it. A leader has an **epoch**: `campaign` returns it, and a commit that names an
epoch which is not the newest is refused (Fenced), in the same transaction as the write. A watch gives every change
after a revision, in order, each once; where that past was compacted it raises Compacted, and the reader ranges again.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Value:
    data: bytes
    revision: int  #: that wrote it


@dataclass(frozen=True, slots=True)
class Range:
    """revision: of the store when it was read. values: {key: value}, in order of the keys"""

    revision: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One transaction: all or nothing.

    compares: {key: revision that it must have; 0 = must not be there}
    epoch: of the leader who writes; 0 = not a leader's write
    """

    puts: Mapping[str, bytes] = field(default_factory=dict)
    deletes: Sequence[str] = ()
    compares: Mapping[str, int] = field(default_factory=dict)
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes of one revision. values: {key: value, None = deleted}"""

    revision: int
    values: Mapping[str, Value | None]


class ClusterStore(Protocol):
    async def range(self, prefix: str) -> Range:
        """Raises: Unavailable when there is no quorum"""
        ...

    async def commit(self, commit: Commit) -> int:
        """The new revision. Raises: VersionConflict, Fenced, Unavailable"""
        ...

    def watch(self, prefix: str, after: int) -> AsyncIterator[Changes]:
        """Raises: Compacted, Unavailable"""
        ...

    async def campaign(self, holder: str, ttl_s: float) -> int:
        """Returns the epoch when `holder` has become the leader."""
        ...

    async def keep(self, epoch: int) -> bool:
        """Stay the leader for another ttl; False when it is over."""
        ...

    async def resign(self, epoch: int) -> None: ...

    async def leader(self) -> tuple[str, int]:
        """(holder, epoch) now; ("", 0) = nobody."""
        ...

    async def compact(self, revision: int) -> None:
        """Forget what was before."""
        ...
