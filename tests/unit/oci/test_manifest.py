"""Manifests and indexes; which platform is chosen."""

import json
from typing import Any

import pytest

from shoal.errors import InvalidArgument, NotFound
from shoal.model.image import Platform
from shoal.oci.manifest import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Index,
    Manifest,
    choose_manifest,
    encode_index,
    encode_manifest,
    parse_manifest,
    parse_platform,
)

HOST = Platform(architecture="amd64")


def digest(n: int) -> str:
    return f"sha256:{n:064x}"


def descriptor(n: int, platform: str = "", **extra: Any) -> dict[str, Any]:
    value: dict[str, Any] = {"mediaType": OCI_MANIFEST, "digest": digest(n), "size": n, **extra}
    if platform:
        os, architecture, *variant = platform.split("/")
        value["platform"] = {"os": os, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
    return value


def index(*platforms: str) -> Index:
    entries = [descriptor(n, platform) for n, platform in enumerate(platforms)]
    parsed = parse_manifest(json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode())
    assert isinstance(parsed, Index)
    return parsed


def test_manifests_survive_encoding() -> None:
    config = Descriptor(media_type="c", digest=digest(1), size_bytes=1)
    layers = (Descriptor(media_type="l", digest=digest(2), size_bytes=2, annotations={"a": "b"}),)
    assert parse_manifest(encode_manifest(config, layers)) == Manifest(
        media_type=OCI_MANIFEST, config=config, layers=layers
    )
    entry = Descriptor(media_type=OCI_MANIFEST, digest=digest(3), size_bytes=3, platform=Platform(architecture="arm64"))
    assert parse_manifest(encode_index([entry])) == Index(media_type=OCI_INDEX, manifests=(entry,))


def test_dockers_types_and_the_types_of_replies() -> None:
    body = json.dumps({"schemaVersion": 2, "config": descriptor(1), "layers": []}).encode()
    assert parse_manifest(body, DOCKER_MANIFEST + "; charset=utf-8").media_type == DOCKER_MANIFEST
    assert isinstance(parse_manifest(json.dumps({"manifests": []}).encode(), DOCKER_INDEX), Index)


@pytest.mark.parametrize(
    ("offered", "wanted", "chosen"),
    [
        (["linux/arm64", "linux/amd64", "windows/amd64"], "linux/amd64", 1),
        (["linux/arm/v5", "linux/arm/v6", "linux/arm/v7"], "linux/arm/v7", 2),
        (["linux/arm/v5", "linux/arm/v6"], "linux/arm/v7", 1),
        (["linux/arm/v5", "linux/arm/v7"], "linux/arm/v6", 0),
        (["linux/arm64/v8"], "linux/arm64", 0),
        (["linux/arm64"], "linux/arm64/v8", 0),
        (["linux/amd64/v3", "linux/amd64"], "linux/amd64", 1),
        (["linux/amd64", "linux/amd64/v2"], "linux/amd64/v2", 1),
    ],
)
def test_the_best_platform_is_chosen(offered: list[str], wanted: str, chosen: int) -> None:
    assert choose_manifest(index(*offered), parse_platform(wanted, HOST), "x").digest == digest(chosen)


def test_no_platform_fits() -> None:
    with pytest.raises(NotFound, match="no matching manifest for linux/amd64 in the manifest list entries of x:1"):
        choose_manifest(index("linux/arm64", "windows/amd64"), HOST, "x:1")


def test_attestations_are_no_images() -> None:
    parsed = index("unknown/unknown", "linux/amd64")
    assert choose_manifest(parsed, HOST, "x").digest == digest(1)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"not json", "the manifest is not JSON"),
        (b"[]", "manifest: expected an object, got list"),
        (b"{}", "unsupported manifest media type"),
        (b'{"schemaVersion": 1}', "schema 1 is not supported"),
        (json.dumps({"config": descriptor(1), "layers": {}}).encode(), "layers: expected an array"),
        (json.dumps({"config": {"digest": "md5:1"}, "layers": []}).encode(), "invalid digest"),
        (json.dumps({"config": descriptor(1, size=-1), "layers": []}).encode(), "config.size"),
        (b"{" * 100_000, "not JSON"),
        (b" " * (5 << 20), "bytes, at most"),
    ],
)
def test_broken_manifests(body: bytes, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        parse_manifest(body)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux", "linux/amd64"),
        ("arm64", "linux/arm64"),
        ("aarch64", "linux/arm64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/arm/v6", "linux/arm/v6"),
    ],
)
def test_platforms(text: str, shown: str) -> None:
    assert str(parse_platform(text, HOST)) == shown


def test_a_bad_platform() -> None:
    with pytest.raises(InvalidArgument, match="invalid OS/architecture"):
        parse_platform("a/b/c/d", HOST)
