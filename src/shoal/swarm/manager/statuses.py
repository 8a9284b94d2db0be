"""What nodes tell of their tasks, written down in batches."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from shoal.cluster.task import reported
from shoal.cluster.view import View
from shoal.errors import ShoalError, Unavailable, VersionConflict
from shoal.model.cluster.task import Task, TaskStatus
from shoal.swarm.manager import records
from shoal.swarm.manager.ledger import Ledger

log = logging.getLogger("shoal.cluster.statuses")

BATCH_S = 0.02  #: between two batches; the first report after a quiet time is written at once
BATCH_TASKS = 100
_TRIES = 20


class Statuses:
    """Collects statuses and commits them together."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._news: dict[str, tuple[str, TaskStatus]] = {}  #: {task id: (node that says so, status)}
        self._written: asyncio.Future[None] | None = None
        self._dirty = asyncio.Event()

    async def add(self, node_id: str, statuses: Mapping[str, TaskStatus]) -> None:
        """Written down when this returns. Raises: Unavailable"""
        for task_id, status in statuses.items():
            known = self._news.get(task_id)
            if known is None or known[1].state <= status.state:
                self._news[task_id] = (node_id, status)
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
            self._written.add_done_callback(_looked_at)
        self._dirty.set()
        await asyncio.shield(self._written)

    async def run(self, epoch: int) -> None:
        """Write until cancelled. Raises: Fenced"""
        try:
            while True:
                await self._dirty.wait()
                self._dirty.clear()
                await self._flush(epoch)
                await asyncio.sleep(BATCH_S)
        finally:
            self._news.clear()
            self._answer(self._take_waiting(), Unavailable("this manager does not lead any more"))

    def _take_waiting(self) -> "asyncio.Future[None] | None":
        waiting, self._written = self._written, None
        return waiting

    @staticmethod
    def _answer(waiting: "asyncio.Future[None] | None", error: Exception | None) -> None:
        if waiting is None or waiting.done():
            return
        if error is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(error)

    async def _flush(self, epoch: int) -> None:
        news, self._news = self._news, {}
        waiting = self._take_waiting()
        try:
            items = list(news.items())
            for start in range(0, len(items), BATCH_TASKS):
                await self._write(dict(items[start : start + BATCH_TASKS]), epoch)
        except ShoalError as error:
            self._answer(waiting, Unavailable(f"the report is not written down: {error.message}"))
            if not isinstance(error, VersionConflict):
                log.warning("cannot write down what nodes report: %s", error.message)
            return
        except BaseException:
            self._answer(waiting, Unavailable("this manager does not lead any more"))
            raise
        self._answer(waiting, None)

    async def _write(self, news: Mapping[str, tuple[str, TaskStatus]], epoch: int) -> None:
        """Raises: VersionConflict when others write the same tasks all the time; Fenced, Unavailable"""
        ledger = self._ledger
        for attempt in range(_TRIES):
            puts = changed_tasks(ledger.view, news, ledger.now_ns)
            if not puts:
                return
            try:
                await ledger.write(puts, compares=ledger.seen(*map(records.key_of, puts)), epoch=epoch)
                return
            except VersionConflict:
                if attempt == _TRIES - 1:
                    raise
                await ledger.mirror.catch_up()


def _looked_at(future: "asyncio.Future[None]") -> None:
    """Nobody may be there any more who takes the error."""
    if not future.cancelled():
        future.exception()


def changed_tasks(view: View, news: Mapping[str, tuple[str, TaskStatus]], now_ns: Callable[[], int]) -> list[Task]:
    """The tasks that these statuses change; a node speaks of its own tasks only, and a state never goes back."""
    found: list[Task] = []
    for task_id, (node_id, status) in news.items():
        task = view.tasks.get(task_id)
        if task is None or task.node_id != node_id:
            continue
        if (changed := reported(task, status, now_ns())) is not None:
            found.append(changed)
    return found
