"""Images from archives: docker-archive of any age, OCI layout. Source: Docker image specification; image-layout.md."""

import json
import posixpath
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shoal.contracts.archives import ArchivedFile, Archives
from shoal.contracts.blobs import Blobs
from shoal.contracts.registry import FetchedManifest
from shoal.contracts.snapshots import Snapshots
from shoal.engine.images.catalog import Catalog
from shoal.engine.images.early import EarlyLayers
from shoal.engine.images.install import Installer, WantedLayer, wanted_layers
from shoal.engine.images.legacy import legacy_images
from shoal.engine.images.making import Maker, layer_type
from shoal.engine.images.pull import image_of
from shoal.errors import InvalidArgument
from shoal.model.image import Image, Platform
from shoal.model.progress import Progress, Report
from shoal.oci.digest import short_id
from shoal.oci.manifest import CONFIGS, Descriptor, Index, Manifest, choose_manifest, parse_manifest
from shoal.oci.reference import parse_reference
from shoal.oci.whiteout import clean_path
from shoal.wire.image_config import decode_config_file

_NAME = "io.containerd.image.name"
_REF_NAME = "org.opencontainers.image.ref.name"
_SHOWN_FROM_BYTES = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedImage:
    """An image in an archive: blobs that are here now, and the names that it had.

    config: its config file
    manifest: None where the archive has none for it
    """

    config: bytes
    layers: tuple[Descriptor, ...]
    tags: tuple[str, ...] = ()
    manifest: FetchedManifest | None = None


