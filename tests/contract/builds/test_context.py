"""The context tar: what is in it, by content, and what is refused."""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zstandard

from shoal.drivers.builds.context import TarContext, receive_context
from shoal.errors import InvalidArgument
from tests.support.images import entry, tar_of

FILES = (
    entry("Dockerfile", b"FROM x\n"),
    entry("src", type=tarfile.DIRTYPE),
    entry("src/a.py", b"a"),
    entry("src/b.txt", b"b", mode=0o755),
    entry("src/deep", type=tarfile.DIRTYPE),
    entry("src/deep/c.py", b"c"),
    entry("link", type=tarfile.SYMTYPE, linkname="src"),
    entry("hard", type=tarfile.LNKTYPE, linkname="src/a.py"),
)


async def pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def received(tmp_path: Path, data: bytes, dockerfile: str = "Dockerfile") -> TarContext:
    return await receive_context(tmp_path / "context", pieces(data), dockerfile)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
async def test_every_compression(tmp_path: Path, pack):
    context = await received(tmp_path, pack(tar_of(*FILES)))
    assert context.read("Dockerfile") == b"FROM x\n"
    folder = await context.directory()
    assert (folder / "src/deep/c.py").read_bytes() == b"c"
    assert (folder / "src/b.txt").stat().st_mode & 0o777 == 0o755
    assert (folder / "hard").read_bytes() == b"a"
    assert (folder / "link").readlink() == Path("src")
    await context.close()
    assert not (tmp_path / "context").exists()


async def test_the_digest_follows_content_names_and_modes_but_not_times(tmp_path: Path):
    async def digest(number: int, *changes: tuple[tarfile.TarInfo, bytes], sources=("src",), exclude=()) -> str:
        merged = {info.name: (info, data) for info, data in (*FILES, *changes)}
        context = await receive_context(tmp_path / str(number), pieces(tar_of(*merged.values())), "Dockerfile")
        try:
            return context.digest(sources, exclude)
        finally:
            await context.close()

    first = await digest(1)
    assert await digest(2, entry("src/a.py", b"a", mtime=1)) == first
    assert await digest(3, entry("Dockerfile", b"FROM y")) == first
    assert await digest(4, entry("src/a.py", b"A")) != first
    assert await digest(5, entry("src/a.py", b"a", mode=0o600)) != first
    assert await digest(6, entry("src/new", b"")) != first
    assert await digest(7, sources=("link",)) != await digest(8, entry("src/a.py", b"A"), sources=("link",))
    assert await digest(9, entry("src/a.py", b"A"), exclude=("*.py",)) == await digest(10, exclude=("*.py",))
    assert await digest(11, sources=("src/*.py",)) != await digest(12, entry("src/z.py", b""), sources=("src/*.py",))


async def test_missing_sources(tmp_path: Path):
    context = await received(tmp_path, tar_of(*FILES))
    with pytest.raises(InvalidArgument, match="stat nope: file does not exist"):
        context.digest(["src", "nope"], ())
    with pytest.raises(InvalidArgument, match="no source files were specified"):
        context.digest(["*.nope"], ())
    await context.close()


async def test_dockerignore_and_the_one_of_the_dockerfile(tmp_path: Path):
    files = (*FILES, entry(".dockerignore", b"src/**\n!src/deep/c.py\nlink\nhard\n"))
    context = await received(tmp_path, tar_of(*files))
    folder = await context.directory()
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
    assert found == [".dockerignore", "Dockerfile", "src/deep/c.py"]
    await context.close()
    other = (*files, entry("my.Dockerfile", b"FROM z"), entry("my.Dockerfile.dockerignore", b"*.py\n"))
    context = await received(tmp_path, tar_of(*other), "my.Dockerfile")
    assert (await context.directory() / "src/a.py").exists()
    await context.close()


async def test_an_ignored_dockerfile_is_still_read(tmp_path: Path):
    context = await received(tmp_path, tar_of(*FILES, entry(".dockerignore", b"Dockerfile\n")))
    assert context.read("Dockerfile") == b"FROM x\n"
    with pytest.raises(InvalidArgument):
        context.digest(["Dockerfile"], ())
    await context.close()


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", "invalid tar archive"),
        (b"not a tar" * 100, "invalid tar archive"),
        (tar_of(entry("x", b"y" * 5000))[:2000], "invalid tar archive"),
        (gzip.compress(tar_of(*FILES))[:-30], "invalid tar archive"),
        (tar_of(entry("../x", b"y")), "leaves its folder"),
        (tar_of(entry("a/../../x", b"y")), "leaves its folder"),
        (tar_of(entry("h", type=tarfile.LNKTYPE, linkname="../../etc/passwd")), "leaves its folder"),
        (tar_of(entry("h", type=tarfile.LNKTYPE, linkname="etc/passwd")), "which is not in it"),
    ],
)
async def test_broken_and_malicious_archives(tmp_path: Path, data: bytes, wanted: str):
    with pytest.raises(InvalidArgument, match=wanted):
        await received(tmp_path, data)
    assert not (tmp_path / "context").exists()


