"""What containers use, and their processes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from shoal.contracts.processes import ProcessTable
from shoal.contracts.runtime import Runtime
from shoal.engine.execs import ContainerLookup
from shoal.errors import Conflict, NotFound
from shoal.model.container import Container
from shoal.model.usage import Usage

INTERVAL_S = 1.0


class Stats:
    """Counters of containers and their processes, read when asked for."""

    def __init__(self, containers: ContainerLookup, runtime: Runtime, table: ProcessTable) -> None:
        self._containers = containers
        self._runtime = runtime
        self._table = table

    async def once(self, reference: str, *, with_previous: bool = True) -> tuple[Container, Usage | None, Usage | None]:
        """(container, its counters now, and those of a second before); None where it does not run.

        with_previous: without it, the answer comes at once. Raises: NotFound
        """
        before = None
        container = self._containers.resolve(reference)
        if with_previous:
            before = await self._read(container)
            if before is not None:
                await asyncio.sleep(INTERVAL_S)
                container = self._containers.resolve(container.id)
        return container, await self._read(container), before

    async def stream(self, reference: str) -> AsyncIterator[tuple[Container, Usage | None, Usage | None]]:
        """The same, every second, until the container is removed. Raises: NotFound"""
        before: Usage | None = None
        container = self._containers.resolve(reference)
        while True:
            now = await self._read(container)
            yield container, now, before
            before = now
            await asyncio.sleep(INTERVAL_S)
            try:
                container = self._containers.resolve(container.id)
            except NotFound:
                return

    async def now(self, containers: Sequence[Container]) -> Mapping[str, Usage]:
        """{container id: its counters now} of those that run."""
        running = [container for container in containers if container.is_running]
        usages = await asyncio.gather(*(self._read(container) for container in running))
        return {c.id: usage for c, usage in zip(running, usages, strict=True) if usage is not None}

    async def _read(self, container: Container) -> Usage | None:
        if not container.is_running:
            return None
        with suppress(NotFound):
            usage = await self._runtime.stats(container.id)
            # in the host's network there are no counters of its own
            return usage if container.netns_path else replace(usage, networks=())
        return None

    async def processes(self, reference: str, ps_args: str) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """(titles, rows) as ps shows the container's processes. Raises: NotFound; Conflict when it does not run"""
        container = self._containers.resolve(reference)
        if not container.is_running:
            raise Conflict(f"container {container.id} is not running")
        return await self._table.describe(await self._runtime.processes(container.id), ps_args)
