"""One watch on everything below a prefix of etcd, for all watchers of one manager."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import aclosing
from itertools import groupby

from shoal.contracts.cluster.store import Changes, Value
from shoal.drivers.cluster.etcd_client import EtcdClient
from shoal.drivers.cluster.etcd_messages import (
    Event,
    KeyValue,
    RangeAnswer,
    RangeRequest,
    WatchAnswer,
    WatchCreate,
    WatchRequest,
)
from shoal.drivers.cluster.etcd_reads import newest
from shoal.drivers.cluster.history import History
from shoal.errors import DriverError, Unavailable

_PAUSE_S = 0.1
_MAX_PAUSE_S = 1.0
#: revision of a history that does not know yet where it begins
_UNKNOWN = -1

log = logging.getLogger("shoal.cluster.store")


class Feed:
    """Fills a `History` until it is closed, through every loss of the connection and of the quorum."""

    def __init__(self, client: EtcdClient, prefix: str, key_of: Callable[[bytes], str | None]) -> None:
        """key_of: the store's key of one of etcd's; None for one that says who leads"""
        self.history = History(_UNKNOWN)
        self._client = client
        self._prefix = prefix.encode()
        self._key_of = key_of
        self._leader_news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """From what the nearest member knows on; where none answers now, from what is newest then."""
        with contextlib.suppress(Unavailable):
            self._start_over(await self.revision(stale=True))
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Watchers end."""
        self.history.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def leader_news(self) -> asyncio.Event:
        """Set when the leader changes after now."""
        return self._leader_news

    async def revision(self, *, stale: bool = False) -> int:
        """The newest one of the store; stale: that the nearest member knows. Raises: Unavailable"""
        request = RangeRequest(key=self._prefix, keys_only=True, limit=1, serializable=stale)
        if stale:
            return (await self._client.call("kv/range", request, RangeAnswer, alone=True)).header.revision
        return (await newest(self._client, request)).header.revision

    async def _run(self) -> None:
        pause_s = _PAUSE_S
        while True:
            known = self.history.revision
            try:
                await self._watch()
            except Unavailable as error:
                log.debug("the watch of the cluster's store is broken: %s", error)
            except DriverError as error:
                log.warning("the watch of the cluster's store is broken: %s", error)
            pause_s = _PAUSE_S if self.history.revision > known else min(pause_s * 2, _MAX_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _watch(self) -> None:
        revision = await self.revision()
        # Older than what was told: the store was recovered without the last changes.
        if self.history.revision == _UNKNOWN or revision < self.history.revision:
            self._start_over(revision)
        create = WatchCreate(
            key=self._prefix, range_end=range_end(self._prefix), start_revision=self.history.revision + 1
        )
        answers = self._client.stream("watch", WatchRequest(create_request=create), WatchAnswer)
        async with aclosing(answers) as stream:  # type: ignore[type-var]
            async for answer in stream:
                if answer.canceled:
                    # What is newer than that is still there.
                    if answer.compact_revision - 1 > self.history.revision:
                        self._start_over(answer.compact_revision - 1)
                    return
                self._tell(answer)

    def _start_over(self, revision: int) -> None:
        self.history.restart(revision)
        self._tell_leader()

    def _tell(self, answer: WatchAnswer) -> None:
        # etcd never divides the changes of one revision between two answers.
        for revision, events in groupby(answer.events, key=lambda event: event.kv.mod_revision):
            if revision <= self.history.revision:
                continue
            values: dict[str, Value | None] = {}
            for event in events:
                key = self._key_of(event.kv.key)
                if key is None:
                    self._tell_leader()
                else:
                    values[key] = value_of(event)
            self.history.append(Changes(revision, values))

    def _tell_leader(self) -> None:
        news, self._leader_news = self._leader_news, asyncio.Event()
        news.set()


def value_of(event: Event) -> Value | None:
    """What the key has now, None = deleted."""
    return None if event.type == "DELETE" else plain(event.kv)


def plain(kv: KeyValue) -> Value:
    """The value in the contract's words."""
    return Value(kv.value, kv.mod_revision)


def range_end(prefix: bytes) -> bytes:
    """The first key that is not below `prefix`, which ends with no byte 255."""
    return prefix[:-1] + bytes([prefix[-1] + 1])
