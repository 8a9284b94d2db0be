"""Layers that are unpacked while their archive still comes in: nothing of it shows but the time."""

import asyncio
import gzip
import json
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shoal.errors import DriverError, InvalidArgument
from tests.support.engine import wait_for
from tests.support.image_node import ImageNode, chunks_of
from tests.support.images import entry, image_archive, tar_of


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ImageNode]:
    async with ImageNode(tmp_path / "node") as running:
        yield running


def layer_of(name: str, *more: object) -> bytes:
    """A layer that is large enough to be unpacked early."""
    return tar_of(*(entry(f"{name}/{n}", os.urandom(300_000)) for n in range(8)), *more)  # type: ignore[arg-type]


def archive_of(folder: Path, *layers: bytes) -> bytes:
    image_archive(folder / "image.tar", "app:1", layers)
    return (folder / "image.tar").read_bytes()


def layer_folders(node: ImageNode) -> list[str]:
    return [path.name for path in (node.root / "layers").iterdir()]


async def test_files_are_there_before_the_archive_is(tmp_path: Path, node: ImageNode) -> None:
    data = archive_of(tmp_path, layer_of("a"))
    first = (node.root / "layers").glob

    async def pausing() -> AsyncIterator[bytes]:
        yield data[:2_000_000]
        await asyncio.to_thread(wait_for, "the first file", lambda: list(first("new-*/diff/a/0")))
        yield data[2_000_000:]

    (image,) = await node.images.load(pausing())
    await node.snapshots.prepare("c", image.chain_id)
    assert len(list((await node.snapshots.mount("c") / "a").iterdir())) == 8
    assert len(layer_folders(node)) == 1


async def test_many_layers_some_compressed(tmp_path: Path, node: ImageNode) -> None:
    layers = [layer_of(name) for name in "abcdef"]
    image_archive(tmp_path / "image.tar", "app:1", layers)
    members = []
    for info, body in _members(tmp_path / "image.tar"):
        is_packed = info.startswith(("1/", "3/", "5/"))
        members.append(entry(info, gzip.compress(body, 1) if is_packed else body))
    (image,) = await node.images.load(chunks_of(tar_of(*members)))
    assert [layer.media_type.endswith("gzip") for layer in image.layers] == [False, True] * 3
    await node.snapshots.prepare("c", image.chain_id)
    assert sorted(path.name for path in (await node.snapshots.mount("c")).iterdir()) == list("abcdef")
    assert len(layer_folders(node)) == 6


def _members(path: Path) -> list[tuple[str, bytes]]:
    with tarfile.open(path) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


async def test_what_no_image_needs_leaves_nothing(tmp_path: Path, node: ImageNode) -> None:
    data = archive_of(tmp_path, layer_of("a"))
    members = [entry(name, body) for name, body in _members(tmp_path / "image.tar")]
    others = [
        entry("other.tar", layer_of("b")),
        entry("noise", os.urandom(3_000_000)),
        entry("short.tar", data[:-5000]),
    ]
    (image,) = await node.images.load(chunks_of(tar_of(*others, *members)))
    assert layer_folders(node) == [image.chain_id.removeprefix("sha256:")]
    await node.images.load(chunks_of(data))  # all of it is here
    assert layer_folders(node) == [image.chain_id.removeprefix("sha256:")]


async def test_a_layer_that_wants_out_is_told_as_ever(tmp_path: Path, node: ImageNode) -> None:
    outside = tmp_path / "host"
    outside.mkdir()
    link = entry("way", type=b"2", linkname=str(outside))
    with pytest.raises(InvalidArgument, match="leads out of its folder"):
        await node.images.load(chunks_of(archive_of(tmp_path, layer_of("a", link, entry("way/in", b"1")))))
    assert not list(outside.iterdir()) and not layer_folders(node) and not node.images.all()


async def test_a_layer_that_is_not_what_the_config_says(tmp_path: Path, node: ImageNode) -> None:
    archive_of(tmp_path, layer_of("a"))
    members = dict(_members(tmp_path / "image.tar"))
    (name,) = (name for name in members if name.endswith(".json") and name != "manifest.json")
    config = json.loads(members[name])
    config["rootfs"]["diff_ids"] = [f"sha256:{7:064x}"]
    members[name] = json.dumps(config).encode()
    with pytest.raises(DriverError, match="layer verification failed"):
        await node.images.load(chunks_of(tar_of(*(entry(name, body) for name, body in members.items()))))
    assert not layer_folders(node) and not node.images.all()


async def test_an_archive_that_breaks_off_in_a_layer(tmp_path: Path, node: ImageNode) -> None:
    data = archive_of(tmp_path, layer_of("a"), layer_of("b"))
    for end in (2_000_000, 4_000_000):
        with pytest.raises(InvalidArgument, match="cut off"):
            await node.images.load(chunks_of(data[:end]))
        assert not layer_folders(node)
    await node.images.collect_garbage()
    assert not node.blobs.digests()
