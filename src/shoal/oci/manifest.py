"""Manifests and indexes, OCI's and Docker's. Source: OCI image specification; Docker image manifest v2, schema 2."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shoal.errors import InvalidArgument, NotFound
from shoal.model.image import Platform
from shoal.oci.digest import parse_digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1"

MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEXES = (OCI_INDEX, DOCKER_INDEX)
CONFIGS = (OCI_CONFIG, DOCKER_CONFIG)

MANIFEST_LIMIT_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """Points to a blob.

    platform: of an image in an index, None elsewhere
    urls: where the blob is, if not in the registry
    """

    media_type: str
    digest: str
    size_bytes: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One image: layers base first."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Images of the same name for several platforms."""

    media_type: str
    manifests: tuple[Descriptor, ...]


def parse_manifest(body: bytes, media_type: str = "") -> Manifest | Index:
    """What the JSON says; its own mediaType wins over the one of the reply.

    Raises: InvalidArgument
    """
    value = _object(_json(body), "manifest")
    said = value.get("mediaType") or media_type.partition(";")[0].strip()
    if value.get("schemaVersion") == 1 or said.startswith(DOCKER_SCHEMA1):
        raise InvalidArgument("image manifest schema 1 is not supported: push the image again with a newer client")
    if said in INDEXES or (said not in MANIFESTS and "manifests" in value):
        entries = _array(value.get("manifests"), "manifests")
        return Index(
            media_type=said if said in INDEXES else OCI_INDEX,
            manifests=tuple(_descriptor(entry, f"manifests.{i}") for i, entry in enumerate(entries)),
        )
    if said in MANIFESTS or "layers" in value:
        layers = _array(value.get("layers"), "layers")
        return Manifest(
            media_type=said if said in MANIFESTS else OCI_MANIFEST,
            config=_descriptor(value.get("config"), "config"),
            layers=tuple(_descriptor(entry, f"layers.{i}") for i, entry in enumerate(layers)),
        )
    raise InvalidArgument(f'unsupported manifest media type "{said}"')


def encode_manifest(config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    """The JSON of an OCI manifest; the same input always gives the same bytes."""
    return _encode(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor_json(config),
            "layers": [descriptor_json(layer) for layer in layers],
        }
    )


def encode_index(manifests: Sequence[Descriptor]) -> bytes:
    """The JSON of an OCI index."""
    return _encode(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor_json(entry) for entry in manifests]}
    )


def descriptor_json(descriptor: Descriptor) -> dict[str, Any]:
    """The JSON object of a descriptor."""
    value: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size_bytes,
    }
    if descriptor.urls:
        value["urls"] = list(descriptor.urls)
    if descriptor.annotations:
        value["annotations"] = dict(descriptor.annotations)
    if descriptor.platform is not None:
        value["platform"] = platform_json(descriptor.platform)
    return value


def platform_json(platform: Platform) -> dict[str, str]:
    """The JSON object of a platform."""
    value = {"architecture": platform.architecture, "os": platform.os}
    if platform.os_version:
        value["os.version"] = platform.os_version
    if platform.variant:
        value["variant"] = platform.variant
    return value


def choose_manifest(index: Index, wanted: Platform, name: str) -> Descriptor:
    """The index's image that runs on `wanted`: the same variant, else the best that it can run.

    name: of the image, for the message
    Raises: NotFound in Docker's words
    """
    images = [entry for entry in index.manifests if entry.platform is not None and not _is_attestation(entry)]
    ranked = [(rank, entry) for entry in images if (rank := _rank(entry.platform, wanted)) is not None]
    if ranked:
        return min(ranked, key=lambda pair: pair[0])[1]
    if len(index.manifests) == 1 and index.manifests[0].platform is None:
        return index.manifests[0]
    raise NotFound(f"no matching manifest for {wanted} in the manifest list entries of {name}")


def _is_attestation(entry: Descriptor) -> bool:
    return entry.annotations.get("vnd.docker.reference.type") == "attestation-manifest"


def _rank(offered: Platform | None, wanted: Platform) -> int | None:
    """How far from the wish, 0 = exactly; None = can't run."""
    if offered is None or offered.os != wanted.os or offered.architecture != wanted.architecture:
        return None
    mine, theirs = _variant(wanted), _variant(offered)
    if theirs == mine:
        return 0
    if wanted.architecture in ("arm", "amd64") and theirs <= mine:
        return mine - theirs
    return None if wanted.variant and offered.variant else 1


_DEFAULT_VARIANTS = {"arm": 7, "arm64": 8, "amd64": 1}


def _variant(platform: Platform) -> int:
    digits = platform.variant.removeprefix("v").partition(".")[0]
    return int(digits) if digits.isdigit() else _DEFAULT_VARIANTS.get(platform.architecture, 0)


_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "armel": "arm",
    "i686": "386",
    "i386": "386",
}
_KNOWN_OS = ("linux", "windows", "darwin", "freebsd")


def parse_platform(text: str, default: Platform) -> Platform:
    """The platform that "os[/arch[/variant]]" or "arch[/variant]" means; what it leaves out is the default's.

    Raises: InvalidArgument
    """
    parts = [part.lower() for part in text.split("/")]
    if not all(parts) or len(parts) > 3:
        raise InvalidArgument(f'"{text}" is an invalid OS/architecture: expected "os[/arch[/variant]]"')
    if parts[0] in _KNOWN_OS:
        name, *rest = parts
    else:
        name, rest = default.os, parts
    architecture = _ARCHITECTURES.get(rest[0], rest[0]) if rest else default.architecture
    variant = rest[1] if len(rest) > 1 else ""
    if rest and rest[0] in ("armel",) and not variant:
        variant = "v6"
    return Platform(os=name, architecture=architecture, variant=variant)


def _json(body: bytes) -> Any:
    if len(body) > MANIFEST_LIMIT_BYTES:
        raise InvalidArgument(f"the manifest has {len(body)} bytes, at most {MANIFEST_LIMIT_BYTES} are taken")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"the manifest is not JSON: {error}") from None


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidArgument(f"{path}: expected an object, got {type(value).__name__}")
    return value


def _array(value: Any, path: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidArgument(f"{path}: expected an array, got {type(value).__name__}")
    return value


def _text(value: dict[str, Any], key: str, path: str) -> str:
    text = value.get(key, "")
    if not isinstance(text, str):
        raise InvalidArgument(f"{path}.{key}: expected a string, got {type(text).__name__}")
    return text


def _descriptor(value: Any, path: str) -> Descriptor:
    entry = _object(value, path)
    size = entry.get("size", 0)
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise InvalidArgument(f"{path}.size: expected a number of bytes, got {size!r}")
    annotations = _object(entry.get("annotations") or {}, f"{path}.annotations")
    platform = entry.get("platform")
    return Descriptor(
        media_type=_text(entry, "mediaType", path),
        digest=parse_digest(_text(entry, "digest", path)),
        size_bytes=size,
        platform=None if platform is None else _platform(_object(platform, f"{path}.platform"), path),
        annotations={str(key): str(item) for key, item in annotations.items()},
        urls=tuple(str(url) for url in _array(entry.get("urls"), f"{path}.urls")),
    )


def _platform(value: dict[str, Any], path: str) -> Platform:
    return Platform(
        os=_text(value, "os", path),
        architecture=_text(value, "architecture", path),
        variant=_text(value, "variant", path),
        os_version=_text(value, "os.version", path),
    )
