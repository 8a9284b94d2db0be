"""Which images there are, and which names point to them."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from shoal.contracts.blobs import Blobs
from shoal.contracts.store import NodeStore, Record
from shoal.errors import InvalidArgument, NotFound
from shoal.model.image import Image, Layer
from shoal.oci.reference import parse_reference

_HEX = re.compile(r"[0-9a-f]{1,64}")


class Catalog:
    """The records of images and layers, found by any of their names.

    Whoever works with something that no image names yet holds it, so that the garbage collection leaves it alone.
    """

    def __init__(self, store: NodeStore, blobs: Blobs) -> None:
        self._store = store
        self._blobs = blobs
        self._names: dict[str, str] | None = None  #: {tag or digest reference: image id}
        self._holds: Counter[str] = Counter()
        self._holds_all = 0
        #: held from the reading of an image's names to their being written: nobody gives or takes one in between
        self.naming = asyncio.Lock()

    # reading

    def all(self) -> Sequence[Image]:
        """Every image, oldest record first."""
        return self._store.all(Image)

    def get(self, image_id: str) -> Image | None:
        """The image of this id."""
        return self._store.get(Image, image_id)

    def layer(self, chain_id: str) -> Layer | None:
        """The layer of this chain id."""
        return self._store.get(Layer, chain_id)

    def layers(self) -> Sequence[Layer]:
        """Every layer on record."""
        return self._store.all(Layer)

    def _index(self) -> dict[str, str]:
        if self._names is None:
            self._names = {name: image.id for image in self.all() for name in (*image.repo_tags, *image.repo_digests)}
        return self._names

    def named(self, name: str) -> Image | None:
        """The image that this name ("redis:alpine", "redis@sha256:…") points to."""
        image_id = self._index().get(name)
        return self.get(image_id) if image_id else None

    def resolve(self, text: str) -> Image:
        """The image that a name, a digest, an id or the beginning of an id means.

        Raises: NotFound, InvalidArgument
        """
        found = self.find(text)
        if found is None:
            raise no_such_image(text)
        return found

    def find(self, text: str) -> Image | None:
        """As `resolve`, but None when there is no such image. Raises: InvalidArgument for what can't be a name"""
        digits = text.removeprefix("sha256:")
        if len(digits) == 64 and _HEX.fullmatch(digits):
            return self.get(f"sha256:{digits}")
        if text.startswith("sha256:"):
            return self._by_prefix(digits)
        reference = parse_reference(text)
        if reference.digest:
            by_digest = self.named(reference.with_digest(reference.digest).familiar)
            return by_digest or self._with_manifest(reference.name, reference.digest)
        return self.named(reference.with_default_tag().familiar) or self._by_prefix(text)

    def _by_prefix(self, digits: str) -> Image | None:
        if not _HEX.fullmatch(digits):
            return None
        found = [image for image in self.all() if image.id.startswith(f"sha256:{digits}")]
        return found[0] if len(found) == 1 else None

    def _with_manifest(self, name: str, digest: str) -> Image | None:
        """An image that has a name in this repository, and this manifest or id."""
        for image in self.all():
            names = {parse_reference(text).name for text in (*image.repo_tags, *image.repo_digests)}
            if name in names and digest in (image.manifest, image.id):
                return image
        return None

    # writing

    async def save(
        self,
        image: Image,
        *,
        tags: Sequence[str] = (),
        digests: Sequence[str] = (),
        at: int = 0,
        is_known: bool = False,
    ) -> Image:
        """Record `image` with further names, which other images lose, in one commit.

        tags, digests: familiar references
        at: now, where tags are given
        is_known: it is on record already
        Raises: NotFound where `is_known` is not true any more
        """
        # Shielded: a caller that is cancelled must not let the next one in before the names are written.
        return await asyncio.shield(self._save(image, tags, digests, at, is_known))

    async def _save(self, image: Image, tags: Sequence[str], digests: Sequence[str], at: int, is_known: bool) -> Image:
        async with self.naming:
            if is_known and self.get(image.id) is None:
                raise no_such_image(image.id)
            return await self._save_now(image, tags, digests, at)

    async def _save_now(self, image: Image, tags: Sequence[str], digests: Sequence[str], at: int) -> Image:
        known = self.get(image.id)
        if known is not None:
            image = replace(
                image, repo_tags=known.repo_tags, repo_digests=known.repo_digests, tagged_at=known.tagged_at
            )
        losers = self._losers(image.id, {*tags, *digests})
        image = replace(
            image,
            repo_tags=_merged(image.repo_tags, tags),
            repo_digests=_merged(image.repo_digests, digests),
            tagged_at=at if tags else image.tagged_at,
        )
        await self.commit(image, *losers, *image.layers)
        return image

    def _losers(self, image_id: str, names: set[str]) -> list[Image]:
        """The images that have one of these names now, without it."""
        ids = {owner for name in names if (owner := self._index().get(name)) not in (None, image_id)}
        owners = [image for owner in ids if (image := self.get(str(owner))) is not None]
        return [without(image, names) for image in owners]

    async def commit(self, *puts: Record, deletes: Sequence[tuple[type[Record], str]] = ()) -> None:
        """Write records, and tell the layout's index. Who changes names holds `naming`."""
        await asyncio.shield(self._commit(puts, deletes))

    async def _commit(self, puts: Sequence[Record], deletes: Sequence[tuple[type[Record], str]]) -> None:
        await self._store.commit(*puts, deletes=deletes)
        if not any(isinstance(put, Image) for put in puts) and not any(kind is Image for kind, _ in deletes):
            return
        self._names = None
        self.write_index()

    def write_index(self) -> None:
        """Make the layout's index say what the records say."""
        self._blobs.write_index(
            [
                (image.manifest, image.manifest_type, image.manifest_bytes, name)
                for image in self.all()
                for name in (image.repo_tags or ("",))
            ]
        )

    # holding

    @contextmanager
    def hold(self, *names: str) -> Iterator[None]:
        """Keep these chain ids and blobs from the garbage collection, recorded or not."""
        self._holds.update(names)
        try:
            yield
        finally:
            self._holds.subtract(names)
            self._holds += Counter()

    @contextmanager
    def hold_all(self) -> Iterator[None]:
        """Keep the garbage collection from all: something comes in and nobody knows yet what."""
        self._holds_all += 1
        try:
            yield
        finally:
            self._holds_all -= 1

    def is_held(self, name: str) -> bool:
        """Whether somebody holds it."""
        return self._holds_all > 0 or name in self._holds

    def held(self) -> Iterable[str]:
        """What is held by name."""
        return list(self._holds)


def without(image: Image, names: set[str]) -> Image:
    """`image` without these names."""
    return replace(
        image,
        repo_tags=tuple(tag for tag in image.repo_tags if tag not in names),
        repo_digests=tuple(digest for digest in image.repo_digests if digest not in names),
    )


def no_such_image(text: str) -> NotFound:
    """The error for a name that no image has, in Docker's words: "No such image: redis:latest"."""
    try:
        shown = text if text.startswith("sha256:") else parse_reference(text).with_default_tag().familiar
    except InvalidArgument:
        shown = text
    return NotFound(f"No such image: {shown}")


def _merged(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({*old, *new}))
