"""Watching over running containers: exits, restarts, automatic removal."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from shoal.contracts.runtime import Exit
from shoal.engine.containers.ending import Ender
from shoal.engine.containers.health import HealthChecks
from shoal.engine.containers.parts import Parts
from shoal.engine.containers.start import Starter
from shoal.errors import Conflict, DriverError, NotFound, ShoalError
from shoal.lifecycle.container import Event
from shoal.lifecycle.restart import Ended, next_delay_s
from shoal.model.container import Container, ContainerStatus, UnderWay

log = logging.getLogger("shoal.containers")

_NS = 1_000_000_000
_RETRY_S = 1.0
_FILE_TIME_NS = 10_000_000  #: times of files lag behind the clock by up to a tick


class Supervisor:
    """Consumes the runtime's exits.

    remove: takes an ended container with `--rm` away
    """

    def __init__(self, parts: Parts, starter: Starter, ender: Ender, health: HealthChecks) -> None:
        self._parts = parts
        self._starter = starter
        self._ender = ender
        self._health = health
        self._delays: dict[str, float] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.remove: Callable[[str], Awaitable[None]]

    async def watch(self) -> None:
        """Handle every exit until cancelled."""
        async for ended in self._parts.near.runtime.exits():
            self.own(self._handle(ended), f"exit {ended.container_id[:12]}")

    def own(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """The work begun; `close` waits for its end."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _handle(self, ended: Exit) -> None:
        try:
            container = await self._end_at_last(ended)
            if container is not None and container.spec.host.auto_remove:
                await self.remove(container.id)
        except (Conflict, NotFound) as error:  # somebody else removes it
            log.debug("after the exit: %s", error.message, extra={"container": ended.container_id})
        except ShoalError as error:
            log.error("after the exit: %s", error.message, extra={"container": ended.container_id})

    async def _end_at_last(self, ended: Exit) -> Container | None:
        """As `_end`, tried until it is on record: a container whose exit is forgotten would run for ever."""
        while True:
            try:
                return await self._end(ended)
            except DriverError as error:
                log.error("the exit is not on record yet: %s", error.message, extra={"container": ended.container_id})
            await asyncio.sleep(_RETRY_S)

    async def _end(self, ended: Exit) -> Container | None:
        """The container as it is after the exit, None where it will be started again or was gone."""
        parts, book = self._parts, self._parts.book
        async with book.lock(ended.container_id):
            container = book.find(ended.container_id)
            if container is None or not container.is_running:
                await parts.near.runtime.delete(ended.container_id)
                return None
            if _is_of_earlier_run(ended, container):
                return None
            health = self._health.latest(container)
            self._health.stop(container.id)
            # Noted down before the runtime forgets it: a crash during the clean-up must not lose the exit code.
            container = await book.save(
                container,
                pid=0,
                exit_code=ended.exit_status,
                oom_killed=ended.oom_killed,
                finished_at=ended.at,
                health=health,
            )
            return await self.conclude(container)

    async def conclude(self, container: Container) -> Container | None:
        """As `_end`, for one whose exit is noted down. The caller holds the lock."""
        parts = self._parts
        await self._ender.clean_up(container)
        ran_s = max(0, container.finished_at - container.started_at) / _NS
        delay_s = next_delay_s(container.spec.host.restart, self._ended(container, ran_s))
        if container.oom_killed:
            parts.publish(container, "oom")
        goes_on = container.under_way in (UnderWay.RESTART, UnderWay.REMOVE)
        container = await parts.book.advance(
            container,
            Event.EXIT if delay_s is None else Event.EXIT_RESTARTING,
            endpoints={name: endpoint.at_rest() for name, endpoint in container.endpoints.items()},
            bound_ports=(),
            netns_path="",
            under_way=container.under_way if goes_on else UnderWay.NOTHING,
        )
        parts.publish(container, "die", exitCode=str(container.exit_code), execDuration=str(int(ran_s)))
        if delay_s is None:
            return container
        self.restart_later(container, delay_s)
        return None

    def _ended(self, container: Container, ran_s: float) -> Ended:
        return Ended(
            exit_code=container.exit_code,
            ran_s=ran_s,
            restarts=container.restart_count,
            last_delay_s=self._delays.get(container.id, 0.0),
            stopped=container.manually_stopped,
        )

    def restart_later(self, container: Container, delay_s: float) -> None:
        """Start it again after `delay_s`, unless `cancel_restart` comes first."""
        self._delays[container.id] = delay_s
        work = self._restart(container.id, delay_s)
        self._timers[container.id] = self.own(work, f"restart {container.id[:12]}")

    async def _restart(self, container_id: str, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        book = self._parts.book
        async with book.lock(container_id):
            self._timers.pop(container_id, None)
            container = book.find(container_id)
            if container is None or container.status is not ContainerStatus.RESTARTING:
                return
            try:
                count = container.restart_count + 1
                self._health.start(await self._starter.start(container, restart_count=count))
            except ShoalError as error:
                log.error("cannot restart: %s", error.message, extra={"container": container_id})
                await self._try_again(book.get(container_id), delay_s)

    async def _try_again(self, failed: Container, delay_s: float) -> None:
        """A restart that failed counts as a run that ended at once: what it missed (a port, a mount) may come back.

        Files in memory don't come back by themselves: it stays ended until somebody has given them and starts it.
        """
        if self._parts.memory.lost(failed):
            return
        last = Ended(exit_code=failed.exit_code, ran_s=0, restarts=failed.restart_count + 1, last_delay_s=delay_s)
        next_s = next_delay_s(failed.spec.host.restart, last)
        if next_s is not None and failed.status is ContainerStatus.EXITED:
            count = failed.restart_count + 1
            waiting = await self._parts.book.advance(failed, Event.RETRY, restart_count=count)
            self.restart_later(waiting, next_s)

    def cancel_restart(self, container_id: str) -> None:
        """No restart that waits any more."""
        if timer := self._timers.pop(container_id, None):
            timer.cancel()

    def forget(self, container_id: str) -> None:
        """A person started or removed it: delays begin anew."""
        self.cancel_restart(container_id)
        self._delays.pop(container_id, None)

    async def close(self) -> None:
        """End everything under way; containers run on."""
        for timer in self._timers.values():
            timer.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _is_of_earlier_run(ended: Exit, container: Container) -> bool:
    """Whether this is the late news of a run before the current one (of a start that failed and was repeated at once).

    The time alone could lie (a clock set back), and so could the pid (used again by now): both must say so.
    """
    return ended.at + _FILE_TIME_NS < container.started_at and _is_alive(container.pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return pid > 0
