"""Keys, values and revisions in memory: what the store of one manager and the simulated one share."""

from collections.abc import MutableMapping

from shoal.contracts.cluster.store import MAX_BYTES, MAX_CHANGES, Changes, Commit, Range, Value
from shoal.drivers.cluster.history import History
from shoal.errors import Compacted, InvalidArgument, VersionConflict


def check_shape(commit: Commit) -> None:
    """Raises: InvalidArgument for a commit that no store takes."""
    count = len(commit.puts) + len(commit.deletes)
    if count > MAX_CHANGES or len(commit.compares) > MAX_CHANGES:
        raise InvalidArgument(f"a commit has at most {MAX_CHANGES} changes, got {count}")
    size = sum(len(key) + len(data) for key, data in commit.puts.items())
    if size > MAX_BYTES:
        raise InvalidArgument(f"a commit has at most {MAX_BYTES} bytes, got {size}")
    gone = set(commit.deletes)
    if len(gone) < len(commit.deletes) or not gone.isdisjoint(commit.puts):
        raise InvalidArgument("a commit names a key twice")


class Table:
    """The newest value of each key, and the changes that led to it."""

    def __init__(self, values: dict[str, Value], revision: int) -> None:
        self.values = values
        self.revision = revision
        self.history = History(revision)

    def range(self, prefix: str) -> Range:
        """See the contract."""
        keys = sorted(key for key in self.values if key.startswith(prefix))
        return Range(self.revision, {key: self.values[key] for key in keys})

    def stage(self, commit: Commit, revision: int, ahead: MutableMapping[str, Value | None]) -> Changes | None:
        """What `commit` changes as `revision`, noted in `ahead` but not done yet; None = nothing.

        ahead: changes staged before it. Raises: VersionConflict
        """
        for key, wanted in commit.compares.items():
            value = ahead[key] if key in ahead else self.values.get(key)
            if (value.revision if value else 0) != wanted:
                raise VersionConflict()
        changes: dict[str, Value | None] = {key: Value(data, revision) for key, data in commit.puts.items()}
        for key in commit.deletes:
            if (ahead[key] if key in ahead else self.values.get(key)) is not None:
                changes[key] = None
        ahead.update(changes)
        return Changes(revision, changes) if changes else None

    def apply(self, changes: Changes) -> None:
        """Done; who watches hears of it."""
        for key, value in changes.values.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
        self.revision = changes.revision
        self.history.append(changes)

    def check_after(self, after: int) -> None:
        """Raises: Compacted for a revision that this store never had."""
        if after > self.revision:
            raise Compacted(f"revision {after} is not of this store, its newest is {self.revision}")
