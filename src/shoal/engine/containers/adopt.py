"""What the engine's start does with containers that an earlier engine left.

row says      and there is            so
RUNNING       a living run            it is watched on
              an exit noted down      it is ended as usual, with its true exit code
              nothing (a reboot)      it is ended with exit code 255, or the one that was noted before the clean-up
CREATED, EXITED, RESTARTING
              a started run           the crash came between start and commit: it is RUNNING
              an unstarted run        the start is undone
REMOVING                              the removal is finished
no row        a snapshot, a directory they are removed

At last the verbs that rows say to be under way are carried out again, from their beginning.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping

from shoal.contracts.runtime import Run
from shoal.engine.containers.ending import Ender
from shoal.engine.containers.health import HealthChecks
from shoal.engine.containers.parts import Parts
from shoal.engine.containers.remove import Remover
from shoal.engine.containers.supervise import Supervisor
from shoal.errors import Conflict, NotFound, NotModified, ShoalError
from shoal.lifecycle.container import Event
from shoal.lifecycle.restart import FIRST_DELAY_S, starts_with_engine
from shoal.model.container import Container, ContainerStatus, UnderWay
from shoal.model.mount import MountType

log = logging.getLogger("shoal.containers")

UNKNOWN_EXIT = 255
FINISH_S = 1.0  #: what takes longer goes on beside the first requests
_ID = re.compile(r"[0-9a-f]{64}")


class Adoption:
    """Compares rows with what is there, once, at the engine's start."""

    def __init__(
        self,
        parts: Parts,
        ender: Ender,
        supervisor: Supervisor,
        health: HealthChecks,
        remover: Remover,
        finishers: Mapping[UnderWay, Callable[[str], Awaitable[None]]],
    ) -> None:
        """finishers: what carries each verb out again for a container's id"""
        self._parts = parts
        self._ender = ender
        self._supervisor = supervisor
        self._health = health
        self._remover = remover
        self._finishers = finishers
        self._lost: list[Container] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._concluded: set[str] = set()  #: their exit was noted, and their policy asked, as of any that ends

    async def adopt(self) -> Mapping[str, int]:
        """{id: pid of the init} of the containers that live. Networks and volumes are not touched yet."""
        runs: dict[str, Run] = {}
        for container in self._parts.book.all():
            if container.is_running:
                run = await self._take_over(container.id)
                if run is None:
                    self._lost.append(container)
                    self._adopt_volumes(container)  # plugins count their users also over a reboot of ours
                else:
                    runs[container.id] = run
        for container_id in await self._parts.near.runtime.leftovers():
            try:
                run = await self._adopt_leftover(container_id)
            except (ShoalError, OSError) as error:  # the others must not wait for it: the next start tries again
                log.error("cannot remove what is left of a run: %s", error, extra={"container": container_id})
                continue
            if run is not None:
                runs[container_id] = run
        for container_id, run in runs.items():
            await self._sync(self._parts.book.get(container_id), run)
        return {container_id: run.pid for container_id, run in runs.items() if not run.exited}

    async def _take_over(self, container_id: str) -> Run | None:
        try:
            return await self._parts.near.runtime.adopt(container_id)
        except (ShoalError, OSError) as error:
            log.error("cannot take over: %s", error, extra={"container": container_id})
            return None

    async def _adopt_leftover(self, container_id: str) -> Run | None:
        """A run whose row says that it does not run: started ones are taken over, others undone."""
        runtime, container = self._parts.near.runtime, self._parts.book.find(container_id)
        run = await runtime.adopt(container_id) if container is not None else None
        if run is None or not run.started or run.exited or container is None:
            await runtime.delete(container_id)
            return None
        if container.status is ContainerStatus.REMOVING:
            await runtime.delete(container_id)
            return None
        now = self._parts.machine.now_ns()
        await self._parts.book.advance(
            container,
            Event.START,
            pid=run.pid,
            started_at=now,
            manually_stopped=False,
            error="",
            exit_code=0,
            under_way=UnderWay.NOTHING,
        )
        return run

    async def _sync(self, container: Container, run: Run) -> None:
        wanted = ContainerStatus.PAUSED if run.paused else ContainerStatus.RUNNING
        if not run.exited and (container.status is not wanted or container.pid != run.pid):
            await self._parts.book.save(container, status=wanted, pid=run.pid)
        self._adopt_volumes(container)

    def _adopt_volumes(self, container: Container) -> None:
        for point in container.mounts:
            if point.type is MountType.VOLUME:
                self._parts.near.volumes.adopt(point.name, container.id)

    async def settle(self) -> None:
        """Everything in order: what died is ended, what was half done is finished or undone, policies are followed."""
        for container in self._lost:
            await self._end_lost(container)
        for container in self._parts.book.all():
            if container.status is ContainerStatus.REMOVING:
                await self._attempt(container, self._remover.finish(container))
            elif container.is_running:
                self._refresh(container)
        await self._remove_orphans()
        for container in self._parts.book.all():
            await self._follow_policy(container)

    def _refresh(self, container: Container) -> None:
        self._health.start(container)

    async def _end_lost(self, container: Container) -> None:
        if container.pid == 0 and container.finished_at > container.started_at:
            self._concluded.add(container.id)
            await self._supervisor.conclude(container)
            return
        await self._ender.clean_up(container)
        ended = await self._parts.book.advance(
            container,
            Event.EXIT,
            pid=0,
            exit_code=UNKNOWN_EXIT,
            finished_at=self._parts.machine.now_ns(),
            endpoints={name: endpoint.at_rest() for name, endpoint in container.endpoints.items()},
            bound_ports=(),
            netns_path="",
        )
        self._parts.publish(ended, "die", exitCode=str(UNKNOWN_EXIT))

    async def _follow_policy(self, container: Container) -> None:
        concluded = container.id in self._concluded
        lost = not concluded and any(container.id == other.id for other in self._lost)
        host = container.spec.host
        if container.status is ContainerStatus.RESTARTING:
            if not concluded:
                self._supervisor.restart_later(container, FIRST_DELAY_S)
        elif container.status is ContainerStatus.EXITED and starts_with_engine(
            host.restart,
            manually_stopped=container.manually_stopped,
            was_running=lost,
            exit_code=container.exit_code,
        ):
            waiting = await self._parts.book.advance(container, Event.RETRY)
            self._supervisor.restart_later(waiting, 0.0)
        elif container.status is ContainerStatus.EXITED and host.auto_remove:
            await self._attempt(container, self._remover.remove(container.id, volumes=True))

    async def _remove_orphans(self) -> None:
        near, files = self._parts.near, self._parts.files
        known = {container.id for container in self._parts.book.all()}
        for key in [*near.snapshots.keys()]:
            if _ID.fullmatch(key) and key not in known:
                await near.snapshots.remove(key)
        for name in await asyncio.to_thread(files.known):
            if name not in known:
                await asyncio.to_thread(files.remove, name)

    async def finish(self) -> None:
        """Carry out again what was under way. The exits must be watched by now."""
        half_done = [c for c in self._parts.book.all() if c.under_way is not UnderWay.NOTHING]
        self._tasks = [self._supervisor.own(self._finish(c), f"{c.under_way.value} {c.id[:12]}") for c in half_done]
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FINISH_S)

    def leave(self) -> None:
        """What `finish` has not finished is left to the next engine."""
        for task in self._tasks:
            task.cancel()

    async def _finish(self, container: Container) -> None:
        log.info("carried out again: %s", container.under_way.value, extra={"container": container.id})
        try:
            await self._finishers[container.under_way](container.id)
        except (Conflict, NotFound, NotModified) as error:  # it had come to its end, or somebody else does it
            log.debug("not carried out again: %s", error.message, extra={"container": container.id})
        except (ShoalError, OSError) as error:
            log.error("cannot carry out again: %s", error, extra={"container": container.id})
        await self._parts.book.no_longer(container.id, container.under_way)

    async def _attempt(self, container: Container, step: Awaitable[None]) -> None:
        try:
            await step
        except (ShoalError, OSError) as error:
            log.error("cannot repair: %s", error, extra={"container": container.id})
