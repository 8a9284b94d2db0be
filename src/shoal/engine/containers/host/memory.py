"""Files of containers that live in memory only: taken in, shown at a start, missed after a reboot."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from shoal.contracts.memory_files import MemoryFiles
from shoal.engine.networks import Networks
from shoal.errors import Conflict, InvalidArgument
from shoal.model.container import Container
from shoal.model.mount import MountPoint, MountType


class Memory:
    """Who has files in memory. While anybody has, the mount namespace that holds them is kept alive."""

    def __init__(self, files: MemoryFiles, networks: Networks) -> None:
        self._files = files
        self._networks = networks
        self._owners: set[str] = set()
        self._changing = asyncio.Lock()

    async def open(self, known: Collection[str]) -> None:
        """Take over what an earlier engine kept; what belongs to none of the `known` containers goes."""
        self._owners = set(self._files.open())
        for container_id in self._owners - set(known):
            await self.remove(container_id)
        await self._networks.keep_mounts(bool(self._owners))

    async def give(self, container: Container, contents: Mapping[str, bytes]) -> None:
        """The declared files have these contents, from the next start on.

        contents: {target: content}, one for each declared file
        Raises: InvalidArgument
        """
        declared = {file.target: file for file in container.spec.host.memory_files}
        if unknown := sorted(contents.keys() - declared.keys()):
            raise InvalidArgument(f"container {container.name} has no file in memory at {unknown[0]}")
        if missing := sorted(declared.keys() - contents.keys()):
            raise InvalidArgument(f"no content for {missing[0]} of container {container.name}")
        async with self._changing:
            # Kept alive before there is something to lose.
            await self._networks.keep_mounts(True)
            self._owners.add(container.id)
            await self._files.put(container.id, {declared[target]: data for target, data in contents.items()})

    def lost(self, container: Container) -> Sequence[str]:
        """Targets of the declared files that have no content."""
        wanted = [file.target for file in container.spec.host.memory_files]
        return [target for target in wanted if self._files.path(container.id, target) is None]

    def points(self, container: Container) -> Sequence[MountPoint]:
        """The mounts of those that have."""
        found = [(f.target, self._files.path(container.id, f.target)) for f in container.spec.host.memory_files]
        return [
            MountPoint(
                type=MountType.BIND,
                destination=target,
                source=str(path),
                read_write=False,
                propagation="rprivate",
                from_spec=False,
            )
            for target, path in found
            if path is not None
        ]

    def check(self, container: Container) -> None:
        """Raises: Conflict where content is missing, with what brings it back"""
        if lost := self.lost(container):
            raise Conflict(
                f'container "/{container.name}" lacks files that are kept in memory only: {", ".join(lost)} '
                '(never given, or gone with a reboot); "shoal compose up" brings them back'
            )

    async def remove(self, container_id: str) -> None:
        """Nothing left of this container. Idempotent."""
        if container_id not in self._owners:
            return
        async with self._changing:
            await self._files.remove(container_id)
            self._owners.discard(container_id)
            if not self._owners:
                await self._networks.keep_mounts(False)
