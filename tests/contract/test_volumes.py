"""The local volume driver on the real file system."""

import asyncio
import contextlib
import os
import shutil
import threading
from pathlib import Path

import pytest

from shoal.drivers.files.tree import copy_tree, tree_bytes
from shoal.drivers.local_volumes import LocalVolumes, split_mount_options
from shoal.drivers.mount import MS_NOSUID, MS_RDONLY
from shoal.errors import InvalidArgument

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="owners, devices and mounts need root")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "image"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "file").write_text("hello")
    os.link(source / "sub" / "file", source / "hard")
    (source / "link").symlink_to("/etc/passwd")
    (source / "sub").chmod(0o2750)
    return source


@needs_root
async def test_a_copy_keeps_owners_modes_links_and_attributes(tmp_path: Path, source: Path) -> None:
    os.chown(source / "sub" / "file", 12, 34)
    os.chown(source, 5, 6)
    os.setxattr(source / "sub" / "file", "user.colour", b"red")
    os.mkfifo(source / "pipe", 0o600)
    os.mknod(source / "null", 0o20666, os.makedev(1, 3))
    target = tmp_path / "copy"
    target.mkdir()
    copy_tree(source, target)
    info = os.lstat(target / "sub" / "file")
    assert (info.st_uid, info.st_gid, info.st_nlink) == (12, 34, 2)
    assert os.path.samefile(target / "hard", target / "sub" / "file")
    assert os.readlink(target / "link") == "/etc/passwd"
    assert os.getxattr(target / "sub" / "file", "user.colour") == b"red"
    assert os.lstat(target / "sub").st_mode & 0o7777 == 0o2750
    assert os.lstat(target / "null").st_rdev == os.makedev(1, 3)
    assert (os.lstat(target).st_uid, os.lstat(target).st_mtime_ns) == (5, os.lstat(source).st_mtime_ns)


@needs_root
async def test_a_copy_is_not_led_away_by_who_works_in_it(tmp_path: Path, source: Path) -> None:
    """A container that has the volume already puts links where the copy makes folders."""
    host = tmp_path / "host"
    host.mkdir()
    target = tmp_path / "volume"
    for number in range(40):
        (source / f"d{number}").mkdir()
        for name in range(20):
            (source / f"d{number}" / f"f{name}").write_text("x")
    stop = threading.Event()

    def disturb() -> None:
        while not stop.is_set():
            for number in range(40):
                with contextlib.suppress(OSError):
                    os.rename(target / f"d{number}", target / f"gone{number}")
                    (target / f"d{number}").symlink_to(host)

    disturber = threading.Thread(target=disturb)
    target.mkdir()
    disturber.start()
    try:
        for _ in range(20):
            with contextlib.suppress(OSError):
                copy_tree(source, target)
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(exist_ok=True)
    finally:
        stop.set()
        disturber.join()
    assert os.listdir(host) == []


async def test_an_empty_volume_is_filled_once_and_a_used_one_never(tmp_path: Path, source: Path) -> None:
    driver = LocalVolumes(tmp_path / "volumes")
    await driver.create("v", {})
    assert await driver.fill("v", source)
    (driver.path("v") / "hard").unlink()
    assert not await driver.fill("v", source)
    assert not (driver.path("v") / "hard").exists()


async def test_a_copy_that_a_crash_cut_off_is_made_again(tmp_path: Path, source: Path) -> None:
    driver = LocalVolumes(tmp_path / "volumes")
    await driver.create("v", {})
    (driver.path("v").parent / "filling").touch()
    (driver.path("v") / "half").write_text("cut o")
    assert await driver.fill("v", source)
    assert not (driver.path("v") / "half").exists()
    assert (driver.path("v") / "sub" / "file").read_text() == "hello"
    assert not (driver.path("v").parent / "filling").exists()


@needs_root
async def test_options_are_mounted_and_unmounted(tmp_path: Path) -> None:
    driver = LocalVolumes(tmp_path / "volumes")
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,mode=700"}
    await driver.create("t", options)
    path = await driver.mount("t", options)
    try:
        await driver.mount("t", options)  # again: no second mount
        assert os.statvfs(path).f_blocks * os.statvfs(path).f_frsize == 1 << 20
        (path / "x").write_text("gone after")
    finally:
        await driver.unmount("t")
    assert not (path / "x").exists()
    await driver.remove("t")
    assert not path.exists()


@needs_root
async def test_a_read_only_bind(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    driver = LocalVolumes(tmp_path / "volumes")
    options = {"type": "none", "device": str(tmp_path / "data"), "o": "bind,ro"}
    await driver.create("b", options)
    path = await driver.mount("b", options)
    try:
        with pytest.raises(OSError, match="Read-only"):
            (path / "x").write_text("no")
    finally:
        await driver.unmount("b")


@pytest.mark.parametrize(
    "options", [{"colour": "red"}, {"type": "nfs"}, {"device": "/x"}, {"o": "size=1m"}, {"size": "1m"}]
)
async def test_options_that_make_no_sense(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument, match="create volume: "):
        await LocalVolumes(tmp_path).create("x", options)


def test_mount_options() -> None:
    assert split_mount_options("ro,nosuid,addr=10.0.0.1,vers=4") == (MS_RDONLY | MS_NOSUID, "addr=10.0.0.1,vers=4")
    assert split_mount_options("") == (0, "")


async def test_usage_counts_hard_links_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    os.link(tmp_path / "a", tmp_path / "b")
    assert await asyncio.to_thread(tree_bytes, tmp_path) == os.stat(tmp_path / "a").st_blocks * 512
