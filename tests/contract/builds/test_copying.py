"""COPY and ADD on real files: Docker's rules for sources, destinations, owners and modes."""

import gzip
import os
import tarfile
from pathlib import Path

import pytest

from shoal.contracts.build import Transfer
from shoal.drivers.builds import rooted
from shoal.drivers.builds.copying import transfer
from shoal.errors import InvalidArgument
from tests.support.images import entry, tar_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: files get owners")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    (root / "dir/sub").mkdir(parents=True)
    (root / "dir/one.txt").write_text("one")
    (root / "dir/sub/two.md").write_text("two")
    (root / "dir/link").symlink_to("one.txt")
    (root / "file").write_text("file")
    (root / "file").chmod(0o640)
    (root / "other").write_text("other")
    (root / "to-dir").symlink_to("dir")
    (root / "out").symlink_to("/../../../../../../etc/hostname")
    os.utime(root / "file", (1000, 1000))
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "usr/lib").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "abs").symlink_to("/usr/lib")
    (root / "existing").write_text("old")
    (root / "escape").symlink_to("../../../../../../../../tmp")
    return root


def copy(root: Path, source: Path, *sources: str, to: str, **options) -> None:
    wanted = {"verb": "COPY", "owner": (0, 0), **options}
    transfer(root, Transfer(sources=sources, source_root=source, destination=to, **wanted))


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("sources", "to", "wanted"),
    [
        (["file"], "/new", ["new"]),
        (["file"], "/new/", ["new", "new/file"]),
        (["file"], "/a/b/c", ["a", "a/b", "a/b/c"]),
        (["dir"], "/d", ["d", "d/link", "d/one.txt", "d/sub", "d/sub/two.md"]),
        (["to-dir"], "/d/", ["d", "d/link", "d/one.txt", "d/sub", "d/sub/two.md"]),
        (["file", "other"], "/x/", ["x", "x/file", "x/other"]),
        (["fi*", "o*r"], "/x/", ["x", "x/file", "x/other"]),
        (["dir/*.txt"], "/x", ["x"]),
        (["dir/../file"], "/x", ["x"]),
        (["/dir/./sub"], "/x", ["x", "x/two.md"]),
    ],
)
def test_where_things_go(tmp_path: Path, source: Path, sources: list[str], to: str, wanted: list[str]):
    target = tmp_path / "empty"
    target.mkdir()
    copy(target, source, *sources, to=to)
    assert tree(target) == wanted


def test_a_destination_that_is_a_directory_takes_the_file(root: Path, source: Path):
    copy(root, source, "file", to="/usr/lib")
    copy(root, source, "other", to="/lib")
    copy(root, source, "dir/one.txt", to="/abs/x")
    assert tree(root / "usr/lib") == ["file", "other", "x"]


def test_files_are_replaced_directories_are_not(root: Path, source: Path):
    copy(root, source, "file", to="/existing")
    assert (root / "existing").read_text() == "file"
    with pytest.raises(InvalidArgument, match="is not a directory"):
        copy(root, source, "dir", to="/existing")
    copy(root, source, "dir", to="/dir")
    (source / "sub").write_text("x")
    with pytest.raises(InvalidArgument, match="cannot copy file over directory: /dir/sub"):
        copy(root, source, "sub", to="/dir/")


def test_a_directory_over_a_link_to_one_goes_where_it_points(root: Path, source: Path):
    (source / "tree/lib").mkdir(parents=True)
    (source / "tree/lib/new").write_text("x")
    copy(root, source, "tree", to="/")
    assert (root / "lib").is_symlink()
    assert (root / "usr/lib/new").exists()


def test_nothing_leaves_the_root(root: Path, source: Path):
    """A destination through a link that climbs out lands inside."""
    copy(root, source, "file", to="/escape/shoal-escaped")
    assert not Path("/tmp/shoal-escaped").exists()
    assert (root / "tmp/shoal-escaped").exists()


def test_nothing_comes_from_outside_the_source(root: Path, source: Path):
    with pytest.raises(InvalidArgument, match="stat out: file does not exist"):
        copy(root, source, "out", to="/x")
    with pytest.raises(InvalidArgument, match="stat etc/hostname: file does not exist"):
        copy(root, source, "../../../../etc/hostname".lstrip("./"), to="/x")


def test_owners_modes_and_times(root: Path, source: Path):
    os.chown(source / "file", 5, 6)
    copy(root, source, "file", to="/default")
    copy(root, source, "file", to="/chowned/here/", owner=(7, 8), mode="0600")
    copy(root, source, "file", to="/kept", owner=None)
    copy(root, source, "dir", to="/moded", mode="go-rwx,u+X")
    found = {name: (root / name).stat() for name in ("default", "chowned/here/file", "chowned/here", "kept")}
    assert {name: (info.st_uid, info.st_gid, info.st_mode & 0o777) for name, info in found.items()} == {
        "default": (0, 0, 0o640),
        "chowned/here/file": (7, 8, 0o600),
        "chowned/here": (7, 8, 0o755),
        "kept": (5, 6, 0o640),
    }
    assert found["default"].st_mtime == 1000
    assert (root / "moded/sub").stat().st_mode & 0o777 == 0o700
    assert (root / "moded/one.txt").stat().st_mode & 0o777 == 0o600


def test_attributes_come_along_from_images(root: Path, source: Path):
    os.setxattr(source / "file", "user.shoal", b"kept")
    copy(root, source, "file", to="/kept", owner=None)
    assert os.getxattr(root / "kept", "user.shoal") == b"kept"


