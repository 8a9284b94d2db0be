"""The store's content as a view that is always current: read once, then followed."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

from shoal.cluster.view import ClusterRecord, View, kind_of
from shoal.contracts.cluster.store import Changes, ClusterStore, Value
from shoal.errors import Compacted, ShoalError, Unavailable
from shoal.swarm.manager import records

log = logging.getLogger("shoal.cluster.mirror")

FIRST_RETRY_S = 0.1
LAST_RETRY_S = 2.0
REACH_S = 10.0

#: (view before, view after, [(kind, id)] of what is different; None = maybe everything)
Listener = Callable[[View, View, Collection[tuple[str, str]] | None], None]


class Mirror:
    """Follows the store. What it shows may be behind the store for a moment; `reach` waits."""

    def __init__(self, store: ClusterStore) -> None:
        self._store = store
        self._specs = records.SharedSpecs()
        self._listeners: list[Listener] = []
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._following: asyncio.Task[None] | None = None
        self.view = View()
        self.is_current = False  #: whether the last read of the store succeeded

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Called at each change. Returns: what ends it"""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def open(self) -> None:
        """Read everything, follow from there. Raises: Unavailable"""
        await self._read()
        self._following = asyncio.create_task(self._follow(), name="cluster mirror")

    async def close(self) -> None:
        """Follow no more."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        for future in self._waiting:
            future.cancel()

    async def reach(self, revision: int) -> View:
        """The view as soon as it shows this revision: what was just written is seen by who wrote it.

        Raises: Unavailable
        """
        if self.view.version < revision:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[future] = revision
            try:
                async with asyncio.timeout(REACH_S):
                    await future
            except TimeoutError:
                raise Unavailable("the cluster's store does not tell what was written") from None
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise  # it is the caller who is cancelled, and the future with it
                raise Unavailable("the manager is closing") from None
            finally:
                self._waiting.pop(future, None)
        return self.view

    async def catch_up(self) -> View:
        """The view with all that was written when this was called. Raises: Unavailable"""
        found = await self._store.range("cluster")
        return await self.reach(found.revision)

    async def see_all(self) -> View:
        """As `catch_up`, tried until the store answers."""
        while True:
            try:
                return await self.catch_up()
            except ShoalError as error:
                log.warning("cannot read all of the cluster's store: %s", error.message)
                await asyncio.sleep(FIRST_RETRY_S)

    async def _read(self) -> None:
        found = await self._store.range("")
        puts: list[tuple[ClusterRecord, int]] = []
        for key, value in found.values.items():
            if place := records.split_key(key):
                puts.append((self._decode(place[0], value), value.revision))
        self._show(View().changed(found.revision, puts), None)
        self.is_current = True

    def _decode(self, kind: str, value: Value) -> ClusterRecord:
        return self._specs.share(records.decode(kind, value.data))

    async def _follow(self) -> None:
        delay_s = FIRST_RETRY_S
        while True:
            try:
                async for changes in self._store.watch("", self.view.version):
                    self.is_current = True
                    delay_s = FIRST_RETRY_S
                    self._apply(changes)
            except Compacted:
                log.info("the store has forgotten what came after %d: read anew", self.view.version)
            except ShoalError as error:
                log.warning("cannot follow the cluster's store: %s", error.message)
                self.is_current = False
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, LAST_RETRY_S)
            try:
                await self._read()
            except ShoalError as error:
                log.warning("cannot read the cluster's store: %s", error.message)

    def _apply(self, changes: Changes) -> None:
        if changes.revision <= self.view.version:
            return
        puts, gone = self._sorted(changes.values)
        touched = [*((kind_of(record), record.key) for record, _ in puts), *gone]
        self._show(self.view.changed(changes.revision, puts, gone), touched)

    def _sorted(
        self, values: Mapping[str, Value | None]
    ) -> tuple[list[tuple[ClusterRecord, int]], list[tuple[str, str]]]:
        puts: list[tuple[ClusterRecord, int]] = []
        gone: list[tuple[str, str]] = []
        for key, value in values.items():
            place = records.split_key(key)
            if place is None:
                continue
            if value is None:
                gone.append(place)
            else:
                puts.append((self._decode(place[0], value), value.revision))
        if any(kind == "services" for kind, _ in gone):
            self._specs.forget(self.view.services)
        return puts, gone

    def _show(self, view: View, touched: Collection[tuple[str, str]] | None) -> None:
        before, self.view = self.view, view
        for listener in list(self._listeners):
            listener(before, view, touched)
        for future, revision in list(self._waiting.items()):
            if revision <= view.version and not future.done():
                future.set_result(None)
