"""What the noun's parts share."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.contracts.memory_files import MemoryFiles
from shoal.contracts.runtime import Runtime
from shoal.contracts.snapshots import Snapshots
from shoal.contracts.trees import Trees
from shoal.engine.containers.book import Book
from shoal.engine.containers.host.files import ContainerFiles
from shoal.engine.containers.host.memory import Memory
from shoal.engine.events import Events
from shoal.engine.images import Images
from shoal.engine.networks import Networks
from shoal.engine.volumes import Volumes
from shoal.model.container import Container
from shoal.oci.runtime_spec import Permits


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The other nouns and the drivers that containers use."""

    images: Images
    networks: Networks
    volumes: Volumes
    snapshots: Snapshots
    trees: Trees
    memory_files: MemoryFiles
    runtime: Runtime
    events: Events


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Facts of the machine, clock and chance.

    choose: a number below its argument
    compile_seccomp: annotations that tell the runtime a seccomp section in compiled form; {} = it compiles itself
    mount_tmpfs: mounts one on a directory, with these options; unmount: no error where nothing is mounted
    """

    permits: Permits
    cpus: int
    memory_bytes: int
    hostname: str
    now_ns: Callable[[], int]
    new_id: Callable[[], str]
    choose: Callable[[int], int]
    compile_seccomp: Callable[[Mapping[str, Any]], Mapping[str, str]]
    mount_tmpfs: Callable[[Path, str], None]
    unmount: Callable[[Path], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that the parts of the noun need."""

    near: Neighbours
    machine: Machine
    book: Book
    files: ContainerFiles
    memory: Memory

    def publish(self, container: Container, action: str, **attributes: str) -> None:
        """An event of this container, with its labels, image and name as attributes, as Docker has them."""
        everything = {**container.spec.labels, "image": container.spec.image, "name": container.name, **attributes}
        self.near.events.publish("container", action, container.id, everything)


async def side_by_side(*steps: Awaitable[Any]) -> list[Any]:
    """Results of `steps`, run together; all have ended when this returns. Raises: the first error among them"""
    results = await asyncio.gather(*steps, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
