"""The images of one node."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from shoal.contracts.archives import Archives
from shoal.contracts.blobs import Blobs
from shoal.contracts.registry import FetchedManifest, Registry, Source
from shoal.contracts.snapshots import Snapshots
from shoal.contracts.store import NodeStore
from shoal.engine.events import Events
from shoal.engine.images.catalog import Catalog
from shoal.engine.images.changes import apply_changes
from shoal.engine.images.collect import Collector
from shoal.engine.images.install import Installer
from shoal.engine.images.listing import select_images
from shoal.engine.images.load import Loader
from shoal.engine.images.making import Maker, NewImage
from shoal.engine.images.pull import Puller
from shoal.engine.images.push import Pusher
from shoal.engine.images.remove import Pruned, Removal, Remover
from shoal.engine.images.save import Saver
from shoal.errors import InvalidArgument, NotFound, Unavailable
from shoal.model.image import HistoryItem, Image, ImageConfig, ImageUse, Layer, Platform
from shoal.model.progress import Progress, Report, ignore
from shoal.model.registry import RegistryAuth
from shoal.oci.manifest import parse_platform
from shoal.oci.reference import Reference, parse_reference

__all__ = ["Fallback", "ImageDrivers", "Images", "NewImage", "Pruned", "Removal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDrivers:
    """What images are kept in and fetched with."""

    store: NodeStore
    blobs: Blobs
    snapshots: Snapshots
    archives: Archives
    registry: Registry


class Fallback(Protocol):
    """Where images come from when their registry can't be reached."""

    async def instead_of(self, reference: Reference, error: Unavailable, *, asked: bool, report: Report) -> Image:
        """The image, otherwise. Raises: `error`"""
        ...


