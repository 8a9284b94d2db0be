"""Removing containers."""

import asyncio
import logging
from contextlib import AsyncExitStack

from shoal.engine.containers.parts import Parts
from shoal.engine.containers.stop import Stopper
from shoal.engine.containers.supervise import Supervisor
from shoal.errors import Conflict, DriverError, NotFound, ShoalError
from shoal.lifecycle.container import Event
from shoal.model.container import Container, ContainerStatus, UnderWay
from shoal.model.mount import MountType

log = logging.getLogger("shoal.containers")


class Remover:
    """Takes containers away: first the row says so, then the files go, then the row."""

    def __init__(self, parts: Parts, stopper: Stopper, supervisor: Supervisor) -> None:
        self._parts = parts
        self._stopper = stopper
        self._supervisor = supervisor
        self._under_way: set[str] = set()

    async def remove(self, container_id: str, *, force: bool = False, volumes: bool = False) -> None:
        """Gone. `volumes`: its anonymous volumes too, where nobody else uses them.

        Raises: Conflict while it runs and `force` is not set, or while somebody else removes it
        """
        if container_id in self._under_way:
            raise Conflict(f"removal of container {container_id} is already in progress")
        self._under_way.add(container_id)
        try:
            await self._remove(container_id, force, volumes)
        finally:
            self._under_way.discard(container_id)

    async def _remove(self, container_id: str, force: bool, volumes: bool) -> None:
        book = self._parts.book
        async with AsyncExitStack() as verb:
            while True:
                container = book.get(container_id)
                if _lives(container):
                    if not force:
                        raise Conflict(_why_not(container))
                    said = book.under_way(container_id, UnderWay.REMOVE, remove_volumes=volumes)
                    await verb.enter_async_context(said)
                    await self._stopper.end_now(container_id)
                async with book.lock(container_id):
                    container = book.get(container_id)
                    if _lives(container):
                        continue  # somebody started it again
                    self._supervisor.forget(container_id)
                    await self._take_away(container, volumes)
                    return

    async def _take_away(self, container: Container, volumes: bool) -> None:
        parts = self._parts
        container = await parts.book.advance(container, Event.REMOVE, remove_volumes=volumes)
        try:
            await parts.near.runtime.delete(container.id)
            await asyncio.gather(
                parts.near.networks.leave(container.id),
                parts.near.snapshots.remove(container.id),
                asyncio.to_thread(parts.files.remove, container.id),
                parts.memory.remove(container.id),
            )
        except (ShoalError, OSError) as error:
            await parts.book.advance(container, Event.REMOVE_FAILED)
            raise DriverError(f'cannot remove container "/{container.name}": {error}') from error
        if volumes:
            await self._remove_volumes(container)
        await parts.book.erase(container)
        parts.publish(container, "destroy")

    async def _remove_volumes(self, container: Container) -> None:
        for point in container.mounts:
            if point.type is not MountType.VOLUME or not point.anonymous:
                continue
            try:
                await self._parts.near.volumes.remove(point.name)
            except (Conflict, NotFound) as error:
                log.debug("volume stays: %s", error.message, extra={"volume": point.name})

    async def remove_again(self, container_id: str) -> None:
        """Go on with a removal by force that a crash interrupted before anything was taken away."""
        await self.remove(container_id, force=True, volumes=self._parts.book.get(container_id).remove_volumes)

    async def finish(self, container: Container) -> None:
        """Go on with a removal that a crash interrupted."""
        async with self._parts.book.lock(container.id):
            await self._take_away(container, volumes=container.remove_volumes)


def _lives(container: Container) -> bool:
    return container.is_running or container.status is ContainerStatus.RESTARTING


def _why_not(container: Container) -> str:
    if container.status is ContainerStatus.PAUSED:
        reason = "container is paused and must be unpaused first"
    else:
        reason = f"container is {container.status.value}: stop the container before removing or force remove"
    return f'cannot remove container "/{container.name}": {reason}'
