"""Layers become directories: what a tar can hold, and what it can't do."""

import gzip
import io
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import zstandard
from isal import igzip

from shoal.errors import DriverError, InvalidArgument
from tests.support.disk import Disk
from tests.support.images import MTIME, entry, tar_of

DIR, SYM, LNK = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


def run(argv: list[object], **how: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(argv, **{"check": True, **how})  # type: ignore[call-overload]


async def test_every_kind_of_entry(disk: Disk) -> None:
    long_name = "d/" + "n" * 200
    deep = "/".join(["deep" * 10] * 8)
    root = await disk.unpack(
        tar_of(
            entry("d", type=DIR, mode=0o1777, uid=7, gid=8),
            entry("d/f", b"hello", mode=0o4755, uid=1000, gid=1001),
            entry("d/hard", type=LNK, linkname="d/f"),
            entry("d/soft", type=SYM, linkname="../outside/of/nothing"),
            entry("abs", type=SYM, linkname="/etc/passwd"),
            entry("fifo", type=tarfile.FIFOTYPE, mode=0o600),
            entry("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
            entry("disk", type=tarfile.BLKTYPE, devmajor=8, devminor=1, mode=0o660, gid=6),
            entry(long_name, b"long"),
            entry(f"{deep}/file", b"deep"),
            entry("ünï", b"utf-8"),
            entry(
                "cap", b"x", pax_headers={"SCHILY.xattr.user.note": "kept", "SCHILY.xattr.trusted.overlay.opaque": "y"}
            ),
            entry("big-uid", b"", uid=3_000_000),
            entry("./dotted//name", b"clean"),
            entry("/absolute", b"stays inside"),
        )
    )
    file = os.stat(root / "d/f")
    assert (root / "d/f").read_bytes() == b"hello"
    assert (stat.S_IMODE(file.st_mode), file.st_uid, file.st_gid, file.st_nlink) == (0o4755, 1000, 1001, 2)
    assert file.st_mtime == MTIME
    folder = os.stat(root / "d")
    assert (stat.S_IMODE(folder.st_mode), folder.st_uid, folder.st_gid, folder.st_mtime) == (0o1777, 7, 8, MTIME)
    assert os.path.samefile(root / "d/hard", root / "d/f")
    assert os.readlink(root / "d/soft") == "../outside/of/nothing"
    assert os.readlink(root / "abs") == "/etc/passwd"
    assert stat.S_ISFIFO(os.stat(root / "fifo").st_mode)
    assert os.stat(root / "null").st_rdev == os.makedev(1, 3)
    assert stat.S_ISBLK(os.stat(root / "disk").st_mode)
    assert (root / long_name).read_bytes() == b"long"
    assert (root / deep / "file").read_bytes() == b"deep"
    assert (root / "ünï").read_bytes() == b"utf-8"
    assert os.listxattr(root / "cap") == ["user.note"]
    assert os.stat(root / "big-uid").st_uid == 3_000_000
    assert (root / "dotted/name").exists()
    assert (root / "absolute").read_bytes() == b"stays inside" and not Path("/absolute").exists()


async def test_names_that_are_not_utf8(disk: Disk) -> None:
    root = await disk.unpack(tar_of(entry("caf\udce9", b"latin"), format=tarfile.GNU_FORMAT))
    assert os.listdir(os.fsencode(root)) == [b"caf\xe9"]


@pytest.mark.parametrize("flags", [["--format=gnu"], ["--format=posix"], ["--format=posix", "--sparse-version=0.1"]])
async def test_sparse_files_of_gnu_tar(disk: Disk, tmp_path: Path, flags: list[str]) -> None:
    file = tmp_path / "sparse"
    with file.open("wb") as out:
        for at in range(0, 40 << 20, 4 << 20):  # more parts than the header has room for
            out.seek(at)
            out.write(b"data" * 1024)
        out.truncate(41 << 20)
    made = run(["tar", "-C", tmp_path, "--sparse", *flags, "-cf", "-", "sparse"], check=True, capture_output=True)
    assert len(made.stdout) < 1 << 20
    root = await disk.unpack(made.stdout)
    assert (root / "sparse").read_bytes() == file.read_bytes()
    assert os.stat(root / "sparse").st_blocks * 512 < 2 << 20


async def test_gnu_long_names_and_sub_second_times(disk: Disk, tmp_path: Path) -> None:
    name = "x" * 180
    (tmp_path / name).write_text("1")
    os.utime(tmp_path / name, ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))
    os.symlink("y" * 150, tmp_path / "link")
    for flags in (["--format=gnu"], ["--format=posix"]):
        argv = ["tar", "-C", tmp_path, *flags, "-cf", "-", name, "link"]
        root = await disk.unpack(run(argv, check=True, capture_output=True).stdout)
        assert (root / name).read_text() == "1"
        assert os.readlink(root / "link") == "y" * 150
    assert os.stat(root / name).st_mtime_ns == 1_700_000_000_123_456_789


@pytest.mark.parametrize(
    "compress",
    [
        gzip.compress,
        lambda data: gzip.compress(data[:1000]) + gzip.compress(data[1000:]),  # several members, as pigz writes
        zstandard.ZstdCompressor().compress,
    ],
)
async def test_compressed_layers(disk: Disk, compress: object) -> None:
    data = tar_of(entry("f", os.urandom(50_000)), entry("g", b"2"))
    digest = await disk.blobs.add(compress(data))  # type: ignore[operator]
    plain = await disk.blobs.add(data)
    unpacked = await disk.snapshots.unpack(disk.blobs.path(digest))
    assert unpacked.diff_id == plain
    assert unpacked.unpacked_bytes == 50_001
    assert (unpacked.directory / "g").read_bytes() == b"2"


async def test_whiteouts_hide_what_is_below(disk: Disk) -> None:
    base = await disk.layer(
        tar_of(
            entry("a", type=DIR),
            entry("a/old", b"1"),
            entry("a/keep", b"1"),
            entry("b", type=DIR, mode=0o700, uid=5),
            entry("b/one", b"1"),
            entry("c", type=DIR),
            entry("c/x", b"1"),
            entry("file", b"1"),
        )
    )
    top = await disk.layer(
        tar_of(
            entry("a/.wh.old"),
            entry("b/new", b"2"),
            entry("b/.wh..wh..opq"),
            entry(".wh.c"),
            entry("c", type=DIR),  # made anew: nothing of the old one may shine through
            entry("c/y", b"2"),
            entry(".wh.file"),
            entry("file", b"2"),
            entry(".wh..wh.plnk/123", b"aufs"),
        ),
        base,
    )
    await disk.snapshots.prepare("k", top)
    root = await disk.snapshots.mount("k")
    assert sorted(os.listdir(root)) == ["a", "b", "c", "file"]
    assert os.listdir(root / "a") == ["keep"]
    assert os.listdir(root / "b") == ["new"]
    assert os.listdir(root / "c") == ["y"]
    assert (root / "file").read_bytes() == b"2"
    # "b" was not in the upper tar as a folder: it keeps what the layer below says of it
    assert (stat.S_IMODE(os.stat(root / "b").st_mode), os.stat(root / "b").st_uid) == (0o700, 5)


async def test_the_last_entry_of_a_name_counts(disk: Disk) -> None:
    root = await disk.unpack(
        tar_of(
            entry("x", b"first"),
            entry("x", b"second"),
            entry("d", type=DIR, mode=0o700),
            entry("d/f", b"1"),
            entry("d", b"now a file"),
            entry("l", type=SYM, linkname="x"),
            entry("l", b"a file as well"),
            entry("e", b"file"),
            entry("e", type=DIR),
            entry("e/f", b"1"),
        )
    )
    assert (root / "x").read_bytes() == b"second"
    assert (root / "d").read_bytes() == b"now a file"
    assert (root / "l").read_bytes() == b"a file as well" and (root / "x").read_bytes() == b"second"
    assert (root / "e/f").read_bytes() == b"1"


async def test_links_that_stay_inside_are_followed(disk: Disk) -> None:
    root = await disk.unpack(
        tar_of(
            entry("usr", type=DIR),
            entry("usr/lib", type=DIR),
            entry("lib", type=SYM, linkname="usr/lib"),
            entry("lib/a", b"1"),
            entry("usr/up", type=SYM, linkname="../usr/lib"),
            entry("usr/up/b", b"2"),
            entry("hard", type=LNK, linkname="lib/a"),
        )
    )
    assert sorted(os.listdir(root / "usr/lib")) == ["a", "b"]
    assert (root / "lib").is_symlink() and (root / "hard").read_bytes() == b"1"


HOST = "/tmp/shoal-test-escape"

MALICIOUS = {
    "parent": ([entry("../../escape", b"!")], "leads out of its folder"),
    "parent in the middle": ([entry("a/../../escape", b"!")], "leads out of its folder"),
    "link to the host": ([entry("a", type=SYM, linkname=HOST), entry("a/escape", b"!")], "leads out of its folder"),
    "relative link": (
        [entry("a", type=SYM, linkname="../../../../../.." + HOST), entry("a/escape", b"!")],
        "leads out of its folder",
    ),
    "link to a link": (
        [
            entry("a", type=SYM, linkname="b"),
            entry("b", type=SYM, linkname=".."),
            entry("a/escape", b"!"),
        ],
        "leads out of its folder",
    ),
    "link replaced by itself": (
        [entry("a", type=SYM, linkname="a"), entry("a/escape", b"!")],
        "too many levels of symbolic links",
    ),
    "hard link to the host": (
        [entry("a", type=LNK, linkname="../../../../../../etc/passwd")],
        "leads out of its folder",
    ),
    "hard link through a link": (
        [entry("d", type=SYM, linkname="/etc"), entry("a", type=LNK, linkname="d/passwd")],
        "leads out of its folder",
    ),
    "hard link to nothing": ([entry("a", type=LNK, linkname="/etc/passwd")], "not in the archive"),
    "whiteout outside": ([entry("../.wh.etc")], "leads out of its folder"),
    "whiteout of the parent": ([entry("a/.wh...")], "whiteout of nothing"),
    "opaque through a link": (
        [entry("d", type=SYM, linkname=HOST), entry("d/.wh..wh..opq")],
        "leads out of its folder",
    ),
    "folder below a file": ([entry("f", b"1"), entry("f/x", b"2")], "not a directory"),
    "name too long": ([entry("n" * 300, b"")], "File name too long"),
    "too deep": ([entry("a/" * 1500 + "f", b"")], "folders deep"),
}


@pytest.mark.parametrize("case", MALICIOUS)
async def test_archives_that_want_out_are_refused_and_leave_nothing(disk: Disk, case: str) -> None:
    entries, message = MALICIOUS[case]
    host = Path(HOST)
    host.mkdir(exist_ok=True)
    try:
        with pytest.raises(InvalidArgument, match=message):
            await disk.unpack(tar_of(entry("before", b"1"), *entries))
        assert not list(host.iterdir())
        assert os.listxattr(host) == []
    finally:
        for path in host.iterdir():
            path.unlink()
        host.rmdir()
    assert disk.leftovers() == []


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (truncated(tar_of(entry("f", os.urandom(100_000)))), "cut off"),
        (tar_of(entry("f", b"1"))[:600], "cut off"),
        (truncated(gzip.compress(tar_of(entry("f", os.urandom(100_000))))), "broken gzip data"),
        (
            truncated(zstandard.ZstdCompressor().compress(tar_of(entry("f", os.urandom(100_000))))),
            "cut off|broken zstd",
        ),
        (gzip.compress(tar_of(entry("f", os.urandom(1000))))[:-8] + bytes(8), "broken gzip data"),
        (os.urandom(10_000), "checksum|octal"),
        (b"#!/bin/sh\n" * 200, "checksum|octal"),
    ],
    ids=["tar", "header", "gzip", "zstd", "crc", "noise", "text"],
)
async def test_broken_archives(disk: Disk, data: bytes, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        await disk.unpack(data)
    assert disk.leftovers() == []


async def test_ten_gigabytes_of_zeros_are_refused_early(disk: Disk) -> None:
    head = tarfile.TarInfo("zeros")
    head.size = 10 << 30
    bomb = io.BytesIO()
    with igzip.IGzipFile(fileobj=bomb, mode="wb", compresslevel=1) as out:
        out.write(head.tobuf())
        zeros = bytes(64 << 20)
        for _ in range(18):  # the rest of the ten would be refused the same way
            out.write(zeros)
    assert len(bomb.getvalue()) < 6 << 20
    with pytest.raises(InvalidArgument, match="expand to more than"):
        await disk.unpack(bomb.getvalue())
    assert disk.leftovers() == []


async def test_a_full_disk_is_told_and_nothing_stays(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], check=True)
    try:
        disk = Disk(small)
        with pytest.raises(DriverError, match="no space left on device"):
            await disk.unpack(gzip.compress(tar_of(entry("f", bytes(16 << 20)))))
        assert disk.leftovers() == []
        with pytest.raises(DriverError, match="no space left on device"):
            await disk.blobs.add(bytes(16 << 20))
        assert disk.leftovers() == []
        disk.close()
    finally:
        run(["umount", small], check=True)


CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.support.disk import Disk
async def main():
    disk = Disk(Path(sys.argv[1]))
    await disk.snapshots.unpack(Path(sys.argv[2]), advance=lambda at: os.kill(os.getpid(), signal.SIGKILL))
asyncio.run(main())
"""


async def test_a_kill_in_the_middle_of_unpacking_leaves_nothing_after_the_next_start(tmp_path: Path) -> None:
    archive = tmp_path / "big.tar"
    archive.write_bytes(tar_of(*(entry(f"d/{i}", os.urandom(200_000)) for i in range(60))))
    root = tmp_path / "root"
    killed = run([sys.executable, "-c", CHILD, root, archive], check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    assert [path.name[:4] for path in (root / "layers").iterdir()] == ["new-"]
    disk = Disk(root)
    assert disk.leftovers() == []
    assert (await disk.unpack(archive.read_bytes())).joinpath("d/59").exists()
    disk.close()


async def test_the_diff_id_of_a_compressed_layer_is_not_its_digest(disk: Disk) -> None:
    data = tar_of(entry("f", b"x"))
    plain = await disk.blobs.add(data)
    packed = await disk.blobs.add(gzip.compress(data))
    assert (await disk.snapshots.unpack(disk.blobs.path(plain), expected_diff_id=plain)).diff_id == plain
    assert (await disk.snapshots.unpack(disk.blobs.path(packed), expected_diff_id=plain)).diff_id == plain
    for blob, wrong in ((packed, packed), (plain, packed)):
        with pytest.raises(DriverError, match="layer verification failed"):
            await disk.snapshots.unpack(disk.blobs.path(blob), expected_diff_id=wrong)
