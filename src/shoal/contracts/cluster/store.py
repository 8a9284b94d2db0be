"""The state of a cluster: an ordered map of keys to bytes with revisions.

Life: `open`, then any number of calls from any number of managers, then `close`. A commit that changes something gets a
higher revision than all before it; a value knows the revision that wrote it. Revisions are of one store: after a copy
into another one they begin anew.

A leader has an **epoch**: `campaign` returns it, and a commit that names an epoch which is over (resigned, not kept
in time, or taken over by somebody) is refused (Fenced), in the same transaction as the write. Epochs only grow, also
over a copy into another store.

A watch gives every change after a revision, in order, each once, all of one revision together. Where revisions are
used up for something else (who leads), a watch of everything ("") tells them as changes of nothing, so that whoever
waits for the revision of a range or of a commit sees it pass. Where that past was forgotten (compacted, too long ago
for this manager's memory, or of another store) it raises Compacted, and the reader ranges again. A watch lives
through a loss of quorum: it goes on where it was once there is one again.

`Unavailable` from `commit` may come after the store has taken it: the answer was lost. A writer that compares finds out
by writing again.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

#: of one commit: keys put and deleted, and bytes of keys and values
MAX_CHANGES = 10_000
MAX_BYTES = 16 * 1024 * 1024


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

    puts, deletes: no key twice
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
    async def open(self) -> None:
        """Raises: DriverError, Unavailable"""
        ...

    async def close(self) -> None:
        """Commits under way are finished, watches end (Unavailable)."""
        ...

    async def range(self, prefix: str, *, stale: bool = False) -> Range:
        """stale: what this manager knows, perhaps old; answered without a quorum. Raises: Unavailable"""
        ...

    async def commit(self, commit: Commit) -> int:
        """The revision that has it; the store's own where nothing changed (a delete of what is not there).

        A caller that is cancelled does not know whether it is done.
        Raises: VersionConflict, Fenced, Unavailable; DriverError for a disk that is full or broken; InvalidArgument for
        more than MAX_CHANGES or MAX_BYTES
        """
        ...

    def watch(self, prefix: str, after: int) -> AsyncIterator[Changes]:
        """Raises: Compacted; Unavailable when the store is closed"""
        ...

    async def campaign(self, holder: str, ttl_s: float) -> int:
        """The epoch, as soon as `holder` has become the leader. Who leads already gets a new epoch at once: after a
        crash a manager need not wait for its own earlier self. Raises: Unavailable"""
        ...

    async def keep(self, epoch: int) -> bool:
        """Stay the leader for another ttl; False when it is over. Raises: Unavailable when nobody can say"""
        ...

    async def resign(self, epoch: int) -> None:
        """The next one may lead now. Nothing happens when `epoch` is over."""
        ...

    async def leader(self) -> tuple[str, int]:
        """(holder, epoch) now; ("", 0) = nobody. Raises: Unavailable"""
        ...

    async def newest_epoch(self, *, stale: bool = False) -> int:
        """The newest there was so far, 0 = none. Raises: Unavailable"""
        ...

    async def epochs_after(self, epoch: int) -> None:
        """Every epoch from now on is higher than `epoch`: for what was copied from another store.

        Raises: Unavailable
        """
        ...

    async def compact(self, revision: int) -> None:
        """Forget the changes before `revision`; watches from `revision - 1` on still work."""
        ...
