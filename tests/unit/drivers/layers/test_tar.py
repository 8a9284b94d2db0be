"""Our tar reader and writer, with the standard library's as the oracle."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.drivers.layers.streams import Pieces
from shoal.drivers.layers.tar import CHAR, FILE, FOLDER, LINK, SYMLINK, TarEntry, TarReader
from shoal.drivers.layers.tar_writer import END, encode_header, padding
from shoal.errors import InvalidArgument, ShoalError

NAME = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=60)
PATH = st.lists(NAME, min_size=1, max_size=5).map("/".join).filter(lambda p: not p.endswith("/"))


@st.composite
def entries(draw: st.DrawFn) -> tuple[TarEntry, bytes]:
    kind = draw(st.sampled_from([FILE, FOLDER, SYMLINK, LINK, CHAR]))
    data = draw(st.binary(max_size=1500)) if kind == FILE else b""
    entry = TarEntry(
        name=draw(PATH),
        kind=kind,
        mode=draw(st.integers(0, 0o7777)),
        uid=draw(st.integers(0, 2**31)),
        gid=draw(st.integers(0, 2**31)),
        size=len(data),
        mtime_ns=draw(st.integers(-(10**9), 10**11)) * 10**9,
        link=draw(PATH) if kind in (SYMLINK, LINK) else "",
        device=(draw(st.integers(0, 4095)), draw(st.integers(0, 65535))) if kind == CHAR else (0, 0),
        xattrs=draw(st.dictionaries(st.just("user.a"), st.binary(max_size=20))) if kind in (FILE, FOLDER) else {},
    )
    return entry, data


def written(members: list[tuple[TarEntry, bytes]]) -> bytes:
    return b"".join(encode_header(entry) + data + padding(len(data)) for entry, data in members) + END


def read(archive: bytes, step: int = 700) -> list[tuple[TarEntry, bytes]]:
    chunks = (archive[at : at + step] for at in range(0, len(archive), step))
    reader = TarReader(Pieces(chunks))
    return [(entry, b"".join(bytes(piece) for piece in reader.data())) for entry in reader.entries()]


@given(st.lists(entries(), max_size=4), st.integers(1, 2000))
def test_what_is_written_is_read(members: list[tuple[TarEntry, bytes]], step: int) -> None:
    found = read(written(members), step)
    for (wanted, wanted_data), (entry, data) in zip(members, found, strict=True):
        assert data == wanted_data
        assert entry.name.rstrip("/") == wanted.name
        for field in ("kind", "mode", "uid", "gid", "size", "mtime_ns", "link", "device", "xattrs"):
            assert getattr(entry, field) == getattr(wanted, field), field


@given(st.lists(entries(), max_size=4))
def test_what_is_written_is_read_by_the_standard_library(members: list[tuple[TarEntry, bytes]]) -> None:
    with tarfile.open(fileobj=io.BytesIO(written(members))) as tar:
        found = tar.getmembers()
        for (wanted, data), info in zip(members, found, strict=True):
            assert (info.name, info.mode, info.uid, info.gid) == (wanted.name, wanted.mode, wanted.uid, wanted.gid)
            assert info.mtime == wanted.mtime_ns // 10**9
            assert info.linkname == wanted.link
            if wanted.kind == FILE:
                assert tar.extractfile(info).read() == data  # type: ignore[union-attr]


@given(st.lists(entries(), max_size=3), st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
def test_archives_of_the_standard_library_are_read(members: list[tuple[TarEntry, bytes]], format: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for entry, data in members:
            info = tarfile.TarInfo(entry.name)
            info.type = entry.kind.encode()
            info.size = len(data)
            info.mode, info.uid, info.gid = entry.mode, entry.uid, entry.gid
            info.mtime = entry.mtime_ns // 10**9
            info.linkname = entry.link
            info.devmajor, info.devminor = entry.device
            tar.addfile(info, io.BytesIO(data))
    for (wanted, wanted_data), (entry, data) in zip(members, read(out.getvalue()), strict=True):
        assert (entry.name.rstrip("/"), data, entry.kind) == (wanted.name, wanted_data, wanted.kind)
        assert (entry.uid, entry.gid, entry.mtime_ns) == (wanted.uid, wanted.gid, wanted.mtime_ns)
        assert (entry.link, entry.device) == (wanted.link, wanted.device)


@given(st.binary(max_size=3000))
def test_noise_is_an_error_and_nothing_else(data: bytes) -> None:
    try:
        read(data)
    except ShoalError as error:
        assert isinstance(error, InvalidArgument)


@given(st.lists(entries(), min_size=1, max_size=2), st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_is_an_error_or_a_tar(members: list[tuple[TarEntry, bytes]], at: int, value: int) -> None:
    archive = bytearray(written(members))
    archive[at % len(archive)] = value
    try:
        read(bytes(archive))
    except ShoalError as error:
        assert isinstance(error, InvalidArgument)


def test_the_same_entry_gives_the_same_bytes() -> None:
    entry = TarEntry(name="é" * 80, size=3, mtime_ns=10**18, xattrs={"user.b": b"2", "user.a": b"1"})
    assert encode_header(entry) == encode_header(entry)
    assert b"user.a" in encode_header(entry)


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_a_long_name_with_a_slash_where_the_header_ends_is_a_file(format: int) -> None:
    name = f"{'d' * 49}/{'e' * 49}/file"
    assert name[99] == "/"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        info = tarfile.TarInfo(name)
        info.size = 4
        tar.addfile(info, io.BytesIO(b"data"))
    assert [(entry.name, entry.kind, data) for entry, data in read(out.getvalue())] == [(name, FILE, b"data")]


def test_old_folders_are_files_whose_names_end_with_a_slash() -> None:
    info = tarfile.TarInfo("folder/")
    info.type = tarfile.AREGTYPE
    [(entry, _)] = read(info.tobuf(tarfile.USTAR_FORMAT) + END)
    assert entry.kind == FOLDER


def test_data_that_nobody_reads_is_passed_over() -> None:
    archive = written([(TarEntry(name="a", size=1000), b"x" * 1000), (TarEntry(name="b", size=1), b"y")])
    reader = TarReader(Pieces(iter([archive])))
    assert [entry.name for entry in reader.entries()] == ["a", "b"]


def test_a_file_that_ends_too_early() -> None:
    with pytest.raises(InvalidArgument, match="cut off"):
        read(written([(TarEntry(name="a", size=1000), b"x" * 1000)])[:1200])


@pytest.mark.parametrize("name", ["a", "\udcff" * 90], ids=["small sum", "large sum"])
def test_a_header_with_one_wrong_bit_is_refused(name: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, "\udcff" * 100
    info.uname = info.gname = "\udcff" * 32
    header = info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "surrogateescape")
    assert [entry.name for entry, _ in read(header + END)] == [name]
    for at in (0, 99, 156, 260, 511):
        broken = bytearray(header)
        broken[at] ^= 1
        with pytest.raises(InvalidArgument, match="wrong checksum"):
            read(bytes(broken) + END)
