"""Files of containers that never reach a disk: values of secrets and configs.

A file is **declared** with its container (`model.mount.MemoryFile`, kept in the container's record) and its content is
**given** apart, by a Compose client now, by a cluster's manager where there is one. `put` takes the content into memory
that is never swapped; `path` is what a start binds into the container, read-only; `remove` lets go of all of it.

What was put outlives the run and the engine's process, as long as a process of the engine's mount namespace lives. It
does not outlive the machine: whoever gave it must give it again. A running container keeps the files that it was
started with; its next start sees what was put last.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from shoal.model.mount import MemoryFile


class MemoryFiles(Protocol):
    """Contents in memory, by container and place in it."""

    def open(self) -> Sequence[str]:
        """Ids of the containers that an earlier engine has left files of."""
        ...

    async def put(self, container_id: str, files: Mapping[MemoryFile, bytes]) -> None:
        """The container has these files and no others. Idempotent. Raises: DriverError"""
        ...

    def path(self, container_id: str, target: str) -> Path | None:
        """Where on the host the file is that the container sees at `target`; None where there is none (any more)."""
        ...

    async def remove(self, container_id: str) -> None:
        """No file left of this container. Idempotent."""
        ...
