"""What a walk finds, as members of a tar. Blocking: meant for a thread."""

import os
import stat
from collections.abc import Iterator

from shoal.drivers.files.walk import Found, is_gone
from shoal.drivers.layers.tar import BLOCK_DEVICE, CHAR, FILE, FOLDER, KINDS, LINK, SYMLINK, TarEntry
from shoal.drivers.layers.tar_writer import encode_header, padding

_CHUNK = 1 << 18
_XATTRS = ("security.capability", "user.")
_PRIVATE_XATTRS = "user.overlay."


class Members:
    """Of one archive. bytes_of_files: of the files so far."""

    def __init__(self) -> None:
        self._names: dict[tuple[int, int], str] = {}  #: {(device, inode): name that it has in the archive}
        self.bytes_of_files = 0

    def member(self, found: Found, name: str) -> Iterator[bytes]:
        """Its header and data, in chunks; nothing of a socket, and of what is gone meanwhile. Raises: OSError"""
        status = found.status
        if stat.S_ISSOCK(status.st_mode):
            return
        entry = entry_of(name, status)
        if entry.kind != FOLDER and status.st_nlink > 1:
            first = self._names.setdefault((status.st_dev, status.st_ino), name)
            if first != name:
                entry.kind, entry.link = LINK, first
                yield encode_header(entry)
                return
        try:
            fd = found.open_file() if entry.kind == FILE else found.open()
        except OSError as error:
            if is_gone(error):
                return
            raise
        if fd is not None:
            try:
                yield from self._opened(entry, fd)
            finally:
                os.close(fd)

    def _opened(self, entry: TarEntry, fd: int) -> Iterator[bytes]:
        if entry.kind == FILE:
            yield from self._file(entry, fd)
            return
        if entry.kind == SYMLINK:
            try:
                entry.link = os.readlink("", dir_fd=fd)
            except OSError:  # something else by now
                return
        elif entry.kind == FOLDER:
            entry.xattrs = xattrs_of(fd)
        yield encode_header(entry)

    def _file(self, entry: TarEntry, fd: int) -> Iterator[bytes]:
        entry.size = left = os.fstat(fd).st_size
        entry.xattrs = xattrs_of(fd)
        yield encode_header(entry)
        while left:
            # A file that shrinks meanwhile is filled up: the header has gone out.
            data = os.read(fd, min(left, _CHUNK)) or bytes(min(left, _CHUNK))
            left -= len(data)
            yield data
        if tail := padding(entry.size):
            yield tail
        self.bytes_of_files += entry.size


def entry_of(name: str, status: os.stat_result) -> TarEntry:
    """What lstat(2) says, as a member without data."""
    kind = KINDS[stat.S_IFMT(status.st_mode)]
    return TarEntry(
        name=name,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns,
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)) if kind in (CHAR, BLOCK_DEVICE) else (0, 0),
    )


def xattrs_of(fd: int) -> dict[str, bytes]:
    """Those that belong into an archive: capabilities and the users' own."""
    path = f"/proc/self/fd/{fd}"  # a descriptor that opens nothing has no other way; what it stands for is no link
    try:
        names = [name for name in os.listxattr(path) if name.startswith(_XATTRS)]
        return {name: os.getxattr(path, name) for name in names if not name.startswith(_PRIVATE_XATTRS)}
    except OSError:
        return {}
