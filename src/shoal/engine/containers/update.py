"""Changing limits and restart policy of a container that exists."""

import asyncio
from dataclasses import fields, replace

from shoal.engine.containers.normal import check_cpus
from shoal.engine.containers.parts import Parts
from shoal.errors import Conflict, InvalidArgument
from shoal.model.container import Container, ContainerStatus, RestartMode, RestartPolicy, UnderWay
from shoal.model.resources import Resources
from shoal.oci.runtime_spec.limits import cgroup_limits

_DEFAULT = Resources()


def merge_update(now: Resources, wanted: Resources) -> Resources:
    """`now` with every limit that `wanted` names. Source: Docker, `container.UpdateContainer`

    Raises: InvalidArgument, in Docker's words
    """
    if wanted.nano_cpus and (now.cpu_period_us or now.cpu_quota_us):
        which = "CPU Period" if now.cpu_period_us else "CPU Quota"
        raise InvalidArgument(f"Conflicting options: Nano CPUs cannot be updated as {which} has already been set")
    if now.nano_cpus and (wanted.cpu_period_us or wanted.cpu_quota_us):
        which = "CPU Period" if wanted.cpu_period_us else "CPU Quota"
        raise InvalidArgument(f"Conflicting options: {which} cannot be updated as NanoCPUs has already been set")
    changed = {f.name: getattr(wanted, f.name) for f in fields(Resources)}
    said = {name: value for name, value in changed.items() if value != getattr(_DEFAULT, name)}
    if wanted.memory_bytes and not wanted.memory_swap_bytes and 0 < now.memory_swap_bytes < wanted.memory_bytes:
        raise InvalidArgument(
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
        )
    return replace(now, **said)


class Updater:
    """Writes new limits down and into the cgroup of a running container."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def update(self, container_id: str, wanted: Resources, restart: RestartPolicy | None) -> None:
        """The container has the limits that `wanted` names, at once where it runs.

        Raises: InvalidArgument, Conflict, NotFound, DriverError where the kernel refuses
        """
        book = self._parts.book
        async with book.lock(container_id):
            container = book.get(container_id)
            _check(container, restart)
            resources = merge_update(container.spec.host.resources, wanted)
            check_cpus(resources, self._parts.machine.cpus)
            policy = restart or container.spec.host.restart
            async with book.under_way(container_id, UnderWay.UPDATE):
                changed = await self._write(container_id, resources, policy)
                try:
                    await self.apply(container_id)
                except BaseException:
                    old = container.spec.host
                    await asyncio.shield(self._write(container_id, old.resources, old.restart))
                    raise
            self._parts.publish(changed, "update")

    async def _write(self, container_id: str, resources: Resources, restart: RestartPolicy) -> Container:
        def change(now: Container) -> Container:
            host = replace(now.spec.host, resources=resources, restart=restart)
            return replace(now, spec=replace(now.spec, host=host))

        return await self._parts.book.edit(container_id, change)

    async def apply(self, container_id: str) -> None:
        """The kernel holds a running container to what is written down. Raises: DriverError where it refuses"""
        container = self._parts.book.get(container_id)
        if container.is_running and (limits := self._limits(container.spec.host.resources)):
            await self._parts.near.runtime.update(container_id, limits)

    def _limits(self, resources: Resources) -> dict[str, object]:
        return cgroup_limits(resources, self._parts.machine.permits)


def _check(container: Container, restart: RestartPolicy | None) -> None:
    if container.status in (ContainerStatus.REMOVING, ContainerStatus.DEAD):
        raise Conflict(
            f'Cannot update container {container.id}: container is marked for removal and cannot be "update"'
        )
    if restart is not None and restart.mode is not RestartMode.NO and container.spec.host.auto_remove:
        raise Conflict(
            f"Cannot update container {container.id}: "
            "Restart policy cannot be updated because AutoRemove is enabled for the container"
        )
