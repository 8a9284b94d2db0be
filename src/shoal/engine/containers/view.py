"""What of a container is shown to others: inspections, and what images, networks and volumes ask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from shoal.engine.containers.health import HealthChecks
from shoal.engine.containers.host.files import ContainerFiles
from shoal.engine.containers.parts import Parts
from shoal.errors import NotFound, ShoalError
from shoal.model.container import Container, ContainerStatus
from shoal.model.endpoint import EndpointSettings
from shoal.model.image import ImageUse
from shoal.model.mount import MountPoint, MountType
from shoal.model.network import Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """writable_bytes: of the container's own changes; root_bytes: with its image"""

    writable_bytes: int
    root_bytes: int


class Views:
    """Reads containers with what is only known while they run."""

    def __init__(self, parts: Parts, health: HealthChecks) -> None:
        self._parts = parts
        self._health = health
        self.execs_of: Callable[[str], Sequence[str]] = (
            lambda container_id: ()
        )  #: told by the execs, once they are there

    @property
    def files(self) -> ContainerFiles:
        return self._parts.files

    def live(self, container: Container) -> Container:
        """The container with its newest health and its endpoints of now."""
        if not container.is_running:
            return container
        sandbox = self._parts.near.networks.sandbox(container.id)
        if sandbox is not None:
            container = replace(container, endpoints=sandbox.endpoints, bound_ports=sandbox.ports)
        return replace(container, health=self._health.latest(container))

    def now_ns(self) -> int:
        """The engine's clock."""
        return self._parts.machine.now_ns()

    def image_name(self, container: Container) -> str:
        """The image as the container names it, or the image's id where that name is another image's by now."""
        try:
            found = self._parts.near.images.resolve(container.spec.image)
        except ShoalError:
            return container.image_id
        return container.spec.image if found.id == container.image_id else container.image_id

    def upper_dir(self, container_id: str) -> str:
        """Where its own changes are; "" while it is being removed."""
        try:
            return str(self._parts.near.snapshots.upper(container_id))
        except NotFound:
            return ""

    def memory_points(self, container: Container) -> Sequence[MountPoint]:
        """The mounts of its files in memory."""
        return self._parts.memory.points(container)

    def exec_ids(self, container_id: str) -> Sequence[str]:
        """Ids of the execs that run in it."""
        return self.execs_of(container_id)

    async def sizes(self, container: Container) -> Sizes:
        """What it takes on disk. Cost: reads all of its changes"""
        try:
            writable = await self._parts.near.snapshots.usage(container.id)
        except NotFound:
            writable = 0  # it is being removed
        try:
            image = self._parts.near.images.resolve(container.image_id).size_bytes
        except ShoalError:
            image = 0
        return Sizes(writable_bytes=writable, root_bytes=writable + image)

    def image_uses(self) -> Sequence[ImageUse]:
        """Which containers stand on which images."""
        return [
            ImageUse(container_id=c.id, image_id=c.image_id, reference=c.spec.image, is_running=c.is_running)
            for c in self._parts.book.all()
        ]

    def volume_users(self, name: str) -> Sequence[str]:
        """Ids of the containers that have this volume, running or not; one that is being removed has none any more."""
        return [
            c.id
            for c in self._parts.book.all()
            if c.status is not ContainerStatus.REMOVING
            and any(p.type is MountType.VOLUME and p.name == name for p in c.mounts)
        ]

    def member(self, reference: str) -> Member:
        """The container as networks see it. Raises: NotFound"""
        c = self._parts.book.resolve(reference)
        return Member(
            container_id=c.id,
            name=c.name,
            hostname=c.spec.hostname,
            is_running=c.is_running,
            network_mode=c.spec.host.network_mode,
            endpoints=c.spec.endpoints,
        )

    async def save_endpoints(self, container_id: str, endpoints: Mapping[str, EndpointSettings]) -> None:
        """Keep `endpoints` as what the container asks for; may be called while a verb of it is under way."""

        def change(container: Container) -> Container:
            return replace(container, spec=replace(container.spec, endpoints=dict(endpoints)))

        await self._parts.book.edit(container_id, change)