def sparse(version: str) -> bytes:
    """A file of 1 GiB, all of it a hole, in GNU's formats."""
    info, _ = entry("hole", b"0\n" if version == "1.0" else b"")
    if version == "old":
        info.type = tarfile.GNUTYPE_SPARSE
        block = bytearray(info.tobuf(tarfile.GNU_FORMAT)[:512])
        block[483:495] = b"10000000000\0"
        block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:]) + 256)
        return bytes(block) + bytes(1024)
    major, _, minor = version.partition(".")
    words = {"realsize": "1073741824", "size": "1073741824", "map": "0,0", "numblocks": "0"}
    info.pax_headers = {f"GNU.sparse.{key}": value for key, value in words.items()}
    if version == "1.0":
        info.pax_headers = {"GNU.sparse.major": major, "GNU.sparse.minor": minor, "GNU.sparse.realsize": "1073741824"}
    return tar_of((info, b"0\n" if version == "1.0" else b""))


def pax_headers(kind: bytes, count: int, size: int) -> bytes:
    """Extended headers, the bytes of each without a record in them."""
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    return (info.tobuf() + bytes(size + -size % 512)) * count


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (sparse("old"), "sparse"),
        (sparse("0.1"), "sparse"),
        (sparse("1.0"), "sparse"),
        (pax_headers(tarfile.XHDTYPE, 1, 2 << 20), "extended header of 2097152 bytes"),
        (pax_headers(tarfile.GNUTYPE_LONGNAME, 1, 2 << 20), "extended header of 2097152 bytes"),
        (pax_headers(tarfile.GNUTYPE_LONGNAME, 2000, 10), "recursion"),
    ],
)
async def test_archives_that_cost_more_than_they_have_bytes(tmp_path: Path, data: bytes, wanted: str):
    with pytest.raises(InvalidArgument, match=f"invalid tar archive: .*{wanted}"):
        await received(tmp_path, gzip.compress(data))


async def test_an_absolute_path_is_taken_below_the_context(tmp_path: Path):
    context = await received(tmp_path, tar_of(entry("/etc/shoal-test", b"y")))
    assert (await context.directory() / "etc/shoal-test").read_bytes() == b"y"
    assert not Path("/etc/shoal-test").exists()
    await context.close()


async def test_a_file_below_a_symlink_is_refused(tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    data = tar_of(entry("d", type=tarfile.SYMTYPE, linkname=str(outside)), entry("d/x", b"y"))
    context = await received(tmp_path, data)
    with pytest.raises(InvalidArgument, match="which is no folder"):
        await context.directory()
    assert not list(outside.iterdir())
    await context.close()


async def test_zeros_without_end_are_refused(tmp_path: Path):
    """2 GiB of zeros in 2 MB, as gzip members one after the other."""
    info = tarfile.TarInfo("zeros")
    info.size = 2 << 30
    block = gzip.compress(bytes(1 << 26), compresslevel=1)
    with pytest.raises(InvalidArgument, match="expands to more than"):
        await received(tmp_path, gzip.compress(info.tobuf()) + block * 32)


@pytest.mark.parametrize(
    "escape",
    [
        [
            entry("l", type=tarfile.DIRTYPE),
            entry("l/a", b"a"),
            entry("l", type=tarfile.SYMTYPE, linkname="{host}"),
            entry("l/evil", b"evil"),
            entry("l", type=tarfile.DIRTYPE),
        ],
        [
            entry("l", type=tarfile.DIRTYPE),
            entry("l/secret", b"a"),
            entry("l", type=tarfile.SYMTYPE, linkname="{host}"),
            entry("stolen", type=tarfile.LNKTYPE, linkname="l/secret"),
            entry("l", type=tarfile.DIRTYPE),
        ],
        [
            entry(".dockerignore", b"l/secret\n"),
            entry("l/secret", b"a"),
            entry("l", type=tarfile.SYMTYPE, linkname="{host}"),
            entry("stolen", type=tarfile.LNKTYPE, linkname="l/secret"),
        ],
    ],
)
async def test_a_link_in_a_folders_place_leads_nowhere(tmp_path: Path, escape):
    host = tmp_path / "host"
    host.mkdir()
    (host / "secret").write_text("the host's\n")
    for info, _ in escape:
        info.linkname = info.linkname.replace("{host}", str(host))
    with pytest.raises(InvalidArgument):
        context = await received(tmp_path, tar_of(entry("Dockerfile", b"FROM x\n"), *escape))
        await context.directory()
    assert [path.name for path in host.iterdir()] == ["secret"]
    assert (host / "secret").stat().st_nlink == 1
