"""The newest changes of a store, in memory, for all who watch."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator
from operator import attrgetter

from shoal.contracts.cluster.store import Changes
from shoal.errors import Compacted, Unavailable

#: remembered values and keys, in bytes
DEFAULT_BYTES = 32 * 1024 * 1024
_PER_KEY = 200

_REVISION = attrgetter("revision")


class History:
    """Every change after `floor`, in order. Watchers read from it, so that a slow one costs no memory of its own."""

    def __init__(self, floor: int, limit_bytes: int = DEFAULT_BYTES) -> None:
        self.floor = floor
        self.revision = floor  #: up to which it is complete
        self._limit = limit_bytes
        self._entries: list[Changes] = []
        self._weights: list[int] = []
        self._weight = 0
        self._news = asyncio.Event()
        self._is_closed = False

    def append(self, changes: Changes) -> None:
        """A newer change. The oldest ones make room for it."""
        weight = _PER_KEY + sum(_PER_KEY + len(value.data) if value else _PER_KEY for value in changes.values.values())
        self._entries.append(changes)
        self._weights.append(weight)
        self._weight += weight
        self.revision = changes.revision
        if self._weight > self._limit:
            self._make_room()
        self._tell()

    def _make_room(self) -> None:
        """Down to three quarters, so that it is not done at every change; the newest one stays."""
        count, weight = 0, self._weight
        while weight > self._limit * 3 // 4 and count < len(self._entries) - 1:
            weight -= self._weights[count]
            count += 1
        self._drop(count)

    def forget(self, revision: int) -> None:
        """Changes before `revision` are not told any more."""
        self._drop(bisect_right(self._entries, revision - 1, key=_REVISION))
        self.floor = max(self.floor, min(revision - 1, self.revision))
        self._tell()

    def restart(self, floor: int) -> None:
        """What was before is unknown by now: every watcher ranges again."""
        self._drop(len(self._entries))
        self.floor = self.revision = floor
        self._tell()

    def close(self) -> None:
        """Watchers end."""
        self._is_closed = True
        self._tell()

    def _drop(self, count: int) -> None:
        if count:
            self.floor = self._entries[count - 1].revision
            self._weight -= sum(self._weights[:count])
            del self._entries[:count], self._weights[:count]

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def follow(self, prefix: str, after: int) -> AsyncIterator[Changes]:
        """The changes below `prefix` with higher revisions than `after`, old ones first, without end.

        Raises: Compacted, Unavailable when closed
        """
        while True:
            if self._is_closed:
                raise Unavailable("the cluster's store is closed")
            if after < self.floor:
                raise Compacted(f"changes after revision {after} are forgotten, known are those after {self.floor}")
            news = self._news
            for changes in self._entries[bisect_right(self._entries, after, key=_REVISION) :]:
                after = changes.revision
                if (mine := below(prefix, changes)) is not None:
                    yield mine
            if news is self._news:
                await news.wait()


def below(prefix: str, changes: Changes) -> Changes | None:
    """The part of `changes` that is below `prefix`, None where there is nothing."""
    if not prefix:
        return changes
    values = {key: value for key, value in changes.values.items() if key.startswith(prefix)}
    return Changes(changes.revision, values) if values else None
