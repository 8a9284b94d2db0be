"""The API's JSON of an image, whole. Source: Docker Engine API v1.51 and what it was in older versions."""

import json
from pathlib import Path

import pytest

from shoal.model.health import Healthcheck
from shoal.model.image import HistoryItem, Image, ImageConfig, Layer, Platform
from shoal.wire.image import encode_history, encode_image, encode_summary

HERE = Path(__file__).parent


def digest(n: int) -> str:
    return f"sha256:{n:064x}"


def layer(n: int, size: int) -> Layer:
    return Layer(
        chain_id=digest(n),
        diff_id=digest(10 + n),
        digest=digest(20 + n),
        media_type="x",
        size_bytes=1,
        unpacked_bytes=size,
    )


IMAGE = Image(
    id=digest(255),
    manifest=digest(254),
    manifest_type="m",
    manifest_bytes=1,
    config=ImageConfig(
        env=("PATH=/usr/bin:/bin",),
        cmd=("redis-server",),
        entrypoint=("docker-entrypoint.sh",),
        workdir="/data",
        labels={"maintainer": "me"},
        volumes=("/data",),
        exposed_ports=("6379/tcp",),
        healthcheck=Healthcheck(test=("CMD", "redis-cli", "ping"), interval_ns=30_000_000_000),
        stop_signal="SIGTERM",
    ),
    platform=Platform(architecture="arm64", variant="v8"),
    layers=(layer(1, 7_000_000), layer(2, 1000)),
    repo_tags=("redis:7", "redis:alpine"),
    repo_digests=(f"redis@{digest(253)}",),
    author="me",
    history=(
        HistoryItem(created_at=1_700_000_000 * 10**9, created_by="/bin/sh -c #(nop) ADD file:x in / "),
        HistoryItem(created_at=1_700_000_001 * 10**9, created_by="ENV A=1", empty_layer=True, comment="buildkit"),
        HistoryItem(created_at=1_700_000_002 * 10**9, created_by="COPY x /x # buildkit"),
    ),
    created_at=1_700_000_002_123_456_789,
    tagged_at=1_800_000_000_000_000_000,
)
BARE = Image(id=digest(1), manifest=digest(2), manifest_type="m", manifest_bytes=1)

CASES = {
    "inspect": lambda: encode_image(IMAGE, (1, 51)),
    "inspect_1_43": lambda: encode_image(IMAGE, (1, 43)),
    "inspect_bare": lambda: encode_image(BARE, (1, 51)),
    "summary": lambda: encode_summary(IMAGE, (1, 51)),
    "summary_bare_1_42": lambda: encode_summary(BARE, (1, 42)),
    "history": lambda: encode_history(IMAGE),
}


@pytest.mark.parametrize("name", CASES)
def test_json(name: str) -> None:
    assert CASES[name]() == json.loads((HERE / f"{name}.json").read_text())
