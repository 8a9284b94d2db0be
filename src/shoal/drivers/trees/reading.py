"""A directory tree as a tar stream. Blocking: meant for a thread."""

import os
import stat
from collections.abc import Iterator

from shoal.drivers.layers.tar import FILE, KINDS, LINK, SYMLINK, TarEntry
from shoal.drivers.layers.tar_writer import END, encode_header, padding
from shoal.drivers.trees.inside import follows, last_name, open_inside

_CHUNK = 1 << 18
_XATTRS = ("security.capability", "user.")


def tar_of(root: int, path: str, *, bare: bool = False) -> Iterator[bytes]:
    """The tar of what is at `path` below `root`, in chunks. Sockets are left out. Raises: OSError"""
    name = last_name(path)
    name = "" if bare else "." if name == "/" else name
    fd = open_inside(root, path, os.O_PATH | (0 if follows(path) else os.O_NOFOLLOW))
    try:
        info = os.fstat(fd)
        tree = _Tree()
        if stat.S_ISDIR(info.st_mode):
            yield from tree.folder(fd, name, info)
        else:
            parent = open_inside(root, os.path.dirname(path.rstrip("/")) or "/", os.O_PATH | os.O_DIRECTORY)
            try:
                yield from tree.node(parent, os.path.basename(path.rstrip("/")), name, info)
            finally:
                os.close(parent)
        yield END
    finally:
        os.close(fd)


class _Tree:
    def __init__(self) -> None:
        self._links: dict[tuple[int, int], str] = {}  #: {(device, inode): name that it has in the archive}

    def folder(self, fd: int, name: str, info: os.stat_result) -> Iterator[bytes]:
        if name:
            yield encode_header(_entry(name, info, f"/proc/self/fd/{fd}"))
        listing = os.open(f"/proc/self/fd/{fd}/.", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for below in sorted(os.listdir(listing)):
                try:
                    info = os.stat(below, dir_fd=listing, follow_symlinks=False)
                except FileNotFoundError:  # removed while we read
                    continue
                yield from self.node(listing, below, f"{name}/{below}" if name else below, info)
        finally:
            os.close(listing)

    def node(self, parent: int, below: str, name: str, info: os.stat_result) -> Iterator[bytes]:
        if stat.S_ISSOCK(info.st_mode):
            return
        if stat.S_ISDIR(info.st_mode):
            try:
                fd = os.open(below, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
            except (FileNotFoundError, NotADirectoryError):
                return
            try:
                yield from self.folder(fd, name, os.fstat(fd))
            finally:
                os.close(fd)
            return
        entry = _entry(name, info, "")
        if info.st_nlink > 1 and (first := self._links.setdefault((info.st_dev, info.st_ino), name)) != name:
            entry.kind, entry.link = LINK, first
        if entry.kind == FILE:
            yield from _file(entry, parent, below)
            return
        if entry.kind == SYMLINK:
            try:
                entry.link = os.readlink(below, dir_fd=parent)
            except OSError:  # removed or replaced while we read
                return
        yield encode_header(entry)


def _file(entry: TarEntry, parent: int, below: str) -> Iterator[bytes]:
    fd = _open_regular(parent, below)
    if fd is None:
        return
    try:
        entry.size = os.fstat(fd).st_size
        entry.xattrs = _xattrs(f"/proc/self/fd/{fd}")
        yield encode_header(entry)
        left = entry.size
        while left:
            data = os.read(fd, min(left, _CHUNK))
            data = data or bytes(min(left, _CHUNK))  # it shrank while we read: the size is written already
            left -= len(data)
            yield data
        yield padding(entry.size)
    finally:
        os.close(fd)


def _open_regular(parent: int, below: str) -> int | None:
    """A descriptor to read, None where no regular file is any more.

    The container may put a fifo, which nobody else opens, or a device of the host in the file's place: those must not
    even be opened. So the file is looked at by a descriptor that opens nothing, and opened by that.
    """
    try:
        found = os.open(below, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            return None
        return os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(found)


def _entry(name: str, info: os.stat_result, path: str) -> TarEntry:
    return TarEntry(
        name=name,
        kind=KINDS[stat.S_IFMT(info.st_mode)],
        mode=stat.S_IMODE(info.st_mode),
        uid=info.st_uid,
        gid=info.st_gid,
        size=info.st_size,
        mtime_ns=info.st_mtime_ns,
        device=(os.major(info.st_rdev), os.minor(info.st_rdev)),
        xattrs=_xattrs(path) if path else {},
    )


def _xattrs(path: str) -> dict[str, bytes]:
    try:
        # a descriptor's path is a link itself, so it must be followed; what it stands for is no link
        return {name: os.getxattr(path, name) for name in os.listxattr(path) if name.startswith(_XATTRS)}
    except OSError:
        return {}
