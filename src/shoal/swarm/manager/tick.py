"""The leader's tick: what is, what has to change, one commit."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from shoal.cluster.book import EMPTY
from shoal.cluster.decide import decide
from shoal.cluster.plan import Delete, Plan, Put
from shoal.cluster.view import View
from shoal.errors import Fenced, ShoalError, VersionConflict
from shoal.model.cluster.task import Task
from shoal.swarm.manager import records
from shoal.swarm.manager.ledger import Ledger

log = logging.getLogger("shoal.cluster.tick")

#: between two ticks, so many times as long as the last one took; the first change after a quiet time waits for nothing
PAUSE_RATIO = 4
PAUSE_MIN_S = 0.01
PAUSE_MAX_S = 1.0
RETRY_S = 0.5
COMMIT_CHANGES = 1000  #: of one commit: with a spec of 16 kB each it is still one that the store takes
THREAD_RECORDS = 2000  #: from so many on a decision is made in a thread: heartbeats must not wait for it


class Tick:
    """Decides whenever something has changed, or it is time to."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._dirty = asyncio.Event()
        self._book = EMPTY  #: what the last decision worked out
        self.waiting: Mapping[str, str] = {}  #: {task id: why it fits nowhere}

    async def run(self, epoch: int) -> None:
        """Until cancelled. Everything is dirty at the start, so a lost event heals. Raises: Fenced"""
        unlisten = self._ledger.mirror.listen(self._note)
        self._dirty.set()
        self._book = EMPTY
        wake_at, loop = 0, asyncio.get_running_loop()
        try:
            while True:
                await self._wait(wake_at)
                self._dirty.clear()
                began_at = loop.time()
                wake_at = await self._once(epoch)
                pause_s = PAUSE_RATIO * (loop.time() - began_at)
                await asyncio.sleep(min(max(pause_s, PAUSE_MIN_S), PAUSE_MAX_S))
        finally:
            unlisten()

    def _note(self, _before: View, _after: View, _touched: object) -> None:
        self._dirty.set()

    async def _wait(self, wake_at: int) -> None:
        if not wake_at:
            await self._dirty.wait()
            return
        left_s = max(0.0, (wake_at - self._ledger.now_ns()) / 1e9)
        try:
            await asyncio.wait_for(self._dirty.wait(), left_s)
        except TimeoutError:
            return

    async def _once(self, epoch: int) -> int:
        """When to decide again, 0 = when something has changed. Raises: Fenced"""
        view = self._ledger.view
        try:
            plan = await _computed(view, lambda: self._decide(view))
        except Exception:  # a bug in a decision: nodes keep their line to this manager, and it may pass
            log.exception("no decision could be made")
            self._book = EMPTY
            await asyncio.sleep(RETRY_S)
            self._dirty.set()
            return 0
        self._book, self.waiting = plan.book, plan.waiting
        if not plan.changes:
            return plan.wake_at
        try:
            await self._commit(view, plan, epoch)
        except Fenced:
            raise
        except ShoalError as error:
            if not isinstance(error, VersionConflict):  # somebody else wrote: the plan was for another cluster
                log.warning("cannot write down what was decided: %s", error.message)
                await asyncio.sleep(RETRY_S)
            await self._ledger.mirror.see_all()  # it may be written all the same: what it gave is not to be given again
            self._dirty.set()
        return plan.wake_at

    def _decide(self, view: View) -> Plan:
        ledger = self._ledger
        return decide(view, ledger.now_ns(), new_id=ledger.new_id, choose=ledger.choose, book=self._book)

    async def _commit(self, view: View, plan: Plan, epoch: int) -> None:
        """All changes of the plan, each against what it was decided on; in one commit unless that were too large."""
        written: dict[str, int] = {}  #: {key: revision} of services in earlier parts
        for part in parts(plan.changes):
            puts = [change.record for change in part if isinstance(change, Put)]
            deletes = [f"{change.kind}/{change.id}" for change in part if not isinstance(change, Put)]
            keys = [*map(records.key_of, puts), *deletes]
            # A task is made of its service: one that went meanwhile needs another plan.
            owners = {f"services/{put.service_id}" for put in puts if isinstance(put, Task) and put.service_id}
            compares = {key: view.revisions.get(key, 0) for key in keys}
            compares |= {key: written.get(key, view.revisions.get(key, 0)) for key in owners - compares.keys()}
            names = _names_of(view, deletes)
            revision = await self._ledger.write(puts, deletes=[*deletes, *names], compares=compares, epoch=epoch)
            written |= {key: revision for key in keys if key.startswith("services/")}
        for change in plan.changes:
            what = records.key_of(change.record) if isinstance(change, Put) else f"{change.kind}/{change.id}"
            log.debug("%s: %s", what, change.cause)


def parts(changes: Sequence[Put | Delete]) -> Sequence[Sequence[Put | Delete]]:
    """The changes in groups that one commit can hold, in order."""
    return [changes[start : start + COMMIT_CHANGES] for start in range(0, len(changes), COMMIT_CHANGES)]


def _names_of(view: View, deletes: Sequence[str]) -> list[str]:
    """Keys of the names that records have which go."""
    found: list[str] = []
    for key in deletes:
        kind, _, identity = key.partition("/")
        if kind == "services" and identity in view.services:
            found.append(records.name_key(kind, view.services[identity].spec.name))
        if kind == "networks" and identity in view.networks:
            found.append(records.name_key(kind, view.networks[identity].spec.name))
    return found


async def _computed(view: View, work: Callable[[], Plan]) -> Plan:
    if len(view.tasks) + len(view.nodes) < THREAD_RECORDS:
        return work()
    run: Awaitable[Plan] = asyncio.to_thread(undisturbed, work)
    return await run


def undisturbed(work: Callable[[], Plan]) -> Plan:
    """What is decided, while nobody looks for cycles: there are none in a plan, and a look passes all records."""
    if not gc.isenabled():
        return work()
    gc.disable()
    try:
        return work()
    finally:
        gc.enable()
