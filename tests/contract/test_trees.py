"""Files of containers read and written from outside: what a container's links must never lead to."""

import asyncio
import contextlib
import io
import os
import stat
import sys
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shoal.contracts.trees import ShownMount
from shoal.drivers.trees.views import BindTrees
from shoal.errors import Forbidden, InvalidArgument, NotFound, ShoalError
from tests.support.runtime import enter_private_mount_namespace


@pytest.fixture
def trees(tmp_path: Path) -> BindTrees:
    enter_private_mount_namespace()
    return BindTrees(tmp_path / "views")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A container's root whose links point at the host as hard as they can."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").write_text("inside")
    (root / "absolute").symlink_to("/etc")
    (root / "climbing").symlink_to("../../../../../../../../etc")
    (root / "file-link").symlink_to("/etc/passwd")
    (root / "chain").symlink_to("file-link")
    (root / "loop").symlink_to("loop")
    yield root


async def archive(chunks: AsyncIterator[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(b"".join([chunk async for chunk in chunks])))


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def tar(*members: tuple[str, str, bytes | str]) -> bytes:
    """(name, kind, data or target) of each member"""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        for name, kind, data in members:
            info = tarfile.TarInfo(name)
            info.uid = info.gid = 7
            info.type = {
                "file": tarfile.REGTYPE,
                "dir": tarfile.DIRTYPE,
                "link": tarfile.SYMTYPE,
                "hard": tarfile.LNKTYPE,
            }[kind]
            info.mode = 0o755 if kind == "dir" else 0o644
            if isinstance(data, str):
                info.linkname = data
                file.addfile(info)
            else:
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
    return out.getvalue()


async def test_links_are_followed_inside(trees: BindTrees, root: Path):
    async with trees.view(root) as view:
        for path in ("/absolute/passwd", "/climbing/passwd", "/etc/../../../../etc/passwd"):
            assert (await trees.stat(view, path)).size_bytes == len("inside")
            file = (await archive(trees.read(view, path))).extractfile("passwd")
            assert file and file.read() == b"inside"


async def test_stat_of_a_link_tells_where_it_leads(trees: BindTrees, root: Path):
    async with trees.view(root) as view:
        found = await trees.stat(view, "/chain")
        assert stat.S_ISLNK(found.mode) and found.link_target == "/etc/passwd" and found.name == "chain"
        assert stat.S_ISDIR((await trees.stat(view, "/absolute/")).mode)
        assert (await trees.stat(view, "/")).name == "/"
        with pytest.raises(NotFound):
            await trees.stat(view, "/nothing")
        with pytest.raises(ShoalError):
            await trees.stat(view, "/loop/")


async def test_archive_of_a_directory(trees: BindTrees, root: Path):
    (root / "d/sub").mkdir(parents=True)
    (root / "d/a").write_bytes(b"x" * 300_000)
    os.link(root / "d/a", root / "d/b")
    (root / "d/sub/l").symlink_to("/nowhere")
    os.chown(root / "d/sub", 5, 6)
    os.setxattr(root / "d/a", "user.k", b"v")
    async with trees.view(root) as view:
        file = await archive(trees.read(view, "/d"))
        assert file.getnames() == ["d", "d/a", "d/b", "d/sub", "d/sub/l"]
        assert file.getmember("d/b").linkname == "d/a" and file.getmember("d/sub/l").linkname == "/nowhere"
        assert (file.getmember("d/sub").uid, file.getmember("d/sub").gid) == (5, 6)
        assert file.getmember("d/a").pax_headers == {"SCHILY.xattr.user.k": "v"}
        assert (await archive(trees.read(view, "/d/"))).getnames()[0] == "d"
        assert "etc/passwd" in (await archive(trees.read(view, "/", bare=True))).getnames()


async def test_archive_is_unpacked_with_owner_and_links(trees: BindTrees, root: Path):
    data = tar(
        ("new", "dir", b""), ("new/f", "file", b"hi"), ("new/l", "link", "/etc/passwd"), ("new/h", "hard", "new/f")
    )
    async with trees.view(root) as view:
        await trees.write(view, "/absolute/", once(data))
        await trees.write(view, "/", once(data), owner=(1000, 1001))
    assert (root / "etc/new/f").read_text() == "hi" and os.readlink(root / "etc/new/l") == "/etc/passwd"
    assert (root / "etc/new/f").stat().st_uid == 7 and (root / "etc/new/h").stat().st_nlink == 2
    assert ((root / "new/f").stat().st_uid, (root / "new/f").stat().st_gid) == (1000, 1001)


@pytest.mark.parametrize(
    "members",
    [
        [("../out", "file", b"x")],
        [("a/../../out", "file", b"x")],
        [("climbing/out", "file", b"x")],
        [("absolute/out", "file", b"x")],
        [("evil", "link", "../../.."), ("evil/out", "file", b"x")],
        [("evil", "link", "/"), ("evil/out", "file", b"x")],
        [("h", "hard", "../../secret")],
    ],
)
async def test_nothing_is_written_or_linked_outside(trees: BindTrees, root: Path, tmp_path: Path, members: list):
    secret = tmp_path / "secret"
    secret.write_text("host")
    before = set(os.listdir(tmp_path)) | {"views"}
    host_etc = set(os.listdir("/etc"))
    async with trees.view(root) as view:
        with contextlib.suppress(InvalidArgument):
            await trees.write(view, "/", once(tar(*members)))
    assert set(os.listdir(tmp_path)) <= before and not Path("/out").exists()
    assert set(os.listdir("/etc")) == host_etc and secret.stat().st_nlink == 1


async def test_kinds_are_kept_where_asked_for(trees: BindTrees, root: Path):
    async with trees.view(root) as view:
        with pytest.raises(InvalidArgument, match="cannot overwrite directory"):
            await trees.write(view, "/", once(tar(("etc", "file", b"x"))), keep_kinds=True)
        with pytest.raises(InvalidArgument, match="cannot overwrite non-directory"):
            await trees.write(view, "/etc", once(tar(("passwd", "dir", b""))), keep_kinds=True)
        with pytest.raises(InvalidArgument, match="extraction point is not a directory"):
            await trees.write(view, "/etc/passwd", once(tar(("a", "file", b"x"))))
        with pytest.raises(NotFound):
            await trees.write(view, "/nothing", once(tar(("a", "file", b"x"))))
    assert (root / "etc/passwd").read_text() == "inside"


@pytest.mark.parametrize("data", [b"no tar at all" * 100, tar(("a", "file", b"x" * 5000))[:2000]])
async def test_broken_archives_are_refused(trees: BindTrees, root: Path, data: bytes):
    async with trees.view(root) as view:
        with pytest.raises(InvalidArgument):
            await trees.write(view, "/", once(data))


async def test_a_client_that_breaks_off(trees: BindTrees, root: Path):
    async def broken() -> AsyncIterator[bytes]:
        yield tar(("a", "file", b"x" * 100_000))[:50_000]
        raise ConnectionResetError

    async with trees.view(root) as view:
        with pytest.raises(ConnectionResetError):
            await trees.write(view, "/", broken())


async def test_mounts_are_shown_and_gone_afterwards(trees: BindTrees, root: Path, tmp_path: Path):
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "v").write_text("in the volume")
    (root / "data").mkdir()
    mounts = [
        ShownMount(source=volume, destination="/data"),
        ShownMount(source=volume, destination="/absolute", read_only=True),
    ]
    async with trees.view(root, mounts) as view:
        assert (await trees.stat(view, "/data/v")).size_bytes == len("in the volume")
        await trees.write(view, "/data", once(tar(("new", "file", b"x"))))
        with pytest.raises((Forbidden, ShoalError)):
            await trees.write(view, "/etc", once(tar(("new", "file", b"x"))))
    assert (volume / "new").read_text() == "x" and not (root / "data/new").exists()
    assert list((tmp_path / "views").iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


async def test_a_place_that_no_start_has_made_yet_is_made(trees: BindTrees, root: Path, tmp_path: Path):
    volume, file = tmp_path / "volume", tmp_path / "file"
    volume.mkdir()
    file.write_text("a file")
    mounts = [
        ShownMount(source=volume, destination="/srv/deep/data"),
        ShownMount(source=file, destination="/absolute/f"),
    ]
    async with trees.view(root, mounts) as view:
        await trees.write(view, "/srv/deep/data", once(tar(("new", "file", b"x"))))
        assert (await trees.stat(view, "/etc/f")).size_bytes == len("a file")
    assert (volume / "new").exists() and (root / "srv/deep/data").is_dir()
    assert not (root / "srv/deep/data/new").exists() and (root / "etc/f").read_text() == ""


async def test_a_pin_stays_what_it_was(trees: BindTrees, root: Path, tmp_path: Path):
    (root / "kept").mkdir()
    (root / "kept/file").write_text("kept")
    (root / "here").symlink_to("/kept")
    (root / "out").symlink_to(tmp_path / "views")
    async with trees.pin(root, "here") as folder, trees.pin(root, "here/file") as file:
        (root / "here").unlink()
        (root / "kept").rename(root / "old")
        (root / "kept").symlink_to("/etc")
        assert [entry.name for entry in folder.iterdir()] == ["file"] and file.read_text() == "kept"
        with pytest.raises(NotFound):
            async with trees.pin(root, "out"):
                pass
    assert list((tmp_path / "views").iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


async def test_what_a_killed_engine_left_is_taken_away(trees: BindTrees, root: Path, tmp_path: Path):
    view = trees.view(root)
    await view.__aenter__()
    assert str(tmp_path) in Path("/proc/self/mountinfo").read_text()
    await BindTrees(tmp_path / "views").clean()
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    await view.__aexit__(None, None, None)


SWAP = """
import os, sys
os.chdir(sys.argv[1])
while True:
    for kind in ("regular", "fifo"):
        os.link(kind, "new")
        os.rename("new", "file")
"""


async def test_a_fifo_put_in_a_files_place_holds_nobody_up(trees: BindTrees, root: Path) -> None:
    """What was a file when it was looked at may be a fifo, which nobody writes to, when it is opened."""
    (root / "regular").write_text("x")
    os.mkfifo(root / "fifo")
    swapping = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", SWAP, str(root))
    try:
        async with trees.view(root) as view, asyncio.timeout(30):
            for _ in range(1000):
                with contextlib.suppress(NotFound):
                    async for _ in trees.read(view, "/file"):
                        pass
    finally:
        swapping.kill()
        await swapping.wait()
