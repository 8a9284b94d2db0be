"""Images from registries. Source: OCI distribution specification, "Pull"; progress as dockerd 28 words it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shoal.contracts.blobs import Blobs
from shoal.contracts.registry import FetchedManifest, Source
from shoal.engine.images.catalog import Catalog
from shoal.engine.images.install import Installer, WantedLayer, wanted_layers
from shoal.errors import DriverError, InvalidArgument
from shoal.model.image import Image, Platform
from shoal.model.progress import Progress, Report
from shoal.model.registry import RegistryAuth
from shoal.oci.digest import short_id
from shoal.oci.manifest import (
    CONFIGS,
    MANIFEST_LIMIT_BYTES,
    Descriptor,
    Index,
    Manifest,
    choose_manifest,
    parse_manifest,
)
from shoal.oci.reference import Reference
from shoal.wire.image_config import ConfigFile, decode_config_file

DOWNLOADS = 4  #: at once, of one image
_REPORT_STEP_BYTES = 512 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """An image that came in, not yet on record.

    digest: what the reference pointed to: the index's where there is one
    is_new: whether anything was fetched
    """

    image: Image
    digest: str
    is_new: bool


class Puller:
    """Fetches images into the blob store and unpacks their layers."""

    def __init__(self, catalog: Catalog, blobs: Blobs, registry: Source, installer: Installer) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._registry = registry
        self._installer = installer

    async def pull(
        self, reference: Reference, platform: Platform, auth: RegistryAuth | None, report: Report, at: int
    ) -> Image:
        """The image, on record under the reference. Raises: NotFound …"""
        top = await self._registry.manifest(reference, auth)
        shown = reference.tag if reference.tag and not reference.digest else reference.digest
        report(Progress(status=f"Pulling from {reference.path}", id=shown))
        with self._catalog.hold(top.digest):
            manifest, fetched = await self._choose(reference, top, platform, auth)
            names = [fetched.digest, manifest.config.digest, *(layer.digest for layer in manifest.layers)]
            with self._catalog.hold(*names):
                pulled = await self._fetch(reference, manifest, fetched, _Call(auth, report))
                return await self._record(reference, replace(pulled, digest=top.digest), report, at)

    async def look(self, reference: Reference, auth: RegistryAuth | None) -> tuple[FetchedManifest, Sequence[Platform]]:
        """What the registry has, and for which platforms; nothing is kept."""
        top = await self._registry.manifest(reference, auth)
        parsed = parse_manifest(top.body, top.media_type)
        if isinstance(parsed, Index):
            return top, [entry.platform for entry in parsed.manifests if entry.platform is not None]
        if parsed.config.media_type not in CONFIGS:
            return top, []
        config = bytearray()
        async for chunk in self._registry.blob(reference, parsed.config, 0, auth):
            config += chunk
            if len(config) > MANIFEST_LIMIT_BYTES:
                raise InvalidArgument(f"image config of more than {MANIFEST_LIMIT_BYTES} bytes is too large")
        return top, [decode_config_file(bytes(config)).platform]

    async def _choose(
        self, reference: Reference, top: FetchedManifest, platform: Platform, auth: RegistryAuth | None
    ) -> tuple[Manifest, FetchedManifest]:
        """The manifest for this platform; an index may lead to another index."""
        fetched = top
        for _ in range(3):
            parsed = parse_manifest(fetched.body, fetched.media_type)
            if isinstance(parsed, Manifest):
                return parsed, fetched
            chosen = choose_manifest(parsed, platform, reference.familiar)
            fetched = await self._registry.manifest(reference.with_digest(chosen.digest), auth)
        raise InvalidArgument(f"{reference.familiar}: indexes of indexes are nested too deep")

    async def _fetch(self, reference: Reference, manifest: Manifest, fetched: FetchedManifest, call: "_Call") -> Pulled:
        if manifest.config.media_type and manifest.config.media_type not in CONFIGS:
            raise InvalidArgument(
                f'{reference.familiar} is no container image: its config is of type "{manifest.config.media_type}"'
            )
        file = await self._config(reference, manifest.config, call)
        wanted = wanted_layers(file.diff_ids, manifest.layers)
        with self._catalog.hold(*(layer.chain_id for layer in wanted)):
            missing = [layer for layer in wanted if not self._is_here(layer)]
            for layer in wanted:
                status = "Pulling fs layer" if layer in missing else "Already exists"
                call.report(Progress(status=status, id=short_id(layer.blob.digest), has_detail=True))
            downloads = _Downloads(self._blobs, self._registry, reference, call)
            here = [layer for layer in wanted if layer not in missing]
            found = await self._installer.install(here, _nothing, call.report, said="")
            found += await self._installer.install(missing, downloads.fetch, call.report, said="Pull complete")
            by_chain = {layer.chain_id: layer for layer in found}
            layers = tuple(by_chain[layer.chain_id] for layer in wanted)
            await self._blobs.add(fetched.body)
            image = image_of(file, manifest, fetched)
            return Pulled(image=replace(image, layers=layers), digest=fetched.digest, is_new=bool(missing))

    def _is_here(self, layer: WantedLayer) -> bool:
        return self._catalog.layer(layer.chain_id) is not None and self._blobs.size(layer.blob.digest) is not None

    async def _config(self, reference: Reference, descriptor: Descriptor, call: "_Call") -> ConfigFile:
        if descriptor.size_bytes > MANIFEST_LIMIT_BYTES:
            raise InvalidArgument(f"image config of {descriptor.size_bytes} bytes is too large")
        async with self._installer.lock(descriptor.digest):
            if self._blobs.size(descriptor.digest) is None:
                chunks = self._registry.blob(reference, descriptor, 0, call.auth)
                await self._blobs.receive(descriptor.digest, descriptor.size_bytes, chunks, 0, lambda at: None)
        return decode_config_file(self._blobs.read(descriptor.digest))

    async def _record(self, reference: Reference, pulled: Pulled, report: Report, at: int) -> Image:
        digest = reference.with_digest(pulled.digest).familiar
        tags = [reference.with_tag(reference.tag).familiar] if reference.tag and not reference.digest else []
        names = [*tags, digest]
        is_known = all((known := self._catalog.named(name)) and known.id == pulled.image.id for name in names)
        image = await self._catalog.save(pulled.image, tags=tags, digests=[digest], at=at)
        report(Progress(status=f"Digest: {pulled.digest}"))
        what = "Image is up to date" if is_known and not pulled.is_new else "Downloaded newer image"
        report(Progress(status=f"Status: {what} for {reference.familiar}"))
        return image


@dataclass(frozen=True, slots=True)
class _Call:
    auth: RegistryAuth | None
    report: Report


class _Downloads:
    """The downloads of one pull: a few at once, each resumed where an earlier one broke off."""

    def __init__(self, blobs: Blobs, registry: Source, reference: Reference, call: _Call) -> None:
        self._blobs = blobs
        self._registry = registry
        self._reference = reference
        self._call = call
        self._slots = asyncio.Semaphore(DOWNLOADS)

    async def fetch(self, layer: WantedLayer) -> None:
        """Make sure that the layer's blob is here."""
        if self._blobs.size(layer.blob.digest) is not None:
            self._say(layer, "Download complete")
            return
        if self._slots.locked():
            self._say(layer, "Waiting")
        async with self._slots:
            await self._download(layer)

    async def _download(self, layer: WantedLayer) -> None:
        blob = layer.blob
        offset = self._blobs.partial_bytes(blob.digest)
        if offset > blob.size_bytes:
            offset = 0
        last = -_REPORT_STEP_BYTES

        def advance(at: int) -> None:
            nonlocal last
            if at - last >= _REPORT_STEP_BYTES or at == blob.size_bytes:
                last = at
                self._say(layer, "Downloading", at)

        chunks = self._registry.blob(self._reference, blob, offset, self._call.auth)
        try:
            await self._blobs.receive(blob.digest, blob.size_bytes, chunks, offset, advance)
        except DriverError:
            if not offset:
                raise
            # What was here from an earlier try may have been wrong: once more, from the beginning.
            chunks = self._registry.blob(self._reference, blob, 0, self._call.auth)
            await self._blobs.receive(blob.digest, blob.size_bytes, chunks, 0, advance)
        self._say(layer, "Verifying Checksum")
        self._say(layer, "Download complete")

    def _say(self, layer: WantedLayer, status: str, at: int = 0) -> None:
        total = layer.blob.size_bytes if at else 0
        self._call.report(
            Progress(
                status=status, id=short_id(layer.blob.digest), current_bytes=at, total_bytes=total, has_detail=True
            )
        )


async def _nothing(layer: WantedLayer) -> None:
    pass


def image_of(file: ConfigFile, manifest: Manifest, fetched: FetchedManifest) -> Image:
    """The record of an image, without its layers and names."""
    return Image(
        id=manifest.config.digest,
        manifest=fetched.digest,
        manifest_type=manifest.media_type,
        manifest_bytes=len(fetched.body),
        config=file.config,
        platform=file.platform,
        comment=file.comment,
        author=file.author,
        docker_version=file.docker_version,
        container=file.container,
        history=file.history,
        created_at=file.created_at,
    )
