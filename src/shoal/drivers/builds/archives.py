"""Tar archives of users: contexts and what ADD unpacks. Nothing in them reaches outside. Blocking: call in a thread."""

import bz2
import contextlib
import io
import lzma
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import zstandard
from isal import igzip

from shoal.drivers.builds import rooted
from shoal.drivers.files.tree import remove_tree
from shoal.errors import InvalidArgument

_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
#: what a compressed archive may expand to: more than this many times its size, and over the floor, is a bomb
MAX_RATIO = 200
RATIO_FLOOR_BYTES = 1 << 30

_ERRORS = (tarfile.TarError, EOFError, OSError, lzma.LZMAError, zstandard.ZstdError, igzip.BadGzipFile, RecursionError)


def open_plain(path: str) -> IO[bytes]:
    """The file's bytes, decompressed where they are gzip, bzip2, xz or zstd."""
    raw = open(path, "rb")  # noqa: SIM115 - the caller closes it
    head = raw.read(8)
    raw.seek(0)
    kind = next((name for magic, name in _MAGIC if head.startswith(magic)), "")
    if not kind:
        return raw
    plain: IO[bytes]
    if kind == "gzip":
        plain = cast("IO[bytes]", igzip.IGzipFile(fileobj=raw, mode="rb"))  # type: ignore[no-untyped-call]
    elif kind == "bzip2":
        plain = cast("IO[bytes]", bz2.BZ2File(raw))
    elif kind == "xz":
        plain = cast("IO[bytes]", lzma.LZMAFile(raw))  # noqa: SIM115 - the caller closes it
    else:
        plain = zstandard.ZstdDecompressor().stream_reader(raw, closefd=True)
    return cast("IO[bytes]", _Bounded(plain, raw, os.fstat(raw.fileno()).st_size))


class _Bounded(io.RawIOBase):
    """A decompressed stream that refuses to expand beyond reason."""

    def __init__(self, plain: IO[bytes], raw: IO[bytes], packed_bytes: int) -> None:
        self._plain = plain
        self._raw = raw
        self._left = max(RATIO_FLOOR_BYTES, packed_bytes * MAX_RATIO)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._plain.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise InvalidArgument(f"archive expands to more than {MAX_RATIO} times its size")
        return data

    def close(self) -> None:
        self._plain.close()
        self._raw.close()
        super().close()


def is_archive(path: str) -> bool:
    """Whether a file is a tar archive, compressed or not, by what is in it."""
    if not os.path.isfile(path):
        return False
    try:
        with open_plain(path) as plain:
            head = plain.read(512)
            if len(head) < 512:
                return False
            tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
            return True
    except (*_ERRORS, InvalidArgument):
        return False


_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class _Member(tarfile.TarInfo):
    """A header that is not taken for what would cost more memory, or time, than the archive is worth."""

    _HEADER_LIMIT_BYTES = 1 << 20
    _GLOBAL_LIMIT = 64

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        is_header = self.type in _HEADERS
        if is_header and (self.size > self._HEADER_LIMIT_BYTES or len(archive.pax_headers) > self._GLOBAL_LIMIT):
            raise tarfile.ReadError(f"extended header of {self.size} bytes")
        return cast("tarfile.TarInfo", super()._proc_member(archive))  # type: ignore[misc]

    def _proc_gnusparse_10(self, *_: object) -> None:
        # tarfile reads its map without a bound, and writes its holes as zeros: a few bytes would fill the disk.
        raise tarfile.ReadError("sparse files are not taken")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_sparse = _proc_gnusparse_10


def members(plain: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Each entry and, of a regular file, its content. Raises: InvalidArgument for a broken archive"""
    try:
        with tarfile.open(fileobj=plain, mode="r|", errorlevel=2, tarinfo=_Member) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                yield member, None if content is None else cast("IO[bytes]", _Content(content))
    except _ERRORS as error:
        raise InvalidArgument(f"invalid tar archive: {error}") from error


class _Content:
    """An entry's content whose errors are those of a broken archive."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content

    def read(self, size: int = -1) -> bytes:
        try:
            return self._content.read(size)
        except _ERRORS as error:
            raise InvalidArgument(f"invalid tar archive: {error}") from error


def safe_name(name: str) -> str:
    """An entry's path, relative, "" for the top. Raises: InvalidArgument when it leaves the archive"""
    if any(part == ".." for part in name.split("/")):
        raise InvalidArgument(f'invalid tar archive: entry "{name}" leaves its folder')
    path = os.path.normpath(name.lstrip("/"))
    return "" if path == "." else path


def unpack_archive(path: str, root: str, target: str, owner: tuple[int, int] | None) -> None:
    """Unpack into the directory `target` (host's path in `root`). Symlinks on the way are resolved inside `root`.

    owner: of everything; None = as the archive says
    Raises: InvalidArgument
    """
    below = os.path.relpath(target, root)
    times: list[tuple[str, tarfile.TarInfo]] = []
    with open_plain(path) as plain:
        for member, content in members(plain):
            name = safe_name(member.name)
            if not name:
                continue
            parent = rooted.make_directories(root, os.path.join("/", below, os.path.dirname(name)), owner or (0, 0))
            to = os.path.join(parent, os.path.basename(name))
            link = ""
            if member.islnk():
                link = rooted.resolve(root, os.path.join(below, safe_name(member.linkname)), follow_last=False)
            put_member(member, content, to, link, owner)
            if member.isdir():
                times.append((to, member))
    for folder, member in reversed(times):
        # A later entry may have put a link in the place of a folder, and it may lead out of the root.
        host = rooted.without_links(root, os.path.relpath(folder, root))
        with contextlib.suppress(OSError):
            if host is not None:
                os.utime(host, (member.mtime, member.mtime), follow_symlinks=False)


def put_member(
    member: tarfile.TarInfo, content: IO[bytes] | None, to: str, link: str, owner: tuple[int, int] | None
) -> None:
    """One entry on disk at `to`, whose folder is there; what was there is replaced, a directory kept.

    link: host's path of what a hard link points to
    """
    if member.isdir():
        if not os.path.isdir(to) or os.path.islink(to):
            _clear(to)
            os.mkdir(to)
    else:
        _clear(to)
        _make(member, content, to, link)
    if member.islnk():
        return
    uid, gid = owner or (member.uid, member.gid)
    os.chown(to, uid, gid, follow_symlinks=False)
    if not member.issym():
        os.chmod(to, member.mode & 0o7777)
        if not member.isdir():
            os.utime(to, (member.mtime, member.mtime))


def _make(member: tarfile.TarInfo, content: IO[bytes] | None, to: str, link: str) -> None:
    if content is not None:
        with open(to, "xb") as out:
            shutil.copyfileobj(content, out, 1 << 20)
    elif member.islnk():
        try:
            os.link(link, to, follow_symlinks=False)
        except OSError as error:
            raise InvalidArgument(
                f'invalid tar archive: hard link "{member.name}" to "{member.linkname}": {error.strerror}'
            ) from None
    elif member.issym():
        os.symlink(member.linkname, to)
    elif member.isfifo():
        os.mkfifo(to)
    elif member.ischr() or member.isblk():
        kind = 0o020000 if member.ischr() else 0o060000
        os.mknod(to, kind | (member.mode & 0o7777), os.makedev(member.devmajor, member.devminor))
    else:
        raise InvalidArgument(f'invalid tar archive: entry "{member.name}" is of an unknown kind')


def _clear(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        remove_tree(Path(path))
