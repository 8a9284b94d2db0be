"""Layers and snapshots on the kernel's overlay."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from shoal.drivers.mount import mount
from shoal.errors import NotFound
from shoal.model.change import ChangeKind
from tests.support.disk import Disk
from tests.support.images import entry, tar_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts")


@pytest.fixture
async def base(disk: Disk) -> str:
    """The chain id of a layer with a file and a folder."""
    return await disk.layer(tar_of(entry("a", b"1"), entry("d/b", b"2")))


@pytest.fixture
async def reopen(disk: Disk) -> AsyncIterator[Callable[[], Disk]]:
    """The same folder as the next engine finds it, after a crash of this one."""
    made: list[Disk] = []

    def again() -> Disk:
        made.append(Disk(disk.root))
        return made[-1]

    yield again
    for found in made:
        found.close()


async def test_a_snapshot_shows_its_parent_and_keeps_its_own_changes(disk: Disk, base: str) -> None:
    await disk.snapshots.prepare("one", base)
    await disk.snapshots.prepare("two", base)
    one, two = await disk.snapshots.mount("one"), await disk.snapshots.mount("two")
    assert await disk.snapshots.mount("one") == one
    (one / "a").write_text("changed")
    (one / "d/b").unlink()
    (one / "new").mkdir()
    assert (two / "a").read_text() == "1" and sorted(os.listdir(two)) == ["a", "d"]
    changes = await disk.snapshots.changes("one")
    assert [(str(c.path), c.kind) for c in changes] == [
        ("/a", ChangeKind.MODIFIED),
        ("/d", ChangeKind.MODIFIED),
        ("/d/b", ChangeKind.DELETED),
        ("/new", ChangeKind.ADDED),
    ]
    assert list(await disk.snapshots.changes("two")) == []
    assert await disk.snapshots.usage("one") > await disk.snapshots.usage("two") >= 0
    assert sorted(disk.snapshots.keys()) == ["one", "two"] and set(disk.snapshots.parents()) == {base}


async def test_changes_survive_unmounting_and_a_new_start(disk: Disk, base: str, reopen: Callable[[], Disk]) -> None:
    await disk.snapshots.prepare("one", base)
    ((await disk.snapshots.mount("one")) / "a").write_text("changed")
    await disk.snapshots.unmount("one")
    await disk.snapshots.unmount("one")
    found = reopen().snapshots
    assert list(found.keys()) == ["one"] and found.has_layer(base) and list(found.layers()) == [base]
    assert (await found.mount("one") / "a").read_text() == "changed"
    await found.unmount("one")


async def test_programs_that_read_dockers_folders_find_the_changes(disk: Disk, base: str) -> None:
    """As cAdvisor does. Source: cAdvisor, container/docker/handler.go, getRwLayerID"""
    await disk.snapshots.prepare("c0ffee", base)
    ((await disk.snapshots.mount("c0ffee")) / "a").write_text("changed")
    mount_id = (disk.root / "image/overlay2/layerdb/mounts/c0ffee/mount-id").read_text()
    diff = disk.root / "overlay2" / mount_id / "diff"
    assert (diff / "a").read_text() == "changed" and not diff.is_symlink()
    await disk.snapshots.remove("c0ffee")
    assert not diff.exists() and not os.listdir(disk.root / "overlay2")


async def test_a_mounted_snapshot_of_an_earlier_version_is_moved_and_goes_on(
    disk: Disk, base: str, reopen: Callable[[], Disk]
) -> None:
    await disk.snapshots.prepare("old", base)
    folder = disk.root / "snapshots/old"
    os.rename(folder / "diff", folder / "upper")
    (folder / "mount-id").unlink()
    merged, lower = folder / "merged", disk.root / "layers" / base.removeprefix("sha256:") / "diff"
    options = f"lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work"
    mount("overlay", str(merged), "overlay", data=options)
    (merged / "a").write_text("before")
    found = reopen().snapshots
    (merged / "b").write_text("after")
    assert await found.mount("old") == merged
    assert (found.upper("old") / "a").read_text() == "before" and (found.upper("old") / "b").read_text() == "after"
    await found.unmount("old")
    (await found.mount("old") / "c").write_text("mounted anew")
    assert sorted(os.listdir(found.upper("old"))) == ["a", "b", "c"]
    await found.remove("old")


async def test_a_readonly_mount(disk: Disk, base: str) -> None:
    await disk.snapshots.prepare("one", base)
    root = await disk.snapshots.mount("one", readonly=True)
    with pytest.raises(OSError, match="Read-only"):
        (root / "a").write_text("x")


async def test_a_removed_snapshot_is_gone_mounted_or_not(disk: Disk, base: str, reopen: Callable[[], Disk]) -> None:
    for key in ("one", "two"):
        await disk.snapshots.prepare(key, base)
    await disk.snapshots.mount("one")
    for key in ("one", "two", "never"):
        await disk.snapshots.remove(key)
    assert list(disk.snapshots.keys()) == list(reopen().snapshots.keys()) == []
    assert [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(disk.root) in line] == []


async def test_a_snapshot_of_nothing_and_one_of_what_is_not_here(disk: Disk) -> None:
    await disk.snapshots.prepare("empty", "")
    assert os.listdir(await disk.snapshots.mount("empty")) == []
    with pytest.raises(NotFound):
        await disk.snapshots.prepare("one", "sha256:" + "0" * 64)
    assert list(disk.snapshots.keys()) == ["empty"]


async def test_a_commit_makes_a_layer_with_the_changes_and_nothing_else(disk: Disk, base: str) -> None:
    await disk.snapshots.prepare("one", base)
    root = await disk.snapshots.mount("one")
    (root / "d/b").unlink()
    (root / "new").write_text("n")
    blob = await disk.snapshots.diff("one")
    assert list(disk.snapshots.keys()) == ["one"]
    chain, committed = await disk.snapshots.commit("one")
    assert committed.diff_id == blob.diff_id and list(disk.snapshots.keys()) == []
    assert disk.blobs.size(committed.digest) == committed.size_bytes
    await disk.snapshots.prepare("next", chain)
    assert sorted(os.listdir(await disk.snapshots.mount("next"))) == ["a", "d", "new"]
    assert os.listdir(disk.root / await disk.snapshots.mount("next") / "d") == []
    # The blob is the layer: unpacked on the same parent somewhere else, it gives the same files.
    unpacked = await disk.snapshots.unpack(disk.blobs.path(committed.digest), expected_diff_id=committed.diff_id)
    assert sorted(p.name for p in unpacked.directory.iterdir()) == ["d", "new"]
    await disk.snapshots.discard(unpacked)
    await disk.snapshots.discard(unpacked)


async def test_half_of_what_is_removed_meanwhile_is_no_layer(disk: Disk, base: str) -> None:
    for number in range(3):
        await disk.snapshots.prepare("one", base)
        folder = await disk.snapshots.mount("one")
        for name in range(20):
            (folder / f"file{name}").touch()
            os.truncate(folder / f"file{name}", 10 << 20)
        packing = asyncio.create_task(disk.snapshots.diff("one"))
        await asyncio.sleep(0.01 * number)
        assert not packing.done()
        await disk.snapshots.remove("one")
        with pytest.raises(NotFound):
            await packing


async def test_layers_are_published_once_and_removed(disk: Disk, base: str) -> None:
    digest = await disk.blobs.add(tar_of(entry("a", b"1"), entry("d/b", b"2")))
    again = await disk.snapshots.unpack(disk.blobs.path(digest))
    await disk.snapshots.publish(again, base, "")  # somebody was quicker
    assert list(disk.snapshots.layers()) == [base]
    await disk.snapshots.remove_layer(base)
    await disk.snapshots.remove_layer(base)
    assert not disk.snapshots.has_layer(base)
    disk.close()
    assert disk.leftovers() == []
