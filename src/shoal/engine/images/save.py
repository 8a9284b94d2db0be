"""Images into archives: an OCI layout that is a docker-archive as well, as dockerd 25 and later write it."""

import json
from collections.abc import AsyncIterator, Sequence

from shoal.contracts.archives import Archives, Member
from shoal.contracts.blobs import Blobs
from shoal.engine.images.catalog import Catalog
from shoal.errors import InvalidArgument
from shoal.model.image import Image
from shoal.oci.digest import encoded
from shoal.oci.manifest import Descriptor, encode_index
from shoal.oci.reference import Reference, parse_reference


class Saver:
    """Writes archives."""

    def __init__(self, catalog: Catalog, blobs: Blobs, archives: Archives) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._archives = archives

    def save(self, names: Sequence[str]) -> AsyncIterator[bytes]:
        """The archive of these images; a repository without a tag means all its tags.

        Raises: NotFound, InvalidArgument before the first byte
        """
        return self._write(list(self._choose(names).values()))

    async def _write(self, chosen: Sequence[tuple[Image, list[str]]]) -> AsyncIterator[bytes]:
        held = [name for image, _ in chosen for name in (image.manifest, image.id)]
        held += [name for image, _ in chosen for layer in image.layers for name in (layer.digest, layer.chain_id)]
        with self._catalog.hold(*held):
            async for chunk in self._archives.write(self._members(chosen)):
                yield chunk

    def _choose(self, names: Sequence[str]) -> dict[str, tuple[Image, list[str]]]:
        """{image id: (image, tags to be saved)}"""
        if not names:
            raise InvalidArgument("no image was named")
        chosen: dict[str, tuple[Image, list[str]]] = {}
        for name in names:
            for image, tags in self._named(name):
                known = chosen.setdefault(image.id, (image, []))[1]
                known.extend(tag for tag in tags if tag not in known)
        return chosen

    def _named(self, name: str) -> list[tuple[Image, list[str]]]:
        repository = self._repository(name)
        if repository is not None:
            found = [
                (image, [tag for tag in image.repo_tags if parse_reference(tag).name == repository.name])
                for image in self._catalog.all()
            ]
            if tagged := [(image, tags) for image, tags in found if tags]:
                return tagged
        image = self._catalog.resolve(name)
        try:
            tag = parse_reference(name).with_default_tag().familiar
        except InvalidArgument:
            tag = ""
        return [(image, [tag] if tag in image.repo_tags else [])]

    def _repository(self, name: str) -> Reference | None:
        """The repository that a name without a tag means."""
        try:
            reference = parse_reference(name)
        except InvalidArgument:
            return None
        return reference if reference.is_name_only else None

    def _members(self, chosen: Sequence[tuple[Image, list[str]]]) -> list[Member]:
        members = {"blobs/": Member(name="blobs/"), "blobs/sha256/": Member(name="blobs/sha256/")}
        manifests: list[dict[str, object]] = []
        index: list[Descriptor] = []
        repositories: dict[str, dict[str, str]] = {}
        for image, tags in chosen:
            blobs = (image.id, image.manifest, *(layer.digest for layer in image.layers))
            members.update({_path(digest): Member(name=_path(digest), digest=digest) for digest in blobs})
            manifests.append(
                {
                    "Config": _path(image.id),
                    "RepoTags": tags or None,
                    "Layers": [_path(layer.digest) for layer in image.layers],
                }
            )
            index += [self._entry(image, tag) for tag in (tags or [""])]
            for tag in tags:
                reference = parse_reference(tag)
                top = encoded(image.layers[-1].digest) if image.layers else ""
                repositories.setdefault(reference.familiar_name, {})[reference.tag] = top
        files = {
            "index.json": encode_index(index),
            "manifest.json": _json(manifests),
            "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
            "repositories": _json(repositories),
        }
        texts = [Member(name=name, data=data) for name, data in files.items()]
        return [*(members[name] for name in sorted(members)), *texts]

    def _entry(self, image: Image, tag: str) -> Descriptor:
        reference = parse_reference(tag) if tag else None
        annotations = {}
        if reference is not None:
            annotations = {
                "io.containerd.image.name": str(reference),
                "org.opencontainers.image.ref.name": reference.tag,
            }
        return Descriptor(
            media_type=image.manifest_type,
            digest=image.manifest,
            size_bytes=image.manifest_bytes,
            annotations=annotations,
            platform=image.platform,
        )


def _path(digest: str) -> str:
    return f"blobs/sha256/{encoded(digest)}"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