def test_hard_links_stay_hard(root: Path, source: Path):
    os.link(source / "file", source / "dir/again")
    os.link(source / "file", source / "dir/and-again")
    copy(root, source, "dir", to="/d", owner=None)
    assert (root / "d/again").samefile(root / "d/and-again")
    assert not (root / "d/again").samefile(source / "file")


def test_exclude_and_parents(root: Path, source: Path):
    copy(root, source, "dir", to="/d", exclude=("*.txt", "sub/*.md"))
    assert tree(root / "d") == ["link", "sub"]
    copy(root, source, "dir/sub/two.md", "file", to="/p/", parents=True)
    assert tree(root / "p") == ["dir", "dir/sub", "dir/sub/two.md", "file"]


def test_several_sources_want_a_directory(root: Path, source: Path):
    with pytest.raises(InvalidArgument, match="the destination must be a directory and end with a /"):
        copy(root, source, "file", "other", to="/x")


def test_files_from_the_dockerfile(root: Path):
    transfer(
        root, Transfer(verb="COPY", destination="/h/", files=(("a", "text\n"), ("b", "")), owner=(3, 4), mode="755")
    )
    assert (root / "h/a").read_text() == "text\n"
    assert ((root / "h/a").stat().st_uid, (root / "h/b").stat().st_mode & 0o777) == (3, 0o755)


@pytest.mark.parametrize("name", ["../../../../../../tmp/shoal-heredoc", "/tmp/shoal-heredoc", "x/../shoal-heredoc"])
def test_the_name_of_a_file_from_the_dockerfile_leads_nowhere(root: Path, name: str):
    """`COPY <<"../../file" /h/`: the word after << may be any text."""
    transfer(root, Transfer(verb="COPY", destination="/h/", files=((name, "evil\n"),)))
    assert not Path("/tmp/shoal-heredoc").exists()
    assert tree(root / "h") == ["shoal-heredoc"]


@pytest.mark.parametrize("to", ["/h/", "/"])
def test_a_download_named_dots_is_refused(root: Path, source: Path, to: str):
    """As of http://host/%2e%2e."""
    with pytest.raises(InvalidArgument, match=r'expected a file name, got "\.\."'):
        transfer(root, Transfer(verb="ADD", destination=to, downloads=((source / "file", ".."),)))


ARCHIVE = tar_of(
    entry("top", type=tarfile.DIRTYPE, mode=0o700, uid=9),
    entry("top/file", b"x", uid=9, gid=10, mode=0o4755),
    entry("lib/deep/x", b"y"),
    entry("hard", type=tarfile.LNKTYPE, linkname="top/file"),
)


def test_add_unpacks_archives_and_copies_the_rest(root: Path, source: Path):
    (source / "a.tar.gz").write_bytes(gzip.compress(ARCHIVE))
    (source / "fake.tar").write_bytes(b"no archive at all" * 100)
    copy(root, source, "a.tar.gz", "fake.tar", to="/x/", verb="ADD", unpack=True)
    assert tree(root / "x") == ["fake.tar", "hard", "lib", "lib/deep", "lib/deep/x", "top", "top/file"]
    info = (root / "x/top/file").stat()
    assert (info.st_uid, info.st_gid, info.st_mode & 0o7777) == (9, 10, 0o4755)
    assert (root / "x/hard").samefile(root / "x/top/file")
    copy(root, source, "a.tar.gz", to="/plain", verb="ADD", unpack=False)
    assert (root / "plain").is_file()


def test_an_archive_is_unpacked_through_links_of_the_image_but_not_out_of_it(root: Path, source: Path):
    (source / "a.tar").write_bytes(ARCHIVE)
    copy(root, source, "a.tar", to="/", verb="ADD", unpack=True)
    assert (root / "usr/lib/deep/x").exists()
    evil = tar_of(entry("e", type=tarfile.SYMTYPE, linkname="/tmp"), entry("e/shoal-evil", b"x"))
    (source / "evil.tar").write_bytes(evil)
    copy(root, source, "evil.tar", to="/", verb="ADD", unpack=True)
    assert not Path("/tmp/shoal-evil").exists()
    assert (root / "tmp/shoal-evil").exists()


@pytest.mark.parametrize("name", ["../out", "a/../../out"])
def test_archives_that_climb_are_refused(root: Path, source: Path, name: str):
    (source / "evil.tar").write_bytes(tar_of(entry(name, b"x")))
    with pytest.raises(InvalidArgument, match="leaves its folder"):
        copy(root, source, "evil.tar", to="/", verb="ADD", unpack=True)


def test_times_are_not_set_through_a_link_that_took_a_folders_place(root: Path, source: Path, tmp_path: Path):
    outside = tmp_path / "outside/inner"
    outside.mkdir(parents=True)
    before = outside.stat().st_mtime, outside.parent.stat().st_mtime
    evil = tar_of(
        entry("a/inner", type=tarfile.DIRTYPE, mtime=5),
        entry("b", type=tarfile.DIRTYPE, mtime=5),
        entry("a", type=tarfile.SYMTYPE, linkname=str(outside.parent)),
        entry("b", type=tarfile.SYMTYPE, linkname=str(outside)),
    )
    (source / "evil.tar").write_bytes(evil)
    copy(root, source, "evil.tar", to="/", verb="ADD", unpack=True)
    assert (outside.stat().st_mtime, outside.parent.stat().st_mtime) == before
    assert (root / "a").is_symlink() and (root / "b").is_symlink()


def test_a_loop_of_links_ends(root: Path):
    (root / "l1").symlink_to("l2")
    (root / "l2").symlink_to("/l1")
    with pytest.raises(InvalidArgument, match="too many levels"):
        rooted.resolve(str(root), "/l1/x")
