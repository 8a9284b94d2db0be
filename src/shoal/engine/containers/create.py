"""Creating containers."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from shoal.engine.containers.names import check_name
from shoal.engine.containers.normal import fill_in
from shoal.engine.containers.parts import Parts
from shoal.errors import InvalidArgument, NotFound, ShoalError
from shoal.lifecycle.made_names import make_name
from shoal.model.container import Container, ContainerSpec
from shoal.model.mount import MountPoint, MountType
from shoal.model.volume import ANONYMOUS_LABEL
from shoal.oci.image_defaults import argv_of, merge_image
from shoal.oci.mount_points import plan_mounts, volume_wishes

log = logging.getLogger("shoal.containers")


class Creator:
    """Makes containers from specs.

    The snapshot comes first: one without a container is removed at the engine's start. Then the row, then the volumes
    that the row names: those that a crash left out are made when the container is started.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(self, spec: ContainerSpec, name: str, platform: str = "") -> tuple[Container, Sequence[str]]:
        """(the container, warnings). Raises: InvalidArgument, NotFound, Conflict"""
        parts, book, machine = self._parts, self._parts.book, self._parts.machine
        wanted = check_name(name) if name else make_name(machine.choose, book.is_free)
        image = parts.near.images.resolve(spec.image)
        if platform and not _fits(platform, str(image.platform)):
            raise NotFound(
                f"image with reference {spec.image} was found but does not provide the specified platform ({platform})"
            )
        container_id = machine.new_id()
        merged, warnings = fill_in(merge_image(spec, image.config), container_id, machine, self._other)
        container = Container(
            id=container_id,
            name=wanted,
            spec=merged,
            argv=argv_of(merged),
            image_id=image.id,
            created_at=machine.now_ns(),
            mounts=self._plan_mounts(merged),
        )
        with book.reserve(wanted, container_id):
            container = await self._make(container, image.chain_id)
        parts.publish(container, "create")
        return container, warnings

    def _other(self, reference: str) -> Container:
        """Another container that a spec names. A missing one is no 404 here: clients would pull the image then."""
        try:
            return self._parts.book.resolve(reference)
        except NotFound as error:
            raise InvalidArgument(error.message) from error

    async def _make(self, container: Container, chain_id: str) -> Container:
        parts = self._parts
        try:
            await asyncio.gather(
                parts.near.snapshots.prepare(container.id, chain_id),
                asyncio.to_thread(parts.files.make, container.id),
            )
            return await self.ensure_volumes(await parts.book.add(self._with_network_names(container)))
        except BaseException:
            await asyncio.shield(self._undo(container))
            raise

    def _with_network_names(self, container: Container) -> Container:
        """Endpoints by the names of their networks; one that is not there (yet) stays as it was asked for."""

        def name_of(reference: str) -> str:
            try:
                return self._parts.near.networks.resolve(reference).name
            except (NotFound, InvalidArgument):
                return reference

        endpoints = {name_of(reference): settings for reference, settings in container.spec.endpoints.items()}
        return replace(container, spec=replace(container.spec, endpoints=endpoints))

    async def _undo(self, container: Container) -> None:
        parts = self._parts
        try:
            await parts.book.erase(container)
            await parts.near.snapshots.remove(container.id)
            await asyncio.to_thread(parts.files.remove, container.id)
        except (ShoalError, OSError) as error:
            log.error("cannot undo a create: %s", error, extra={"container": container.id})

    def _plan_mounts(self, spec: ContainerSpec) -> tuple[MountPoint, ...]:
        borrowed: list[tuple[Sequence[MountPoint], str]] = []
        for entry in spec.host.volumes_from:
            reference, _, mode = entry.partition(":")
            if mode not in ("", "ro", "rw", "z", "Z"):
                raise InvalidArgument(f"invalid mode for volumes-from: {mode}")
            others = self._other(reference).mounts
            borrowed.append(([replace(p, anonymous=False) for p in others if p.type is not MountType.TMPFS], mode))
        points = plan_mounts(spec, borrowed, self._parts.machine.new_id)
        taken = [point.destination for point in points]
        for file in spec.host.memory_files:
            if file.target in taken:
                raise InvalidArgument(f"Duplicate mount point: {file.target}")
            taken.append(file.target)
        return points

    async def ensure_volumes(self, container: Container) -> Container:
        """The container with the place of each of its volumes; volumes that are missing are made."""
        volumes = self._parts.near.volumes
        wishes = volume_wishes(container.spec)
        mounts: list[MountPoint] = []
        for point in container.mounts:
            if point.type is MountType.VOLUME:
                wish = wishes.get(point.name)
                labels: Mapping[str, str] = {ANONYMOUS_LABEL: ""} if point.anonymous else (wish.labels if wish else {})
                options = wish.driver_options if wish else {}
                driver = point.driver or (wish.driver if wish else "")
                try:
                    volume = await volumes.create(point.name, driver=driver, labels=labels, options=options)
                except NotFound as error:  # no 404 here: clients would pull the image then
                    raise InvalidArgument(error.message) from error
                point = replace(point, source=volumes.path(volume), driver=volume.driver)
            mounts.append(point)
        if tuple(mounts) == container.mounts:
            return container
        return await self._parts.book.save(container, mounts=tuple(mounts))


def _fits(wanted: str, has: str) -> bool:
    """Whether "linux/amd64" is wanted and is there; "linux" fits every architecture, "linux/arm" every variant."""
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    parts = [names.get(part, part) for part in wanted.lower().split("/")]
    if len(parts) == 1 and parts[0] != "linux":
        parts = ["linux", *parts]
    return has.split("/")[: len(parts)] == parts
