"""What is done when a run has ended: everything given back, and the policy asked about a restart."""

import asyncio
import logging
from collections.abc import Awaitable

from shoal.engine.containers.parts import Parts
from shoal.errors import ShoalError
from shoal.model.container import Container
from shoal.model.mount import MountType

log = logging.getLogger("shoal.containers")


class Ender:
    """Takes away what a run had. The caller holds the container's lock."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def clean_up(self, container: Container) -> None:
        """The run, its sandbox and its mounts are gone. Failures are logged: the end of a run can't fail."""
        near = self._parts.near
        # The processes go first: a sandbox or a mount in use can't be taken away.
        await self._attempt(container, "runtime", near.runtime.delete(container.id))
        volumes = [point.name for point in container.mounts if point.type is MountType.VOLUME]
        await asyncio.gather(
            self._attempt(container, "network", near.networks.leave(container.id)),
            self._attempt(container, "root", near.snapshots.unmount(container.id)),
            self._attempt(container, "shm", self._drop_shm(container)),
            *(self._attempt(container, "volume", near.volumes.release(name, container.id)) for name in volumes),
        )

    async def _drop_shm(self, container: Container) -> None:
        if container.spec.host.ipc_mode == "shareable":
            await asyncio.to_thread(self._parts.machine.unmount, self._parts.files.shm(container.id))

    async def _attempt(self, container: Container, what: str, step: Awaitable[None]) -> None:
        try:
            await step
        except (ShoalError, OSError) as error:
            log.error("cannot clean up: %s", error, extra={"container": container.id, "part": what})
