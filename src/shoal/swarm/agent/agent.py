"""The agent, put together."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from shoal.cluster.assignments import merged
from shoal.contracts.cluster.dispatcher import Dispatcher
from shoal.contracts.cluster.executor import Executor
from shoal.contracts.cluster.overlay import Overlay
from shoal.errors import InvalidArgument, ShoalError
from shoal.model.cluster.assignment import Assignment, AssignmentChange, Attached, Report
from shoal.model.cluster.task import Task, TaskStatus
from shoal.swarm.agent.line import Line
from shoal.swarm.agent.overlays import Overlays
from shoal.swarm.agent.record import NoRecord, Record, Recorder
from shoal.swarm.agent.reports import Reports
from shoal.swarm.agent.worker import Tools, Worker

log = logging.getLogger("shoal.cluster.agent")

RETRY_S = 1.0
#: the kernel has what an engine before this one did last; what is on record may be older. So it is applied only when no
#: manager says within this time what is right
RECORD_S = 3.0
#: for the first session of an engine that has just started with containers to start
SESSION_S = 5.0
TOLD_S = 2.0  #: for a manager to write down that a container has left


class Agent:
    """Keeps this node as the managers last said, whether they can be reached or not."""

    def __init__(
        self,
        node_id: str,
        executor: Executor,
        overlay: Overlay,
        dispatcher: Dispatcher,
        *,
        now_ns: Callable[[], int],
        record: Record | None = None,
    ) -> None:
        """record: where it keeps what it was told (None = nowhere)"""
        self._executor = executor
        self._overlays = Overlays(overlay)
        self._reports = Reports(self._overlays.attached)
        self._recorder = Recorder(record or NoRecord())
        self._dispatcher = dispatcher
        self._line = Line(node_id, executor, dispatcher, self._reports, self._told)
        self._tools = Tools(
            executor=executor,
            overlays=self._overlays,
            now_ns=now_ns,
            values=self._values,
            report=self._reports.put,
        )
        self._assignment = Assignment(node_id=node_id)
        self._changed = asyncio.Condition()
        self._was_told = False  #: by a manager, since this engine started
        self._workers: dict[str, Worker] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def assignment(self) -> Assignment:
        """What this node was last told."""
        return self._assignment

    @property
    def is_connected(self) -> bool:
        """Whether there is a session with a manager."""
        return self._line.is_connected

    @property
    def is_removed(self) -> bool:
        """Whether the managers say that this node is no member any more."""
        return self._line.is_removed

    @property
    def error(self) -> str:
        """Why there is no session, "" while there is one."""
        return self._line.error

    async def run(self) -> None:
        """Until cancelled; containers run on."""
        try:
            async with asyncio.TaskGroup() as work:
                work.create_task(self._overlays.run(), name="overlay")
                work.create_task(self._recorder.run(), name="agent's record")
                work.create_task(self._observe(), name="tasks observed")
                await asyncio.sleep(0)  # it listens before anything is asked
                if (last := await self._recorder.last()) is not None:
                    await self._recover(last)
                    work.create_task(self._apply_record(last), name="overlay on record")
                work.create_task(self._line.run(), name="line to the managers")
        finally:
            for running in self._running.values():
                running.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _recover(self, last: Assignment) -> None:
        """Go on with what was told before this engine started."""
        log.info("%d tasks of this node go on until a manager is reached", len(last.tasks))
        await self._apply(last)

    async def _apply_record(self, last: Assignment) -> None:
        await asyncio.sleep(RECORD_S)
        if not self._was_told:
            await self._overlays.want(last.overlay)

    # -- what the managers say -----------------------------------------------------

    async def _told(self, change: AssignmentChange) -> None:
        new = merged(self._assignment, change)
        self._was_told = True
        await self._overlays.want(new.overlay)
        await self._apply(new)
        self._recorder.note(new)
        if change.is_full:
            await self._remove_strangers()
            for task_id, worker in self._workers.items():
                self._reports.put(task_id, worker.status)
        if self._is_other_attached(change):
            self.changed()

    async def _apply(self, new: Assignment) -> None:
        async with self._changed:
            self._assignment = new
            self._changed.notify_all()
        fresh = [task for task in new.tasks.values() if task.id not in self._workers]
        found = await self._executor.known() if fresh else {}
        for task in fresh:
            self._begin(task, found)
        for task_id, worker in list(self._workers.items()):
            told = new.tasks.get(task_id)
            if told is None:
                worker.forget()
                self._reports.forget(task_id)
            elif told != worker.task:
                worker.update(told)

    def _begin(self, task: Task, found: Mapping[str, TaskStatus]) -> None:
        worker = self._workers[task.id] = Worker(task, found.get(task.id), self._tools)
        if worker.status.state > task.status.state:
            self._reports.put(task.id, worker.status)
        running = asyncio.create_task(worker.run(), name=f"task {task.name}")
        self._running[task.id] = running
        running.add_done_callback(lambda ended: self._over(task.id, worker, ended))

    def _over(self, task_id: str, worker: Worker, ended: "asyncio.Task[None]") -> None:
        if self._workers.get(task_id) is worker:
            del self._workers[task_id]
            self._running.pop(task_id, None)
        if ended.cancelled():
            return
        if (error := ended.exception()) is not None:
            log.error("the worker of task %s failed: %s", task_id, error, exc_info=error)
        elif (task := self._assignment.tasks.get(task_id)) is not None:
            self._begin(task, {})  # told anew while what was left of it was tidied up

    async def _remove_strangers(self) -> None:
        """Containers of tasks that no manager knows (any more)."""
        for task_id in await self._executor.known():
            if task_id in self._workers:
                continue
            try:
                await self._executor.remove(task_id)
            except ShoalError as error:
                log.error("cannot remove task %s: %s", task_id, error.message)

    async def _values(self, task: Task) -> Mapping[str, bytes]:
        """Contents of the task's files and its registry login, as soon as they are told.

        Raises: InvalidArgument for a file that the managers cannot make
        """
        wanted = {file.id for file in task.spec.files}

        def missing() -> set[str]:
            files = self._assignment.files
            return {key for key in wanted if key not in files and f"error/{key}" not in files}

        async with self._changed:
            await self._changed.wait_for(lambda: not missing())
            files = self._assignment.files
        for key in sorted(wanted - files.keys()):
            raise InvalidArgument(files[f"error/{key}"].decode())
        return {key: files[key] for key in (*wanted, f"auth/{task.service_id}") if key in files}

    # -- what is seen ----------------------------------------------------------------

    async def _observe(self) -> None:
        while True:
            async for task_id, status in self._executor.observe():
                if (worker := self._workers.get(task_id)) is not None:
                    worker.observed(status)
            log.warning("what happens to tasks was not read in time: looking at all of them")
            await asyncio.sleep(RETRY_S)
            for task_id, status in (await self._executor.known()).items():
                if (worker := self._workers.get(task_id)) is not None:
                    worker.observed(status)

    # -- containers outside services ---------------------------------------------------

    async def attach(self, wish: Attached) -> Attached:
        """See `contracts.cluster.attachments`."""
        await self._first_session()
        try:
            return await self._dispatcher.attach(self._assignment.node_id, wish)
        finally:
            self.changed()  # a report from before it was asked, or one without an answer, may come after it

    async def find_network(self, reference: str) -> str:
        """See `contracts.cluster.attachments`."""
        await self._first_session()
        return await self._dispatcher.find_network(self._assignment.node_id, reference)

    def changed(self) -> None:
        """See `contracts.cluster.attachments`."""
        self._reports.attached_changed()

    async def told(self) -> None:
        """See `contracts.cluster.attachments`."""
        with suppress(ShoalError, TimeoutError):  # it is told again by `changed`
            async with asyncio.timeout(TOLD_S):
                report = Report(attached=self._overlays.attached())
                await self._dispatcher.report(self._assignment.node_id, report)

    async def _first_session(self) -> None:
        """A manager has told this node something; or some time has passed since the engine asked."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SESSION_S), self._changed:
                await self._changed.wait_for(lambda: self._was_told)

    def _is_other_attached(self, change: AssignmentChange) -> bool:
        """Whether the managers may think that something else is attached here than what is."""
        overlay, node_id = self._assignment.overlay, self._assignment.node_id
        there = self._overlays.attached()
        is_told = any(one.node_id == node_id and not one.service_id for one in change.endpoints.values())
        if change.is_full:
            return is_told or bool(there)
        if overlay is None or not (is_told or (there and "endpoints" in change.gone)):
            return False
        known = [one for one in overlay.endpoints.values() if one.node_id == node_id and not one.service_id]
        return {(one.network_id, one.ipv4, one.ipv6) for one in there if one.ipv4 or one.ipv6} != {
            (address.network_id, address.ipv4, address.ipv6) for one in known for address in one.addresses
        }

    # -- the end -----------------------------------------------------------------------

    async def leave(self) -> None:
        """Nothing of the cluster is left on this node: no task, no overlay, no record. After `run` has ended."""
        known = await self._executor.known()
        await asyncio.gather(*(self._executor.remove(task_id) for task_id in known), return_exceptions=True)
        await self._overlays.leave()
        await self._recorder.erase()