class Images:
    """The images of one node: names, layers, and where they come from and go to.

    uses: containers that stand on images, asked before anything is deleted
    keeps: chain ids of layers that others need (the build cache); these and all below stay
    """

    def __init__(
        self,
        drivers: ImageDrivers,
        events: Events,
        *,
        now_ns: Callable[[], int],
        platform: Platform,
        uses: Callable[[], Iterable[ImageUse]] = tuple,
        keeps: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        blobs, snapshots, archives = drivers.blobs, drivers.snapshots, drivers.archives
        self._drivers = drivers
        self._events = events
        self._now_ns = now_ns
        self._uses = uses
        self._fallback: Fallback | None = None
        self.platform = platform
        self._catalog = Catalog(drivers.store, blobs)
        self._collector = Collector(self._catalog, blobs, snapshots, keeps)
        self._installer = installer = Installer(self._catalog, blobs, snapshots)
        self._maker = Maker(self._catalog, blobs, snapshots, archives)
        self._puller = Puller(self._catalog, blobs, drivers.registry, installer)
        self._pusher = Pusher(self._catalog, blobs, drivers.registry, archives)
        self._loader = Loader(self._catalog, blobs, snapshots, archives, installer, self._maker)
        self._saver = Saver(self._catalog, blobs, archives)
        self._remover = Remover(self._catalog, self._collector, events, uses)

    def set_fallback(self, fallback: Fallback) -> None:
        """Tell who helps when a registry can't be reached (wired after both nouns exist)."""
        self._fallback = fallback

    async def open(self) -> None:
        """Repair what a crash left; called once at start, after the drivers are open."""
        await self._collector.repair(self._now_ns())

    # looking

    def all(self) -> Sequence[Image]:
        """Every image."""
        return self._catalog.all()

    def resolve(self, reference: str) -> Image:
        """The image of this name, digest, id or beginning of an id. Raises: NotFound, InvalidArgument"""
        return self._catalog.resolve(reference)

    def list(self, filters: Mapping[str, Sequence[str]] | None = None, *, intermediate: bool = False) -> list[Image]:
        """The images that match every filter, newest first. Raises: InvalidArgument, NotFound"""
        return select_images(
            self._catalog.all(), filters or {}, self.resolve, now_ns=self._now_ns(), intermediate=intermediate
        )

    def layer(self, chain_id: str) -> Layer | None:
        """The layer of this chain id, None when it is not here."""
        return self._catalog.layer(chain_id)

    def layers(self) -> Sequence[Layer]:
        """Every layer on this node."""
        return self._catalog.layers()

    def uses(self) -> Sequence[ImageUse]:
        """The containers that stand on images."""
        return list(self._uses())

    # coming and going

    async def pull(
        self,
        reference: str,
        *,
        platform: str = "",
        auth: RegistryAuth | None = None,
        report: Report = ignore,
        stand_in: bool = False,
    ) -> Image:
        """The image from its registry; "latest" where the reference says neither tag nor digest.

        platform: "os/arch[/variant]", "" = this machine's
        stand_in: make a stand-in where the registry can't be reached
        Raises: NotFound, Unauthorized, Unavailable, DriverError, InvalidArgument
        """
        parsed = parse_reference(reference).with_default_tag()
        wanted = parse_platform(platform, self.platform) if platform else self.platform
        try:
            image = await self._puller.pull(parsed, wanted, auth, report, self._now_ns())
        except Unavailable as error:
            if self._fallback is None or wanted.architecture != self.platform.architecture:
                raise
            return await self._fallback.instead_of(parsed, error, asked=stand_in, report=report)
        attributes = {"name": parsed.familiar_name, **image.config.labels}
        self._events.publish("image", "pull", parsed.familiar, attributes)
        return image

    async def pull_from(self, source: Source, reference: str) -> Image:
        """The image from somewhere else than its registry, for this machine. Raises: NotFound, Unavailable, …"""
        parsed = parse_reference(reference).with_default_tag()
        puller = Puller(self._catalog, self._drivers.blobs, source, self._installer)
        image = await puller.pull(parsed, self.platform, None, ignore, self._now_ns())
        self._events.publish("image", "pull", parsed.familiar, {"name": parsed.familiar_name, **image.config.labels})
        return image

    async def pull_all(
        self, name: str, *, platform: str = "", auth: RegistryAuth | None = None, report: Report = ignore
    ) -> None:
        """Every tag of a repository."""
        repository = parse_reference(name)
        for tag in await self._drivers.registry.tags(repository, auth):
            await self.pull(str(repository.with_tag(tag)), platform=platform, auth=auth, report=report)

    async def push(
        self, name: str, *, tag: str = "", auth: RegistryAuth | None = None, report: Report = ignore
    ) -> None:
        """Upload the image `name:tag`; "" = every tag of the repository that is here.

        Raises: NotFound, Unauthorized, Unavailable, DriverError
        """
        reference = parse_reference(name)
        if reference.digest:
            raise InvalidArgument("cannot push a digest reference")
        tag = tag or reference.tag
        targets = [reference.with_tag(tag)] if tag else self._tags_of(reference)
        report(Progress(status=f"The push refers to repository [{reference.name}]"))
        if not targets:
            raise NotFound(f"An image does not exist locally with the tag: {reference.familiar_name}")
        for target in targets:
            image = self._catalog.named(target.familiar)
            if image is None:
                raise NotFound(f"An image does not exist locally with the tag: {reference.familiar_name}")
            await self._pusher.push(image, target, auth, report)
            attributes = {"name": reference.familiar_name, **image.config.labels}
            self._events.publish("image", "push", target.familiar, attributes)

    def _tags_of(self, reference: Reference) -> Sequence[Reference]:
        tags = [parse_reference(tag) for image in self._catalog.all() for tag in image.repo_tags]
        return [tag for tag in tags if tag.name == reference.name]

    async def load(
        self, chunks: AsyncIterable[bytes], *, platform: str = "", report: Report = ignore, quiet: bool = False
    ) -> Sequence[Image]:
        """The images of an archive (docker-archive or OCI layout, compressed or not). Raises: InvalidArgument …"""
        wanted = parse_platform(platform, self.platform) if platform else self.platform
        async with self._collector.sweeping(self._now_ns()):
            images = await self._loader.load(chunks, wanted, report, quiet=quiet, at=self._now_ns())
        for image in images:
            self._events.publish("image", "load", image.id, {"name": image.id, **image.config.labels})
        return images

    def save(self, names: Sequence[str]) -> AsyncIterator[bytes]:
        """An archive of these images: OCI layout and docker-archive in one. Raises: NotFound"""
        archive = self._saver.save(names)
        for name in names:
            self._events.publish("image", "save", name, {"name": name})
        return archive

    async def distribution(
        self, name: str, auth: RegistryAuth | None = None
    ) -> tuple[FetchedManifest, Sequence[Platform]]:
        """What a registry has under this name, and the platforms that it is for. Raises: NotFound, Unauthorized …"""
        return await self._puller.look(parse_reference(name).with_default_tag(), auth)

    async def login(self, auth: RegistryAuth) -> str:
        """The identity token that the registry gives for these credentials, "" for none. Raises: Unauthorized"""
        return await self._drivers.registry.login(auth)

    # making

    async def add(self, new: NewImage, *, tags: Sequence[str] = ()) -> Image:
        """The image made of this, named `tags` ("name[:tag]") at once: one commit. Raises: InvalidArgument"""
        image = await self._maker.add(new, self.platform, [_tag(tag) for tag in tags], self._now_ns())
        for tag in tags:
            self._tell_tag(image, _tag(tag))
        return image

    async def commit_layer(self, key: str, parent: str) -> Layer:
        """The layer that the active snapshot `key` (on the chain id `parent`) becomes; the snapshot is gone.

        The next garbage collection takes it unless an image or `keeps` names it, or the caller holds it.
        """
        return await self._maker.commit_layer(key, parent)

    async def commit(
        self,
        key: str,
        base: Image | None,
        config: ImageConfig,
        *,
        item: HistoryItem,
        container: str = "",
        tag: str = "",
    ) -> Image:
        """A new image: `base` and the changes in the active snapshot `key`, which stays as it is (docker commit).

        item: its line of the history; `created_at` 0 = now
        tag: "name[:tag]", "" = none
        """
        tags = [_tag(tag)] if tag else []
        at = self._now_ns()
        layers, history = (base.layers, base.history) if base else ((), ())
        with self._catalog.hold_all():
            layer = await self._maker.layer_of_changes(key, base.chain_id if base else "")
            new = NewImage(
                config=config,
                layers=(*layers, layer),
                history=(*history, replace(item, created_at=item.created_at or at)),
                platform=base.platform if base else None,
                parent=base.id if base else "",
                author=item.author,
                comment=item.comment,
                container=container,
            )
            image = await self._maker.add(new, self.platform, tags, at)
        for name in tags:
            self._tell_tag(image, name)
        return image

    async def import_tar(
        self,
        chunks: AsyncIterable[bytes],
        *,
        tag: str = "",
        changes: Sequence[str] = (),
        message: str = "",
        platform: str = "",
    ) -> Image:
        """An image of one layer from a root file system's tar (docker import). Raises: InvalidArgument …"""
        tags = [_tag(tag)] if tag else []
        config = apply_changes(ImageConfig(), changes)
        where = parse_platform(platform, self.platform) if platform else self.platform
        message = message or "Imported from -"
        async with self._collector.sweeping(self._now_ns()):
            image = await self._import(chunks, config, where, message, tags)
        self._events.publish("image", "import", image.id, {"name": tags[0] if tags else image.id})
        return image

    async def _import(
        self,
        chunks: AsyncIterable[bytes],
        config: ImageConfig,
        where: Platform,
        message: str,
        tags: Sequence[str],
    ) -> Image:
        with self._catalog.hold_all():
            layer = await self._maker.layer_of_tar(chunks)
            item = HistoryItem(created_at=self._now_ns(), comment=message)
            new = NewImage(config=config, layers=[layer], history=[item], platform=where, comment=message)
            return await self._maker.add(new, self.platform, tags, self._now_ns())

    def hold(self, *chain_ids: str) -> AbstractContextManager[None]:
        """`with images.hold(chain_id):` the garbage collection leaves these layers, and all below them, alone."""
        return self._catalog.hold(*chain_ids)

    # names

    async def tag(self, source: str, target: str) -> Image:
        """Give `source` the name `target` ("name[:tag]") as well; another image that had it loses it.

        Raises: NotFound, InvalidArgument
        """
        image = self.resolve(source)
        name = _tag(target)
        image = await self._catalog.save(image, tags=[name], at=self._now_ns(), is_known=True)
        self._tell_tag(image, name)
        return image

    def _tell_tag(self, image: Image, name: str) -> None:
        self._events.publish("image", "tag", image.id, {"name": name, **image.config.labels})

    async def remove(self, reference: str, *, force: bool = False, prune: bool = True) -> Sequence[Removal]:
        """What went: the name, and the image with its layers when that was the last one.

        prune: parents without a name go as well
        Raises: NotFound, Conflict when containers or other images need it
        """
        return await self._remover.remove(reference, force=force, prune=prune)

    async def prune(self, filters: Mapping[str, Sequence[str]] | None = None) -> Pruned:
        """What went: images without a tag; with the filter dangling=false all that no container stands on."""
        pruned = await self._remover.prune(filters or {}, self._now_ns())
        self._events.publish("image", "prune", "", {"reclaimed": str(pruned.freed_bytes)})
        return pruned

    async def collect_garbage(self) -> int:
        """Bytes freed: layers and blobs that nothing needs any more."""
        return (await self._collector.collect()).freed_bytes


def _tag(text: str) -> str:
    """The tag that `text` means, as people write it. Raises: InvalidArgument"""
    reference = parse_reference(text)
    if reference.digest:
        raise InvalidArgument("refusing to create a tag with a digest reference")
    if reference.familiar_name == "sha256":
        raise InvalidArgument("refusing to create an ambiguous tag using digest algorithm as name")
    return reference.with_default_tag().familiar
