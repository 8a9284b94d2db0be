"""Several operations on images at once, and operations that are broken off."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shoal.errors import NotFound
from tests.support.image_node import ImageNode, chunks_of
from tests.support.images import busybox_layer, entry, image_archive, tar_of
from tests.support.registry import RegistryProcess

LAYERS = [busybox_layer(), *(tar_of(entry(f"etc/{n}", os.urandom(300_000))) for n in range(4))]


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ImageNode]:
    async with ImageNode(tmp_path / "node") as running:
        yield running


def half_done(node: ImageNode) -> list[str]:
    return [
        path.name
        for folder in ("layers", "snapshots", "trash")
        for path in (node.root / folder).iterdir()
        if path.name.startswith(("new-", "gone-"))
    ]


async def test_the_same_image_pulled_ten_times_at_once_is_fetched_once(tmp_path: Path, node: ImageNode) -> None:
    async with RegistryProcess(tmp_path / "registry") as registry:
        name = f"{registry.host}/app:1"
        image_id = image_archive(tmp_path / "a.tar", name, LAYERS)
        async with ImageNode(tmp_path / "source") as source:
            await source.load(tmp_path / "a.tar")
            await source.images.push(name)
        pulls = [node.images.pull(name, report=node.report) for _ in range(10)]
        images = await asyncio.gather(*pulls)
    assert {image.id for image in images} == {image_id}
    assert len(node.images.all()) == 1
    downloads = [line for line in node.lines if line.status == "Verifying Checksum"]
    assert len(downloads) == len(LAYERS)
    assert half_done(node) == []


async def test_images_that_share_layers_loaded_and_removed_at_once(tmp_path: Path, node: ImageNode) -> None:
    for n in range(4):
        image_archive(tmp_path / f"{n}.tar", f"app{n}:1", [*LAYERS[: n + 1], tar_of(entry("n", str(n).encode()))])

    async def come_and_go(n: int) -> None:
        for _ in range(3):
            await node.load(tmp_path / f"{n}.tar")
            await node.snapshots.prepare(f"c{n}", node.images.resolve(f"app{n}:1").chain_id)
            root = await node.snapshots.mount(f"c{n}")
            assert (root / "n").read_text() == str(n) and (root / "bin/sh").is_symlink()
            await node.snapshots.remove(f"c{n}")
            await node.images.remove(f"app{n}:1")

    await asyncio.gather(*(come_and_go(n) for n in range(4)))
    assert not node.images.all()
    await node.images.collect_garbage()
    assert not node.snapshots.layers() and not node.blobs.digests()
    assert half_done(node) == []


async def test_a_load_that_is_broken_off_leaves_nothing(tmp_path: Path, node: ImageNode) -> None:
    image_archive(tmp_path / "a.tar", "a:1", LAYERS)
    data = (tmp_path / "a.tar").read_bytes()
    waiting = asyncio.Event()

    async def stalls() -> AsyncIterator[bytes]:
        yield data[: len(data) // 2]
        waiting.set()
        await asyncio.Event().wait()

    loading = asyncio.create_task(node.images.load(stalls()))
    await waiting.wait()
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    assert not node.images.all() and half_done(node) == []
    await node.images.collect_garbage()
    assert not node.blobs.digests()
    (image,) = await node.images.load(chunks_of(data))
    assert image.repo_tags == ("a:1",)


async def test_a_cancelled_unpack_waits_for_its_thread_and_cleans_up(tmp_path: Path, node: ImageNode) -> None:
    path = tmp_path / "big.tar"
    path.write_bytes(tar_of(*(entry(f"d/{i}", os.urandom(200_000)) for i in range(100))))
    begun = asyncio.Event()
    unpacking = asyncio.create_task(node.snapshots.unpack(path, advance=lambda at: begun.set()))
    await begun.wait()
    unpacking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unpacking
    assert half_done(node) == []


async def test_an_image_that_is_removed_while_a_pull_needs_its_layers(tmp_path: Path, node: ImageNode) -> None:
    async with RegistryProcess(tmp_path / "registry") as registry:
        name = f"{registry.host}/app:1"
        image_archive(tmp_path / "a.tar", name, LAYERS)
        async with ImageNode(tmp_path / "source") as source:
            await source.load(tmp_path / "a.tar")
            await source.images.push(name)
        image_archive(tmp_path / "b.tar", "base:1", LAYERS[:3])
        for _ in range(3):
            await node.load(tmp_path / "b.tar")
            await asyncio.gather(node.images.pull(name), node.images.remove("base:1"))
            image = node.images.resolve(name)
            await node.snapshots.prepare("c", image.chain_id)
            assert (await node.snapshots.mount("c") / "bin/sh").is_symlink()
            await node.snapshots.remove("c")
            assert all(node.blobs.size(layer.digest) for layer in image.layers)
            await node.images.remove(name)
    with pytest.raises(NotFound):
        node.images.resolve(name)


async def test_names_given_and_taken_at_once_are_all_kept(tmp_path: Path, node: ImageNode) -> None:
    image_archive(tmp_path / "a.tar", "app:1", LAYERS[:1])
    await node.load(tmp_path / "a.tar")
    await asyncio.gather(*(node.images.tag("app:1", f"app:{n}") for n in range(2, 20)))
    assert len(node.images.resolve("app:1").repo_tags) == 19
    await asyncio.gather(
        *(node.images.remove(f"app:{n}") for n in range(2, 11)), *(node.images.tag("app:1", f"b:{n}") for n in range(9))
    )
    assert set(node.images.resolve("app:1").repo_tags) == {
        "app:1",
        *(f"app:{n}" for n in range(11, 20)),
        *(f"b:{n}" for n in range(9)),
    }


async def test_a_name_does_not_bring_an_image_back_whose_layers_have_gone(tmp_path: Path, node: ImageNode) -> None:
    image_archive(tmp_path / "a.tar", "app:1", LAYERS[:1])
    await node.load(tmp_path / "a.tar")
    results = await asyncio.gather(
        node.images.remove("app:1"), node.images.tag("app:1", "app:2"), return_exceptions=True
    )
    assert isinstance(results[1], NotFound)
    assert node.images.all() == []


async def test_a_name_whose_giver_has_gone_is_found_all_the_same(tmp_path: Path, node: ImageNode) -> None:
    image_archive(tmp_path / "a.tar", "app:1", LAYERS[:1])
    await node.load(tmp_path / "a.tar")
    node.images.resolve("app:1")
    giving = asyncio.create_task(node.images.tag("app:1", "app:2"))
    await asyncio.sleep(0)
    giving.cancel()
    await asyncio.gather(giving, return_exceptions=True)
    await node.images.tag("app:1", "app:3")
    assert set(node.images.resolve("app:2").repo_tags) == {"app:1", "app:2", "app:3"}


async def test_snapshots_of_cancelled_callers_leave_nothing(tmp_path: Path, node: ImageNode) -> None:
    image_archive(tmp_path / "a.tar", "app:1", LAYERS[:1])
    image = await node.load(tmp_path / "a.tar")

    async def come_and_go(key: str) -> None:
        try:
            await node.snapshots.prepare(key, node.images.resolve("app:1").chain_id)
            await node.snapshots.mount(key)
        finally:
            await node.snapshots.remove(key)

    for number in range(60):
        task = asyncio.create_task(come_and_go(f"c{number}"))
        await asyncio.sleep(number / 20_000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert image and list((node.root / "snapshots").iterdir()) == []
