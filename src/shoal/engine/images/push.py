"""Images to registries. Source: OCI distribution specification, "Push"; progress as dockerd 28 words it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from shoal.contracts.archives import Archives
from shoal.contracts.blobs import Blobs
from shoal.contracts.registry import Registry
from shoal.engine.images.catalog import Catalog
from shoal.engine.images.install import first_error
from shoal.errors import NotFound
from shoal.model.image import Image, Layer
from shoal.model.progress import Progress, Report
from shoal.model.registry import RegistryAuth
from shoal.oci.digest import short_id
from shoal.oci.manifest import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    encode_manifest,
    parse_manifest,
)
from shoal.oci.reference import Reference, parse_reference

UPLOADS = 4
_REPORT_STEP_BYTES = 512 << 10


@dataclass(frozen=True, slots=True)
class _Call:
    reference: Reference
    auth: RegistryAuth | None
    report: Report
    source: Reference | None  #: another repository of the same registry that has the blobs

    def say(self, status: str, layer: Layer, at: int = 0) -> None:
        total = layer.size_bytes if at else 0
        name = short_id(layer.diff_id)
        self.report(Progress(status=status, id=name, current_bytes=at, total_bytes=total, has_detail=True))


class Pusher:
    """Uploads images, only what the registry does not have."""

    def __init__(self, catalog: Catalog, blobs: Blobs, registry: Registry, archives: Archives) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._registry = registry
        self._archives = archives

    async def push(self, image: Image, reference: Reference, auth: RegistryAuth | None, report: Report) -> None:
        """Upload `image` as `reference` (with a tag)."""
        for layer in reversed(image.layers):
            report(Progress(status="Preparing", id=short_id(layer.diff_id), has_detail=True))
        with self._catalog.hold(image.id, image.manifest, *(layer.chain_id for layer in image.layers)):
            image = await self._compressed(image)
            await self._upload(image, _Call(reference, auth, report, _other_repository(image, reference)))

    async def _upload(self, image: Image, call: _Call) -> None:
        body = self._blobs.read(image.manifest)
        manifest = parse_manifest(body, image.manifest_type)
        assert isinstance(manifest, Manifest)
        slots = asyncio.Semaphore(UPLOADS)
        descriptors = {layer.digest: layer for layer in manifest.layers}
        try:
            async with asyncio.TaskGroup() as group:
                for layer in {layer.digest: layer for layer in reversed(image.layers)}.values():
                    group.create_task(self._layer(layer, descriptors[layer.digest], call, slots))
        except BaseExceptionGroup as errors:
            raise first_error(errors) from errors
        if not await self._registry.has_blob(call.reference, manifest.config.digest, call.auth):
            path = self._blobs.path(manifest.config.digest)
            await self._registry.push_blob(call.reference, manifest.config, path, call.auth)
        digest = await self._registry.push_manifest(call.reference, body, manifest.media_type, call.auth)
        with suppress(NotFound):  # it was removed while it went out
            name = call.reference.with_digest(digest).familiar
            await self._catalog.save(image, digests=[name], is_known=True)
        tag = call.reference.tag
        call.report(Progress(status=f"{tag}: digest: {digest} size: {len(body)}"))
        call.report(Progress(aux={"Tag": tag, "Digest": digest, "Size": len(body)}, has_detail=True))

    async def _layer(self, layer: Layer, blob: Descriptor, call: _Call, slots: asyncio.Semaphore) -> None:
        if blob.urls:
            call.say("Skipped foreign layer", layer)
            return
        if slots.locked():
            call.say("Waiting", layer)
        async with slots:
            if await self._registry.has_blob(call.reference, blob.digest, call.auth):
                call.say("Layer already exists", layer)
                return
            if call.source is not None:
                mounted = await self._registry.mount_blob(call.reference, blob.digest, call.source, call.auth)
                if mounted:
                    call.say(f"Mounted from {call.source.path}", layer)
                    return
            await self._send(layer, blob, call)

    async def _send(self, layer: Layer, blob: Descriptor, call: _Call) -> None:
        last = -_REPORT_STEP_BYTES

        def advance(at: int) -> None:
            nonlocal last
            if at - last >= _REPORT_STEP_BYTES or at == blob.size_bytes:
                last = at
                call.say("Pushing", layer, at)

        advance(1)
        await self._registry.push_blob(call.reference, blob, self._blobs.path(blob.digest), call.auth, advance)
        call.say("Pushed", layer)

    async def _compressed(self, image: Image) -> Image:
        """`image` with gzip layers where it had plain ones, on record from now on, so that its digest stays."""
        if not any(layer.media_type == OCI_LAYER for layer in image.layers):
            return image
        with self._catalog.hold_all():
            layers = tuple([await self._gzip(layer) for layer in image.layers])
            config = Descriptor(media_type=OCI_CONFIG, digest=image.id, size_bytes=self._blobs.size(image.id) or 0)
            body = encode_manifest(config, layer_descriptors(layers))
            manifest = await self._blobs.add(body)
            return await self._catalog.save(
                replace(image, layers=layers, manifest=manifest, manifest_type=OCI_MANIFEST, manifest_bytes=len(body)),
                is_known=True,
            )

    async def _gzip(self, layer: Layer) -> Layer:
        if layer.media_type != OCI_LAYER:
            return layer
        digest, size = await self._archives.compress(layer.digest)
        return replace(layer, digest=digest, size_bytes=size, media_type=OCI_LAYER_GZIP)


def layer_descriptors(layers: Sequence[Layer]) -> list[Descriptor]:
    """What a manifest says of these."""
    return [
        Descriptor(media_type=layer.media_type, digest=layer.digest, size_bytes=layer.size_bytes) for layer in layers
    ]


def _other_repository(image: Image, target: Reference) -> Reference | None:
    """A repository of the same registry where the image has been."""
    for digest in image.repo_digests:
        known = parse_reference(digest)
        if known.domain == target.domain and known.path != target.path:
            return known
    return None