class Loader:
    """Takes archives in."""

    def __init__(
        self,
        catalog: Catalog,
        blobs: Blobs,
        snapshots: Snapshots,
        archives: Archives,
        installer: Installer,
        maker: Maker,
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._snapshots = snapshots
        self._archives = archives
        self._installer = installer
        self._maker = maker

    async def load(
        self, chunks: AsyncIterable[bytes], platform: Platform, report: Report, *, quiet: bool, at: int
    ) -> list[Image]:
        """The images of the archive, on record. Raises: InvalidArgument, DriverError"""
        early = EarlyLayers(self._blobs, self._snapshots)
        with self._catalog.hold_all():
            try:
                files = await self._archives.read(chunks, None if quiet else _advance(report), early.begin)
                contents = Contents(files, self._blobs)
                return [await self._take(image, early, report, at) for image in contents.images(platform)]
            finally:
                await early.close()

    async def _take(self, found: ArchivedImage, early: EarlyLayers, report: Report, at: int) -> Image:
        file = decode_config_file(found.config)
        wanted = wanted_layers(file.diff_ids, found.layers)
        layers = await self._installer.install(wanted, _nothing, _silent, said="", early=early)
        if found.manifest is not None:
            manifest = parse_manifest(found.manifest.body, found.manifest.media_type)
            assert isinstance(manifest, Manifest)
            image = replace(image_of(file, manifest, found.manifest), layers=layers)
        else:
            image = await self._maker.record(found.config, file, layers)
        for tag in found.tags:
            self._warn_of_loser(tag, image, report)
        image = await self._catalog.save(image, tags=found.tags, at=at)
        for tag in found.tags:
            report(Progress(stream=f"Loaded image: {tag}\n"))
        if not found.tags:
            report(Progress(stream=f"Loaded image ID: {image.id}\n"))
        return image

    def _warn_of_loser(self, tag: str, image: Image, report: Report) -> None:
        loser = self._catalog.named(tag)
        if loser is not None and loser.id != image.id:
            name = f"The image {tag} already exists, renaming the old one with ID {loser.id} to empty string\n"
            report(Progress(stream=name))


class Contents:
    """The members of an archive by name, and what they say of images."""

    def __init__(self, files: Sequence[ArchivedFile], blobs: Blobs) -> None:
        self._files = {file.name: file for file in files}
        self._sizes = {file.digest: file.size_bytes for file in files if file.digest}
        self._blobs = blobs

    def images(self, platform: Platform) -> list[ArchivedImage]:
        """Raises: InvalidArgument"""
        if "manifest.json" in self._files:
            return self._docker_images()
        if "index.json" in self._files:
            return self._oci_images(platform)
        if "repositories" in self._files:
            return [
                ArchivedImage(config=image.config, layers=image.layers, tags=image.tags)
                for image in legacy_images(self._read_json, self._find, "repositories")
            ]
        raise InvalidArgument("invalid archive: does not contain a manifest.json")

    def _find(self, name: str) -> ArchivedFile:
        """The file of this name, through links. Raises: InvalidArgument"""
        path = clean_path(name)
        for _ in range(8):
            found = self._files.get(path)
            if found is None:
                raise InvalidArgument(f'invalid archive: "{name}" is not in it')
            if not found.link:
                return found
            path = found.link
        raise InvalidArgument(f'invalid archive: "{name}" is a link to a link to a link')

    def _read_json(self, name: str) -> Any:
        return _parse(self._blobs.read(self._find(name).digest), name)

    def _docker_images(self) -> list[ArchivedImage]:
        entries = self._read_json("manifest.json")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise InvalidArgument("invalid archive: manifest.json is no list of images")
        manifests = self._manifests_by_config()
        return [self._docker_image(entry, manifests) for entry in entries]

    def _docker_image(self, entry: Mapping[str, Any], manifests: Mapping[str, "_Listed"]) -> ArchivedImage:
        digest = self._find(str(entry.get("Config", ""))).digest
        config = self._blobs.read(digest)
        names = entry.get("Layers") or []
        tags = tuple(_tag(str(tag)) for tag in entry.get("RepoTags") or [])
        layers = tuple(self._layer(self._find(str(name)).digest) for name in names)
        listed = manifests.get(digest)
        if listed is not None and [layer.digest for layer in listed.manifest.layers] == [x.digest for x in layers]:
            return ArchivedImage(config=config, layers=listed.manifest.layers, tags=tags, manifest=listed.fetched)
        return ArchivedImage(config=config, layers=layers, tags=tags)

    def _layer(self, digest: str) -> Descriptor:
        media_type = layer_type(self._blobs, digest)
        return Descriptor(media_type=media_type, digest=digest, size_bytes=self._sizes[digest])

    def _manifests_by_config(self) -> dict[str, "_Listed"]:
        """The OCI manifests that the archive has beside its manifest.json."""
        if "index.json" not in self._files:
            return {}
        listed = (self._listed(entry) for entry in self._index_entries("index.json"))
        return {found.manifest.config.digest: found for found in listed if found is not None}

    def _index_entries(self, name: str) -> tuple[Descriptor, ...]:
        parsed = parse_manifest(self._blobs.read(self._find(name).digest), "application/vnd.oci.image.index.v1+json")
        return parsed.manifests if isinstance(parsed, Index) else ()

    def _listed(self, entry: Descriptor, platform: Platform | None = None) -> "_Listed | None":
        """The manifest that an index entry leads to, if all of it is in the archive."""
        if entry.digest not in self._sizes:
            return None
        body = self._blobs.read(entry.digest)
        parsed = parse_manifest(body, entry.media_type)
        if isinstance(parsed, Index):
            here = tuple(child for child in parsed.manifests if child.digest in self._sizes)
            if not here:
                return None
            chosen = here[0] if platform is None else choose_manifest(replace(parsed, manifests=here), platform, "")
            return self._listed(chosen, platform)
        needed = (parsed.config, *parsed.layers)
        if parsed.config.media_type not in CONFIGS or any(blob.digest not in self._sizes for blob in needed):
            return None
        fetched = FetchedManifest(digest=entry.digest, media_type=parsed.media_type, body=body)
        return _Listed(parsed, fetched)

    def _oci_images(self, platform: Platform) -> list[ArchivedImage]:
        images: dict[str, ArchivedImage] = {}
        for entry in self._index_entries("index.json"):
            listed = self._listed(entry, platform)
            if listed is None:
                continue
            known = images.get(listed.fetched.digest)
            images[listed.fetched.digest] = ArchivedImage(
                config=self._blobs.read(listed.manifest.config.digest),
                layers=listed.manifest.layers,
                tags=(*(known.tags if known else ()), *_oci_tags(entry.annotations)),
                manifest=listed.fetched,
            )
        if not images:
            raise InvalidArgument("invalid archive: index.json names no image that is in the archive")
        return list(images.values())


@dataclass(frozen=True, slots=True)
class _Listed:
    manifest: Manifest
    fetched: FetchedManifest


def _oci_tags(annotations: Mapping[str, str]) -> tuple[str, ...]:
    name = annotations.get(_NAME) or annotations.get(_REF_NAME, "")
    if not name or (_NAME not in annotations and not any(char in name for char in "/:")):
        return ()  # a bare tag: of what is not said
    return (_tag(name),)


def _tag(text: str) -> str:
    reference = parse_reference(text)
    if reference.digest:
        raise InvalidArgument(f'invalid archive: "{text}" is no tag')
    return reference.with_default_tag().familiar


def _parse(body: bytes, name: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"invalid archive: {name} is not JSON: {error}") from None


def _advance(report: Report) -> Any:
    def advance(name: str, at: int, size: int) -> None:
        if size >= _SHOWN_FROM_BYTES:
            base = posixpath.basename(name)
            shown = short_id(base if len(base) == 64 else posixpath.dirname(name) or base)
            report(Progress(status="Loading layer", id=shown, current_bytes=at, total_bytes=size, has_detail=True))

    return advance


async def _nothing(layer: WantedLayer) -> None:
    pass


def _silent(line: Progress) -> None:
    pass
