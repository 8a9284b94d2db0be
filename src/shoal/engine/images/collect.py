"""The garbage collection: layers and blobs that nothing needs any more. And the repair at start."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shoal.contracts.blobs import Blobs
from shoal.contracts.snapshots import Snapshots
from shoal.contracts.store import Record
from shoal.engine.images.catalog import Catalog
from shoal.errors import NotFound, ShoalError
from shoal.model.image import Image, Layer

log = logging.getLogger("shoal.images")

DAY_NS = 24 * 3600 * 1_000_000_000
FOREVER_NS = 1 << 63
FILE_TIME_NS = 1_000_000_000  #: times of files lag behind the clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """layers: chain ids of what went, top first; freed_bytes: files and blobs"""

    layers: tuple[str, ...] = ()
    freed_bytes: int = 0


class Collector:
    """Deletes what no image, container, build step or running operation needs."""

    def __init__(
        self, catalog: Catalog, blobs: Blobs, snapshots: Snapshots, keeps: Callable[[], Iterable[str]]
    ) -> None:
        """`keeps`: chain ids that others need."""
        self._catalog = catalog
        self._blobs = blobs
        self._snapshots = snapshots
        self._keeps = keeps

    async def collect(self, *, after_ns: int = 0, before_ns: int = FOREVER_NS) -> Collected:
        """What went. after_ns, before_ns: blobs that were written earlier or later are left alone"""
        layers = await self._collect_layers()
        freed = sum(layer.unpacked_bytes for layer in layers)
        freed += await self._collect_blobs(after_ns, before_ns)
        return Collected(layers=tuple(layer.chain_id for layer in layers), freed_bytes=freed)

    def _live_layers(self) -> set[str]:
        """Chain ids that are needed, with all below them."""
        wanted = {layer.chain_id for image in self._catalog.all() for layer in image.layers}
        for top in (*self._snapshots.parents(), *self._keeps(), *self._catalog.held()):
            chain = top
            while chain and chain not in wanted:
                wanted.add(chain)
                layer = self._catalog.layer(chain)
                chain = layer.parent if layer else ""
        return wanted

    async def _collect_layers(self) -> list[Layer]:
        known = {layer.chain_id: layer for layer in self._catalog.layers()}
        live = self._live_layers()
        # A layer's record comes after those below it: backwards, tops go first.
        garbage = [chain for chain in reversed([*known, *self._unknown(known)]) if chain not in live]
        gone = []
        for chain in garbage:
            if self._catalog.is_held(chain) or chain in self._live_layers():
                continue
            if chain in known:
                await self._catalog.commit(deletes=[(Layer, chain)])
                gone.append(known[chain])
            await self._snapshots.remove_layer(chain)
        return gone

    def _unknown(self, known: dict[str, Layer]) -> list[str]:
        return [chain for chain in self._snapshots.layers() if chain not in known]

    def _live_blobs(self) -> set[str]:
        wanted: set[str] = set()
        for image in self._catalog.all():
            wanted.update((image.id, image.manifest))
            wanted.update(layer.digest for layer in image.layers)
        wanted.update(layer.digest for layer in self._catalog.layers())
        return wanted

    async def _collect_blobs(self, after_ns: int, before_ns: int) -> int:
        freed = 0
        live = self._live_blobs()
        for digest, written_at in self._blobs.digests():
            if digest in live or self._catalog.is_held(digest) or not after_ns <= written_at <= before_ns:
                continue
            freed += self._blobs.size(digest) or 0
            await self._blobs.remove(digest)
        return freed

    @asynccontextmanager
    async def sweeping(self, now_ns: int) -> AsyncIterator[None]:
        """What the block brings in and nothing needs afterwards goes at its end, however it ends."""
        after_ns = now_ns - FILE_TIME_NS
        try:
            yield
        except BaseException as error:
            try:
                await asyncio.shield(self.collect(after_ns=after_ns))
            except ShoalError as failed:
                error.add_note(f"and what it brought in stays: {failed.message}")
            raise
        await self.collect(after_ns=after_ns)

    async def repair(self, now_ns: int) -> None:
        """Make the records and the disk tell the same story again.

        Layers that were lost are unpacked again; images of which that is not possible are forgotten. Blobs of a pull
        that was broken off stay for a day: the next try goes on with them.
        """
        broken = await self._unpack_missing()
        for image in self._catalog.all():
            if causes := [broken[layer.chain_id] for layer in image.layers if layer.chain_id in broken]:
                log.error("image %s is damaged and forgotten: %s", image.id, causes[0])
                deletes: list[tuple[type[Record], str]] = [(Image, image.id)]
                await self._catalog.commit(deletes=deletes)
        await self.collect(before_ns=now_ns - DAY_NS)
        try:
            self._catalog.write_index()
        except ShoalError as error:  # a full disk: the engine must start all the same, to make room
            log.error("index.json is not up to date: %s", error.message)

    async def _unpack_missing(self) -> dict[str, str]:
        """Unpack the layers that have a record and no files; {chain id: why not}. Their records go."""
        recorded = {layer.chain_id: layer for image in self._catalog.all() for layer in image.layers}
        recorded |= {layer.chain_id: layer for layer in self._catalog.layers()}
        broken: dict[str, str] = {}
        for chain, layer in recorded.items():
            if self._snapshots.has_layer(chain):
                continue
            try:
                await self._unpack_again(layer)
            except ShoalError as error:
                broken[chain] = error.message
                await self._catalog.commit(deletes=[(Layer, chain)])
        return broken

    async def _unpack_again(self, layer: Layer) -> None:
        log.warning("layer %s is missing, unpacking it again", layer.chain_id)
        if self._blobs.size(layer.digest) is None:
            raise NotFound(f"No such blob: {layer.digest}")
        unpacked = await self._snapshots.unpack(self._blobs.path(layer.digest), expected_diff_id=layer.diff_id)
        await self._snapshots.publish(unpacked, layer.chain_id, layer.parent)
