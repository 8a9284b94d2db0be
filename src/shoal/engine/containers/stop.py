"""Ending, pausing and signalling containers."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from shoal.engine.containers.parts import Parts
from shoal.engine.containers.supervise import Supervisor
from shoal.errors import Conflict, DriverError, NotFound, NotModified
from shoal.lifecycle.container import Event
from shoal.model.container import DEFAULT_STOP_TIMEOUT_S, Container, ContainerStatus, UnderWay
from shoal.model.signals import parse_signal

SIGTERM, SIGKILL = 15, 9
_KILL_S = 30.0


class Stopper:
    """Sends signals and waits for their effect. Takes the container's lock only for an instant: exits need it."""

    def __init__(self, parts: Parts, supervisor: Supervisor) -> None:
        self._parts = parts
        self._supervisor = supervisor

    async def stop(self, container_id: str, timeout_s: int | None = None, signal: str = "") -> None:
        """Ended, by its stop signal or, after `timeout_s` (-1 = never), by SIGKILL.

        Raises: NotModified where it does not run; InvalidArgument for a signal that is none
        """
        book = self._parts.book
        async with AsyncExitStack() as verb:
            async with book.lock(container_id):
                container = book.get(container_id)
                if container.status is ContainerStatus.RESTARTING:
                    await self._give_up(container)
                    return
                if not container.is_running:
                    raise NotModified("container already stopped")
                number = parse_signal(signal or container.spec.stop_signal or "TERM")
                patience = self._patience(container, timeout_s)
                # One that may take for ever is not finished by the next engine, which would kill it after a while.
                said = UnderWay.NOTHING if patience is None else UnderWay.STOP
                container = await verb.enter_async_context(book.under_way(container_id, said, manually_stopped=True))
                await self._send(container, number)
            if not await self._ended(container, patience):
                await self._kill(container)
        self._parts.publish(container, "stop")

    def _patience(self, container: Container, timeout_s: int | None) -> float | None:
        wanted = container.spec.stop_timeout_s if timeout_s is None else timeout_s
        wanted = DEFAULT_STOP_TIMEOUT_S if wanted is None else wanted
        return None if wanted < 0 else float(wanted)

    async def _give_up(self, container: Container) -> None:
        self._supervisor.cancel_restart(container.id)
        container = await self._parts.book.advance(container, Event.GIVE_UP, manually_stopped=True)
        self._parts.publish(container, "stop")

    async def _send(self, container: Container, number: int) -> None:
        """Send a signal; one that has ended meanwhile needs none. A paused one is thawed, or it would never see it."""
        try:
            await self._parts.near.runtime.kill(container.id, number)
            if container.status is ContainerStatus.PAUSED:
                await self._parts.near.runtime.resume(container.id)
        except NotFound:
            return
        self._parts.publish(container, "kill", signal=str(number))

    async def _ended(self, container: Container, patience_s: float | None) -> bool:
        """Whether this run ends in time."""
        if patience_s == 0:
            return False
        try:
            await asyncio.wait_for(self._parts.book.wait_until(container.id, run_is_over(container)), patience_s)
        except TimeoutError:
            return False
        return True

    async def _kill(self, container: Container) -> None:
        await self._send(container, SIGKILL)
        if not await self._ended(container, _KILL_S):
            raise DriverError(
                f"cannot stop container: {container.id}: tried to kill container, but did not receive an exit event"
            )

    async def end_now(self, container_id: str) -> None:
        """Killed and ended, or waiting for no restart any more; nothing for one that does not run."""
        book = self._parts.book
        async with book.lock(container_id):
            container = book.get(container_id)
            if container.status is ContainerStatus.RESTARTING:
                await self._give_up(container)
                return
            if not container.is_running:
                return
            container = await book.save(container, manually_stopped=True)
        await self._kill(container)

    async def kill(self, container_id: str, signal: str = "") -> None:
        """The signal sent, SIGKILL where none is named. Raises: Conflict where it does not run; InvalidArgument"""
        book = self._parts.book
        number = parse_signal(signal or "KILL")
        async with AsyncExitStack() as verb:
            async with book.lock(container_id):
                container = book.get(container_id)
                if not container.is_running:
                    raise Conflict(f"container {container.id} is not running")
                if number == SIGKILL:
                    said = book.under_way(container_id, UnderWay.KILL, manually_stopped=True)
                    container = await verb.enter_async_context(said)
                await self._send(container, number)
                if number == parse_signal(container.spec.stop_signal or "TERM"):
                    container = await book.save(container, manually_stopped=True)
            if number == SIGKILL:
                await self._ended(container, _KILL_S)

    async def pause(self, container_id: str) -> None:
        """Frozen. Raises: Conflict"""
        book = self._parts.book
        async with book.lock(container_id):
            container = book.get(container_id)
            if container.status is ContainerStatus.PAUSED:
                raise Conflict(f"Container {container.id} is already paused")
            if container.status is ContainerStatus.RESTARTING:
                raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
            if not container.is_running:
                raise Conflict(f"Container {container.id} is not running")
            await self._parts.near.runtime.pause(container.id)
            self._parts.publish(await book.advance(container, Event.PAUSE), "pause")

    async def unpause(self, container_id: str) -> None:
        """Thawed. Raises: Conflict"""
        book = self._parts.book
        async with book.lock(container_id):
            container = book.get(container_id)
            if container.status is not ContainerStatus.PAUSED:
                raise Conflict(f"Container {container.id} is not paused")
            await self._parts.near.runtime.resume(container.id)
            self._parts.publish(await book.advance(container, Event.RESUME), "unpause")


def run_is_over(started: Container) -> Callable[[Container | None], bool]:
    """True of a container when the run that `started` shows has ended."""
    return lambda now: now is None or not now.is_running or now.started_at != started.started_at
