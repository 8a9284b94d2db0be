"""What `rmi` and `prune` take away. The rules and the words are dockerd's (daemon/images, ImageDelete)."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shoal.contracts.store import Record
from shoal.engine.events import Events
from shoal.engine.images.catalog import Catalog, no_such_image, without
from shoal.engine.images.collect import Collector
from shoal.engine.images.listing import PRUNE_FILTERS, label_and_time_tests
from shoal.errors import Conflict, ShoalError
from shoal.model.filters import check_filters, parse_flag
from shoal.model.image import Image, ImageUse
from shoal.oci.digest import short_id
from shoal.oci.reference import parse_reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One line of what went: a name, or an id."""

    untagged: str = ""
    deleted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What a prune took away."""

    removals: tuple[Removal, ...] = ()
    freed_bytes: int = 0


@dataclass(slots=True)
class _Run:
    """One removal under way."""

    force: bool
    prune: bool
    removals: list[Removal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Conflict:
    image_id: str
    why: str
    is_hard: bool
    is_used: bool = False

    def error(self) -> Conflict:
        how = "cannot be forced" if self.is_hard else "must be forced"
        return Conflict(f"conflict: unable to delete {short_id(self.image_id)} ({how}) - {self.why}")


class Remover:
    """Takes names and images away."""

    def __init__(
        self, catalog: Catalog, collector: Collector, events: Events, uses: Callable[[], Iterable[ImageUse]]
    ) -> None:
        self._catalog = catalog
        self._collector = collector
        self._events = events
        self._uses = uses

    async def remove(self, text: str, *, force: bool, prune: bool) -> list[Removal]:
        """What went. prune: parents without a name go as well

        Raises: NotFound, Conflict
        """
        run = _Run(force, prune)
        await self._remove(text, run)
        await self._sweep(run)
        return run.removals

    async def _sweep(self, run: _Run) -> int:
        collected = await self._collector.collect()
        if any(removal.deleted for removal in run.removals):
            run.removals.extend(Removal(deleted=chain) for chain in collected.layers)
        return collected.freed_bytes

    async def _remove(self, text: str, run: _Run) -> None:
        await asyncio.shield(self._remove_shielded(text, run))

    async def _remove_shielded(self, text: str, run: _Run) -> None:
        async with self._catalog.naming:
            await self._remove_now(text, run)

    async def _remove_now(self, text: str, run: _Run) -> None:
        image = self._catalog.find(text)
        if image is None:
            raise no_such_image(text)
        was_named = not _is_id_prefix(image.id, text)
        if was_named:
            if await self._remove_name(text, image, run):
                return
        elif _is_single_reference(image):
            self._check(image, run, ignore_names=True)
            await self._untag(image, set(_names(image)), run)
        await self._delete(image.id, run, quiet=was_named)

    async def _remove_name(self, text: str, image: Image, run: _Run) -> bool:
        """Whether that was all: other names still point to the image."""
        if not run.force and _is_single_reference(image) and (use := self._use_of(image)) is not None:
            raise Conflict(
                f"conflict: unable to remove repository reference {_quoted(text)} (must force) - container "
                f"{short_id(use.container_id)} is using its referenced image {short_id(image.id)}"
            )
        reference = parse_reference(text)
        name = (reference.with_digest(reference.digest) if reference.digest else reference.with_default_tag()).familiar
        going = [name]
        if not reference.digest and not any(tag != name for tag in _of_repository(image.repo_tags, reference.name)):
            # The last tag of a repository takes its digests along.
            going += _of_repository(image.repo_digests, reference.name)
        image = await self._untag(image, set(going), run, order=going)
        return bool(_names(image))

    async def _untag(self, image: Image, names: set[str], run: _Run, order: Sequence[str] = ()) -> Image:
        gone = [name for name in (order or _names(image)) if name in _names(image)]
        image = without(image, names)
        await self._catalog.commit(image)
        for name in gone:
            run.removals.append(Removal(untagged=name))
            self._events.publish("image", "untag", image.id, {"name": name, **image.config.labels})
        return image

    async def _delete(self, image_id: str, run: _Run, *, quiet: bool) -> None:
        image = self._catalog.get(image_id)
        if image is None:
            return
        if quiet and self._conflict(image, hard_only=run.force) is not None:
            return  # the name is gone, which is what was asked for
        if not quiet:
            self._check(image, run, ignore_names=False)
        if _names(image):
            image = await self._untag(image, set(_names(image)), run)
        deletes: list[tuple[type[Record], str]] = [(Image, image.id)]
        await self._catalog.commit(deletes=deletes)
        run.removals.append(Removal(deleted=image.id))
        self._events.publish("image", "delete", image.id, {"name": image.id, **image.config.labels})
        parent = self._catalog.get(image.parent)
        if run.prune and parent is not None and parent.is_dangling and not parent.repo_digests:
            await self._delete(parent.id, run, quiet=True)

    def _check(self, image: Image, run: _Run, *, ignore_names: bool) -> None:
        conflict = self._conflict(image, hard_only=run.force, ignore_names=ignore_names)
        if conflict is not None:
            raise conflict.error()

    def _conflict(self, image: Image, *, hard_only: bool, ignore_names: bool = False) -> _Conflict | None:
        """Why the image has to stay. Hard reasons first: force does not help against them."""
        if any(other.parent == image.id for other in self._catalog.all()):
            return _Conflict(image.id, "image has dependent child images", is_hard=True)
        running = self._use_of(image, lambda use: use.is_running)
        if running is not None:
            why = f"image is being used by running container {short_id(running.container_id)}"
            return _Conflict(image.id, why, is_hard=True, is_used=True)
        if hard_only:
            return None
        if not ignore_names and _names(image):
            return _Conflict(image.id, "image is referenced in multiple repositories", is_hard=False)
        stopped = self._use_of(image)
        if stopped is not None:
            why = f"image is being used by stopped container {short_id(stopped.container_id)}"
            return _Conflict(image.id, why, is_hard=False, is_used=True)
        return None

    def _use_of(self, image: Image, test: Callable[[ImageUse], bool] = lambda use: True) -> ImageUse | None:
        return next((use for use in self._uses() if use.image_id == image.id and test(use)), None)

    async def prune(self, filters: Mapping[str, Sequence[str]], now_ns: int) -> Pruned:
        """What went: images without a tag, or with dangling=false all that no container stands on."""
        check_filters(filters, PRUNE_FILTERS)
        only_dangling = parse_flag("dangling", filters.get("dangling", ())) is not False
        tests = label_and_time_tests(filters, now_ns)
        run = _Run(force=False, prune=True)
        parents = {image.parent for image in self._catalog.all()}
        for image in self._catalog.all():
            unwanted = image.is_dangling if only_dangling else True
            if unwanted and image.id not in parents and all(test(image) for test in tests):
                await self._prune_one(image, run)
        freed = await self._sweep(run)
        return Pruned(removals=tuple(run.removals), freed_bytes=freed)

    async def _prune_one(self, image: Image, run: _Run) -> None:
        """An image that is in use stays, and is no error."""
        if self._use_of(image) is not None:
            return
        for name in _names(image) or (image.id,):
            try:
                await self._remove(name, run)
            except ShoalError:
                return


def _names(image: Image) -> tuple[str, ...]:
    return (*image.repo_tags, *image.repo_digests)


def _of_repository(names: Iterable[str], repository: str) -> list[str]:
    return [name for name in names if parse_reference(name).name == repository]


def _is_single_reference(image: Image) -> bool:
    """Whether at most one tag, and digests of one repository only, point to the image."""
    if len(image.repo_tags) > 1:
        return False
    return len({parse_reference(name).name for name in _names(image)}) <= 1


def _is_id_prefix(image_id: str, text: str) -> bool:
    return image_id.startswith(text) or image_id.removeprefix("sha256:").startswith(text)


def _quoted(text: str) -> str:
    return f'"{text}"'
