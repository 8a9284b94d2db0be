"""Layers come onto this node: fetched side by side, unpacked side by side, put in place base first."""

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shoal.contracts.blobs import Blobs
from shoal.contracts.snapshots import Snapshots, UnpackedLayer
from shoal.engine.images.catalog import Catalog
from shoal.engine.images.early import EarlyLayers
from shoal.errors import InvalidArgument, ShoalError
from shoal.model.image import Layer
from shoal.model.progress import Progress, Report
from shoal.oci.digest import chain_ids, short_id
from shoal.oci.manifest import Descriptor

UNPACKING = 2  #: at once, of one image


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLayer:
    """A layer of an image that comes in: what is to be there, and the blob that it is made from."""

    chain_id: str
    parent: str
    diff_id: str
    blob: Descriptor


def wanted_layers(diff_ids: Sequence[str], blobs: Sequence[Descriptor]) -> list[WantedLayer]:
    """The layers of an image, base first. Raises: InvalidArgument when config and manifest don't agree"""
    if len(diff_ids) != len(blobs):
        raise InvalidArgument(f"invalid image: the config lists {len(diff_ids)} layers, the manifest {len(blobs)}")
    chains = chain_ids(diff_ids)
    return [
        WantedLayer(chain_id=chain, parent=parent, diff_id=diff_id, blob=blob)
        for chain, parent, diff_id, blob in zip(chains, ["", *chains], diff_ids, blobs, strict=False)
    ]


Fetch = Callable[[WantedLayer], Awaitable[None]]


class Installer:
    """Brings layers onto this node. The same layer wanted twice at the same time is worked on once."""

    def __init__(self, catalog: Catalog, blobs: Blobs, snapshots: Snapshots) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._snapshots = snapshots
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    def lock(self, name: str) -> asyncio.Lock:
        """Taken by whoever brings this blob or layer here."""
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        return lock

    async def install(
        self,
        wanted: Sequence[WantedLayer],
        fetch: Fetch,
        report: Report,
        *,
        said: str,
        early: EarlyLayers | None = None,
    ) -> tuple[Layer, ...]:
        """The layers, all there. The caller holds their chain ids and blobs.

        fetch: makes sure that the layer's blob is here
        said: what is reported of a layer when it is done ("Pull complete"); "" = nothing is reported
        early: where layers may be unpacked already
        """
        turns = [asyncio.Event() for _ in wanted]
        how = _How(asyncio.Semaphore(UNPACKING), report if said else _silent, early)

        async def one(index: int, layer: WantedLayer) -> Layer:
            async with self.lock(layer.blob.digest):
                await fetch(layer)
            before = turns[index - 1] if index else None
            result = await self._place(layer, before, how)
            turns[index].set()
            if said:
                report(Progress(status=said, id=short_id(layer.blob.digest), has_detail=True))
            return result

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(index, layer)) for index, layer in enumerate(wanted)]
        except BaseExceptionGroup as errors:
            raise first_error(errors) from errors
        return tuple(task.result() for task in tasks)

    async def _place(self, layer: WantedLayer, before: asyncio.Event | None, how: "_How") -> Layer:
        """Unpack at once, publish when the layer below is there."""
        async with self.lock(layer.chain_id):
            known = self._catalog.layer(layer.chain_id)
            if self._snapshots.has_layer(layer.chain_id) and known is not None:
                return _layer(layer, known.unpacked_bytes)
            unpacked = await self._unpack(layer, how)
            try:
                if before is not None:
                    await before.wait()
                await self._snapshots.publish(unpacked, layer.chain_id, layer.parent)
            except BaseException:
                await asyncio.shield(self._snapshots.discard(unpacked))
                raise
            result = _layer(layer, unpacked.unpacked_bytes)
            await self._catalog.commit(result)
            return result

    async def _unpack(self, layer: WantedLayer, how: "_How") -> UnpackedLayer:
        if how.early is not None and (found := await how.early.take(layer.blob.digest)):
            if found.diff_id == layer.diff_id:
                return found
            await self._snapshots.discard(found)
        name = short_id(layer.blob.digest)
        total = layer.blob.size_bytes

        def advance(at: int) -> None:
            how.report(
                Progress(status="Extracting", id=name, current_bytes=min(at, total), total_bytes=total, has_detail=True)
            )

        async with how.slots:
            return await self._snapshots.unpack(
                self._blobs.path(layer.blob.digest), expected_diff_id=layer.diff_id, advance=advance
            )


@dataclass(frozen=True, slots=True)
class _How:
    slots: asyncio.Semaphore
    report: Report
    early: EarlyLayers | None


def _layer(wanted: WantedLayer, unpacked_bytes: int) -> Layer:
    return Layer(
        chain_id=wanted.chain_id,
        parent=wanted.parent,
        diff_id=wanted.diff_id,
        digest=wanted.blob.digest,
        media_type=wanted.blob.media_type,
        size_bytes=wanted.blob.size_bytes,
        unpacked_bytes=unpacked_bytes,
    )


def _silent(line: Progress) -> None:
    pass


def first_error(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error of a group to show: the first that was meant for users, else the first."""
    flat = list(_flattened(errors))
    return next((error for error in flat if isinstance(error, ShoalError)), flat[0])


def _flattened(errors: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in errors.exceptions:
        found.extend(_flattened(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found
