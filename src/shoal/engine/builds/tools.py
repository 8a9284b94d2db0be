"""What builds are made with, and what one build shares among its stages."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shoal.contracts.build import BuildContext, BuildFiles, StepRunner
from shoal.contracts.snapshots import Snapshots
from shoal.engine.builds.cache import BuildCache
from shoal.engine.builds.transcript import Transcript
from shoal.engine.images import Images
from shoal.engine.networks import Networks
from shoal.model.build import BuildRequest
from shoal.model.image import Platform
from shoal.oci.runtime_spec import Permits


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildDrivers:
    """The drivers that builds use."""

    files: BuildFiles
    runner: StepRunner
    snapshots: Snapshots


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSettings:
    """What builds know of the machine.

    run: folder for the small files of steps, gone after a reboot
    certificates: the host's CA bundle that RUN steps are to see; None = not
    cgroup_of: path of the cgroup of a step
    new_id: 64 hex digits
    container_id: full id of the container with a name or the beginning of an id
    compile_seccomp: annotations that tell the runtime a seccomp section in compiled form; {} = it compiles itself
    """

    run: Path
    permits: Permits
    platform: Platform
    cgroup_of: Callable[[str], str]
    now_ns: Callable[[], int]
    new_id: Callable[[], str]
    container_id: Callable[[str], str]
    certificates: Path | None = None
    compile_seccomp: Callable[[Mapping[str, Any]], Mapping[str, str]] = field(default=lambda _: {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Everything that the parts of a build use."""

    images: Images
    networks: Networks
    drivers: BuildDrivers
    settings: BuildSettings
    cache: BuildCache


class Sources:
    """Layers of other stages and images, mounted read-only for as long as a build lasts."""

    def __init__(self, snapshots: Snapshots, build_id: str) -> None:
        """`build_id` makes the snapshots' keys unique."""
        self._snapshots = snapshots
        self._prefix = f"build-{build_id[:12]}-source-"
        self._mounts: dict[str, asyncio.Task[Path]] = {}

    async def root(self, chain_id: str) -> Path:
        """Where the files of a chain of layers are; not to be written to."""
        if chain_id not in self._mounts:
            key = f"{self._prefix}{len(self._mounts)}"
            self._mounts[chain_id] = asyncio.create_task(self._mount(key, chain_id))
        return await asyncio.shield(self._mounts[chain_id])

    async def _mount(self, key: str, chain_id: str) -> Path:
        await self._snapshots.prepare(key, chain_id)
        return await self._snapshots.mount(key, readonly=True)

    async def close(self) -> None:
        """Unmount and remove all."""
        if self._mounts:
            await asyncio.wait(self._mounts.values())
        for number, task in enumerate(self._mounts.values()):
            if not task.cancelled():
                task.exception()
            await self._snapshots.remove(f"{self._prefix}{number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One build under way.

    folder: small files of its steps
    held: layers that nobody may remove before the build has ended
    """

    id: str
    request: BuildRequest
    context: BuildContext
    platform: Platform
    transcript: Transcript
    sources: Sources
    folder: Path
    held: ExitStack = field(default_factory=ExitStack)
    ignore_cache: bool = False
    warned: set[str] = field(default_factory=set)
