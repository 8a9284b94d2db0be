"""Files in memory on the real kernel: what they are, how they change, and how they are lost."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.drivers import mount as mounts
from shoal.drivers.memory_files import MemoryFolder
from shoal.model.mount import MemoryFile
from tests.support.runtime import enter_private_mount_namespace

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and owners need root")

TOKEN = MemoryFile(target="/run/secrets/token", uid=7, gid=8, mode=0o400)
OTHER = MemoryFile(target="/etc/other")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    enter_private_mount_namespace()
    yield tmp_path / "memory"
    mounts.unmount(str(tmp_path / "memory"))


def kind_of(folder: Path) -> tuple[str, str]:
    """(type, options) of the file system that is mounted there."""
    lines = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return next((fields[2], fields[3]) for fields in lines if fields[1] == str(folder))


def found(files: MemoryFolder, owner: str, file: MemoryFile) -> Path:
    path = files.path(owner, file.target)
    assert path is not None
    return path


async def test_a_file_has_content_owner_and_mode_and_is_never_swapped(folder: Path) -> None:
    files = MemoryFolder(folder)
    assert files.open() == [] and not folder.exists()
    await files.put("c1", {TOKEN: b"hush", OTHER: b""})
    path = found(files, "c1", TOKEN)
    info = path.stat()
    assert (path.read_bytes(), info.st_uid, info.st_gid, info.st_mode & 0o7777) == (b"hush", 7, 8, 0o400)
    assert found(files, "c1", OTHER).read_bytes() == b""
    assert folder.stat().st_mode & 0o7777 == (folder / "c1").stat().st_mode & 0o7777 == 0o700
    kind, options = kind_of(folder)
    assert kind == "ramfs" or (kind == "tmpfs" and "noswap" in options.split(","))


async def test_an_older_kernel_gets_a_file_system_that_is_never_swapped_either(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = mounts.mount

    def older(source: str, target: str, kind: str, flags: int, data: str) -> None:
        real(source, target, kind, flags, data.replace("noswap", "no_such_option"))

    monkeypatch.setattr(mounts, "mount", older)
    files = MemoryFolder(folder)
    await files.put("c1", {TOKEN: b"hush"})
    assert kind_of(folder)[0] == "ramfs" and folder.stat().st_mode & 0o7777 == 0o700
    assert found(files, "c1", TOKEN).read_bytes() == b"hush"


async def test_a_new_set_replaces_the_old_one_and_leaves_open_files_alone(folder: Path) -> None:
    files = MemoryFolder(folder)
    await files.put("c1", {TOKEN: b"one", OTHER: b"x"})
    with found(files, "c1", TOKEN).open("rb") as running:
        await files.put("c1", {TOKEN: b"two"})
        assert running.read() == b"one"
    assert found(files, "c1", TOKEN).read_bytes() == b"two"
    assert files.path("c1", OTHER.target) is None
    assert len(os.listdir(folder / "c1")) == 1


async def test_the_next_engine_finds_what_was_put_and_a_reboot_loses_it(folder: Path) -> None:
    files = MemoryFolder(folder)
    await asyncio.gather(*(files.put(f"c{n}", {TOKEN: b"hush"}) for n in range(2)))  # who comes first mounts
    later = MemoryFolder(folder)
    assert sorted(later.open()) == ["c0", "c1"]
    await later.remove("c0")
    await later.remove("c0")
    assert later.open() == ["c1"] and later.path("c0", TOKEN.target) is None
    while mounts.unmount(str(folder)):
        continue
    assert later.open() == [] and later.path("c1", TOKEN.target) is None


async def test_what_lies_on_a_disk_is_never_taken_for_a_file_in_memory(folder: Path) -> None:
    files = MemoryFolder(folder)
    await files.put("c1", {TOKEN: b"hush"})
    name = found(files, "c1", TOKEN).name
    mounts.unmount(str(folder))
    (folder / "c1").mkdir()
    (folder / "c1" / name).write_text("planted")
    assert files.open() == [] and files.path("c1", TOKEN.target) is None
