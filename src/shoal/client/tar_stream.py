"""Tar archives made while they are sent: nothing is held but one piece of one file."""

from __future__ import annotations

import os
import stat
import tarfile

from shoal.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PIECE_BYTES = 1 << 20
_BLOCK = tarfile.BLOCKSIZE


class Entry:
    """A member of an archive to make.

    name: in the archive
    path: of what it holds on this machine; None for a file made of `content`
    """

    __slots__ = ("content", "gid", "mode", "name", "path", "uid")

    def __init__(
        self, name: str, path: str | None = None, *, content: bytes = b"", mode: int = 0o644, uid: int = 0, gid: int = 0
    ) -> None:
        self.name = name
        self.path = path
        self.content = content
        self.mode = mode
        self.uid = uid
        self.gid = gid


def tar_stream(entries: Iterable[Entry], *, keeps_owner: bool = True) -> Iterator[bytes]:
    """The bytes of a tar (PAX) with `entries`, small ones gathered into pieces of about a megabyte.

    Sockets are left out. Files with several names come once; their other names are hard links.
    keeps_owner: else everything belongs to root
    Raises: InvalidArgument for what can't be read
    """
    pending = bytearray()
    seen: dict[tuple[int, int], str] = {}
    for entry in entries:
        for piece in _member(entry, seen, keeps_owner):
            pending += piece
            if len(pending) >= _PIECE_BYTES:
                yield bytes(pending)
                pending.clear()
    pending += bytes(2 * _BLOCK)
    yield bytes(pending)


def _member(entry: Entry, seen: dict[tuple[int, int], str], keeps_owner: bool) -> Iterator[bytes]:
    if entry.path is None:
        info = tarfile.TarInfo(entry.name)
        info.size, info.mode, info.uid, info.gid = len(entry.content), entry.mode, entry.uid, entry.gid
        yield _header(info)
        yield entry.content + _padding(info.size)
        return
    try:
        found = os.lstat(entry.path)
        info = _info(entry, found, seen)
        if not keeps_owner:
            info.uid = info.gid = 0
        if info.type == tarfile.REGTYPE and info.size:
            yield from _file(entry.path, info)
        elif not stat.S_ISSOCK(found.st_mode):
            yield _header(info)
    except OSError as error:
        raise InvalidArgument(f"can't read {entry.path}: {error.strerror}") from error


def _info(entry: Entry, found: os.stat_result, seen: dict[tuple[int, int], str]) -> tarfile.TarInfo:
    info = tarfile.TarInfo(entry.name)
    info.mode, info.uid, info.gid, info.mtime = (
        stat.S_IMODE(found.st_mode),
        found.st_uid,
        found.st_gid,
        int(found.st_mtime),
    )
    kind = stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFREG:
        key = (found.st_dev, found.st_ino)
        if found.st_nlink > 1 and key in seen:
            info.type, info.linkname = tarfile.LNKTYPE, seen[key]
        else:
            info.size = found.st_size
            seen[key] = entry.name
    elif kind == stat.S_IFDIR:
        info.type = tarfile.DIRTYPE
    elif kind == stat.S_IFLNK:
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(entry.path or "")
    elif kind == stat.S_IFIFO:
        info.type = tarfile.FIFOTYPE
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        info.type = tarfile.CHRTYPE if kind == stat.S_IFCHR else tarfile.BLKTYPE
        info.devmajor, info.devminor = os.major(found.st_rdev), os.minor(found.st_rdev)
    return info


def _file(path: str, info: tarfile.TarInfo) -> Iterator[bytes]:
    """Header and content; a file that shrinks meanwhile is filled up, one that grows is cut."""
    with open(path, "rb", buffering=0) as file:
        yield _header(info)
        left = info.size
        while left:
            piece = file.read(min(left, _PIECE_BYTES)) or bytes(min(left, _PIECE_BYTES))
            left -= len(piece)
            yield piece
    yield _padding(info.size)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)
