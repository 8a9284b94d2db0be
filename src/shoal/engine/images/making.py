"""New images made here: by the builder, from containers, from a plain tar."""

from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, replace

from shoal.contracts.archives import Archives
from shoal.contracts.blobs import Blobs
from shoal.contracts.registry import FetchedManifest
from shoal.contracts.snapshots import LayerBlob, Snapshots
from shoal.engine.images.catalog import Catalog
from shoal.engine.images.pull import image_of
from shoal.engine.images.push import layer_descriptors
from shoal.model.image import HistoryItem, Image, ImageConfig, Layer, Platform
from shoal.oci.digest import chain_id, sha256
from shoal.oci.manifest import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    encode_manifest,
)
from shoal.wire.image_config import ConfigFile, encode_config_file

_MAGICS = ((b"\x1f\x8b", OCI_LAYER_GZIP), (b"\x28\xb5\x2f\xfd", OCI_LAYER_ZSTD))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImage:
    """An image to be made from layers that are here.

    history: the whole one, oldest first
    platform: None = this machine's
    created_at: 0 = now
    """

    config: ImageConfig
    layers: Sequence[Layer]
    history: Sequence[HistoryItem]
    platform: Platform | None = None
    parent: str = ""
    author: str = ""
    comment: str = ""
    container: str = ""
    created_at: int = 0


class Maker:
    """Makes images and layers."""

    def __init__(self, catalog: Catalog, blobs: Blobs, snapshots: Snapshots, archives: Archives) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._snapshots = snapshots
        self._archives = archives

    async def add(self, new: NewImage, platform: Platform, tags: Sequence[str], at: int) -> Image:
        """The image, on record as `tags` (familiar references)."""
        where = new.platform or platform
        file = ConfigFile(
            diff_ids=tuple(layer.diff_id for layer in new.layers),
            config=new.config,
            history=tuple(new.history),
            architecture=where.architecture,
            variant=where.variant,
            os=where.os,
            os_version=where.os_version,
            created_at=new.created_at or at,
            author=new.author,
            comment=new.comment,
            container=new.container,
        )
        with self._catalog.hold_all():
            image = await self.record(encode_config_file(file), file, new.layers)
            return await self._catalog.save(replace(image, parent=new.parent), tags=tags, at=at)

    async def record(self, config_body: bytes, file: ConfigFile, layers: Sequence[Layer]) -> Image:
        """The image of this config and layers, with a manifest of our own, not on record yet; held by the caller."""
        config = Descriptor(media_type=OCI_CONFIG, digest=sha256(config_body), size_bytes=len(config_body))
        manifest = Manifest(media_type=OCI_MANIFEST, config=config, layers=tuple(layer_descriptors(layers)))
        body = encode_manifest(config, manifest.layers)
        await self._blobs.add(config_body)
        digest = await self._blobs.add(body)
        fetched = FetchedManifest(digest=digest, media_type=OCI_MANIFEST, body=body)
        return replace(image_of(file, manifest, fetched), layers=tuple(layers))

    async def commit_layer(self, key: str, parent: str) -> Layer:
        """The layer that an active snapshot becomes."""
        with self._catalog.hold_all():
            chain, blob = await self._snapshots.commit(key)
            return await self._keep(chain, parent, blob)

    async def layer_of_changes(self, key: str, parent: str) -> Layer:
        """A layer with the changes of an active snapshot, which stays."""
        blob = await self._snapshots.diff(key)
        chain = chain_id(parent, blob.diff_id)
        if not self._snapshots.has_layer(chain):
            unpacked = await self._snapshots.unpack(self._blobs.path(blob.digest), expected_diff_id=blob.diff_id)
            await self._snapshots.publish(unpacked, chain, parent)
        return await self._keep(chain, parent, blob)

    async def _keep(self, chain: str, parent: str, blob: LayerBlob) -> Layer:
        known = self._catalog.layer(chain)
        if known is not None:
            return known
        layer = Layer(
            chain_id=chain,
            parent=parent,
            diff_id=blob.diff_id,
            digest=blob.digest,
            media_type=OCI_LAYER_GZIP,
            size_bytes=blob.size_bytes,
            unpacked_bytes=blob.unpacked_bytes,
        )
        await self._catalog.commit(layer)
        return layer

    async def layer_of_tar(self, chunks: AsyncIterable[bytes]) -> Layer:
        """A base layer from a root file system's tar."""
        digest, size = await self._archives.read_layer(chunks)
        unpacked = await self._snapshots.unpack(self._blobs.path(digest))
        await self._snapshots.publish(unpacked, unpacked.diff_id, "")
        layer = Layer(
            chain_id=unpacked.diff_id,
            diff_id=unpacked.diff_id,
            digest=digest,
            media_type=layer_type(self._blobs, digest),
            size_bytes=size,
            unpacked_bytes=unpacked.unpacked_bytes,
        )
        await self._catalog.commit(layer)
        return layer


def layer_type(blobs: Blobs, digest: str) -> str:
    """The media type of a layer's blob, by its first bytes."""
    with blobs.path(digest).open("rb") as file:
        head = file.read(4)
    return next((media_type for magic, media_type in _MAGICS if head.startswith(magic)), OCI_LAYER)
