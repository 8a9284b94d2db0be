"""The simulated store: the contract in memory, with delays, partitions, lost answers and compaction on demand.

`SimulatedCluster` is what the managers agree on; each manager has a `SimulatedStore` of its own. What goes wrong is
decided by the functions it is given; time is the event loop's, so it runs on a virtual clock.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from shoal.contracts.cluster.store import Changes, Commit, Range
from shoal.drivers.cluster.history import History
from shoal.drivers.cluster.leadership import Leadership
from shoal.drivers.cluster.table import Table, check_shape
from shoal.errors import Unavailable

#: how long a call waits for a quorum that is not there, and how often a watch looks for it
DEADLINE_S = 5.0
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How one manager's line to the others is. Operations: range, commit, watch, campaign, keep, resign, leader.

    latency_s: of an operation    has_quorum: now
    loses_answer: of a commit that is done; the caller hears Unavailable
    """

    latency_s: Callable[[str], float] = lambda operation: 0.0
    has_quorum: Callable[[], bool] = lambda: True
    loses_answer: Callable[[], bool] = lambda: False


class SimulatedCluster:
    """The keys and the leader that all managers share."""

    def __init__(self) -> None:
        self.table = Table({}, 0)
        self.leadership = Leadership(0, self._save)
        self.histories: list[History] = []
        self.witnesses: list[Callable[[Changes], None]] = []  #: told of every write, before its writer

    async def _save(self, epoch: int) -> None:
        """Epochs are in memory here."""

    def commit(self, commit: Commit) -> int:
        """All of it, at once."""
        self.leadership.check(commit.epoch)
        changes = self.table.stage(commit, self.table.revision + 1, {})
        if changes is not None:
            self.table.apply(changes)
            for witness in self.witnesses:
                witness(changes)
            for history in self.histories:
                history.append(changes)
        return self.table.revision


class SimulatedStore:
    """`contracts.cluster.store.ClusterStore` of one manager."""

    def __init__(self, cluster: SimulatedCluster, weather: Weather | None = None) -> None:
        self._cluster = cluster
        self._weather = weather or Weather()
        self._history: History | None = None

    async def open(self) -> None:
        """See the contract."""
        self._history = History(self._cluster.table.revision)
        self._cluster.histories.append(self._history)

    async def close(self) -> None:
        """See the contract."""
        if self._history is not None:
            self._cluster.histories.remove(self._history)
            self._history.close()
            self._history = None

    async def range(self, prefix: str, *, stale: bool = False) -> Range:
        """See the contract. stale: not older than others here, but answered without a quorum"""
        if not stale:
            await self._reached("range")
        return self._cluster.table.range(prefix)

    async def commit(self, commit: Commit) -> int:
        """See the contract."""
        check_shape(commit)
        await self._reached("commit")
        revision = self._cluster.commit(commit)
        if self._weather.loses_answer():
            await asyncio.sleep(DEADLINE_S)
            raise Unavailable("the answer of the cluster's store was lost")
        return revision

    async def watch(self, prefix: str, after: int) -> AsyncIterator[Changes]:
        """See the contract."""
        history = self._opened()
        self._cluster.table.check_after(after)
        async for changes in history.follow(prefix, after):
            await asyncio.sleep(self._weather.latency_s("watch"))
            await self._wait_quorum(history)
            yield changes

    async def campaign(self, holder: str, ttl_s: float) -> int:
        """See the contract."""
        await self._reached("campaign")
        return await self._cluster.leadership.campaign(holder, ttl_s)

    async def keep(self, epoch: int) -> bool:
        """See the contract."""
        await self._reached("keep")
        return self._cluster.leadership.keep(epoch)

    async def resign(self, epoch: int) -> None:
        """See the contract."""
        await self._reached("resign")
        self._cluster.leadership.resign(epoch)

    async def leader(self) -> tuple[str, int]:
        """See the contract."""
        await self._reached("leader")
        return self._cluster.leadership.leader()

    async def newest_epoch(self, *, stale: bool = False) -> int:
        """See the contract."""
        if not stale:
            await self._reached("leader")
        return self._cluster.leadership.newest

    async def epochs_after(self, epoch: int) -> None:
        """See the contract."""
        await self._reached("leader")
        await self._cluster.leadership.epochs_after(epoch)

    async def compact(self, revision: int) -> None:
        """See the contract; for every manager."""
        self.compact_now(revision)

    def compact_now(self, revision: int) -> None:
        """The same, for a simulation that forgets at a bad moment."""
        for history in self._cluster.histories:
            history.forget(revision)

    async def _reached(self, operation: str) -> None:
        self._opened()
        await asyncio.sleep(self._weather.latency_s(operation))
        if not self._weather.has_quorum():
            await asyncio.sleep(DEADLINE_S)
            if not self._weather.has_quorum():
                raise Unavailable("the managers have no quorum: nothing can be written or read for certain now")

    async def _wait_quorum(self, history: History) -> None:
        while not self._weather.has_quorum() and self._history is history:  # noqa: ASYNC110 - a function is asked
            await asyncio.sleep(_LOOK_S)

    def _opened(self) -> History:
        if self._history is None:
            raise Unavailable("the cluster's store is closed")
        return self._history
