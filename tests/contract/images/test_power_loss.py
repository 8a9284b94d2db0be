"""What a loss of power may have left half written is not trusted by the next boot; what a sync has covered is."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shoal.drivers.unsynced import Unsynced, boot_id
from shoal.errors import NotFound
from tests.support.disk import Disk
from tests.support.image_node import ImageNode
from tests.support.images import busybox_archive, entry, tar_of
from tests.support.runtime import eventually

LAYER = tar_of(entry("a", b"1"), entry("d/b", b"2"))

Boot = Callable[[str], Disk]


@pytest.fixture
def boot(tmp_path: Path) -> Iterator[Boot]:
    """The same folder as another boot of the machine finds it."""
    made: list[Disk] = []

    def again(name: str) -> Disk:
        if made:
            made[-1].close()
        made.append(Disk(tmp_path / "root", name))
        return made[-1]

    yield again
    made[-1].close()


async def test_after_a_loss_of_power_the_newest_layers_are_gone(boot: Boot) -> None:
    chain = await boot("first").layer(LAYER)
    found = boot("second")
    assert not found.snapshots.has_layer(chain) and found.leftovers() == []
    with pytest.raises(NotFound):
        await found.snapshots.prepare("one", chain)
    assert [*found.unsynced.suspects("layer"), *found.unsynced.suspects("blob")] == []  # judged once


async def test_a_new_engine_of_the_same_boot_trusts_them(boot: Boot) -> None:
    chain = await boot("first").layer(LAYER)
    assert boot("first").snapshots.has_layer(chain)
    assert not boot("second").snapshots.has_layer(chain)  # and still knows that no sync has covered them


async def test_what_was_synced_stays(boot: Boot) -> None:
    disk = boot("first")
    old = await disk.layer(LAYER)
    disk.unsynced.sync()
    new = await disk.layer(tar_of(entry("c", b"3")), parent=old)
    assert list(boot("second").snapshots.layers()) == [old] != [new]


async def test_of_blobs_only_the_damaged_go(boot: Boot) -> None:
    disk = boot("first")
    whole, damaged = await disk.blobs.add(os.urandom(5000)), await disk.blobs.add(os.urandom(5000))
    os.truncate(disk.blobs.path(damaged), 0)  # as a file system leaves it that had no time to write the data
    found = boot("second")
    assert (found.blobs.size(whole), found.blobs.size(damaged)) == (5000, None)


async def test_marks_go_by_themselves(tmp_path: Path) -> None:
    unsynced = Unsynced(tmp_path, boot_id(), sync_after_s=0.01)
    unsynced.open()
    for name in ("1", "2"):
        unsynced.add("layer", name)
        await eventually("synced", lambda: not list((tmp_path / boot_id()).iterdir()))
    unsynced.close()


async def test_a_thread_whose_folder_was_removed_ends(tmp_path: Path) -> None:
    unsynced = Unsynced(tmp_path / "unsynced", boot_id(), sync_after_s=0.01)
    unsynced.open()
    unsynced.add("layer", "1")
    syncer = unsynced._syncer
    shutil.rmtree(tmp_path / "unsynced")
    await eventually("it has ended", lambda: syncer is None or not syncer.is_alive())
    unsynced.open()
    unsynced.add("layer", "2")
    await eventually("the next one syncs", lambda: not list((tmp_path / "unsynced" / boot_id()).iterdir()))
    unsynced.close()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    busybox_archive(tmp_path / "busybox.tar")
    return tmp_path / "busybox.tar"


async def test_an_image_is_unpacked_again(tmp_path: Path, archive: Path) -> None:
    async with ImageNode(tmp_path / "node") as node:
        image = await node.load(archive)
        chain = image.layers[-1].chain_id
        await node.snapshots.prepare("one", chain)
        tool = await node.snapshots.mount("one") / "bin/busybox"
        content = tool.read_bytes()
        await node.snapshots.remove("one")
        for path in (tmp_path / "node/layers").rglob("busybox"):
            os.truncate(path, 0)
    async with ImageNode(tmp_path / "node", boot="second") as node:
        assert node.images.resolve("busybox").id == image.id
        await node.snapshots.prepare("one", chain)
        assert (await node.snapshots.mount("one") / "bin/busybox").read_bytes() == content


async def test_an_image_that_can_t_be_put_right_is_forgotten(tmp_path: Path, archive: Path) -> None:
    async with ImageNode(tmp_path / "node") as node:
        image = await node.load(archive)
        os.truncate(node.blobs.path(image.layers[-1].digest), 100)
    async with ImageNode(tmp_path / "node", boot="second") as node:
        with pytest.raises(NotFound, match="No such image: busybox"):
            node.images.resolve("busybox")
        assert node.images.layers() == []
        assert (await node.load(archive)).id == image.id
