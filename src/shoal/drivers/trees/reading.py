"""A directory tree as a tar stream. Blocking: meant for a thread."""

import os
import stat
from collections.abc import Iterator

from shoal.drivers.files.walk import find, walk
from shoal.drivers.layers.members import Members, entry_of, xattrs_of
from shoal.drivers.layers.tar_writer import END, encode_header
from shoal.drivers.trees.inside import follows, last_name, open_inside


def tar_of(root: int, path: str, *, bare: bool = False) -> Iterator[bytes]:
    """The tar of what is at `path` below `root`, in chunks. Sockets are left out. Raises: OSError, InvalidArgument"""
    name = last_name(path)
    name = "" if bare else "." if name == "/" else name
    fd = open_inside(root, path, os.O_PATH | (0 if follows(path) else os.O_NOFOLLOW))
    try:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            yield from _folder(fd, name)
        else:
            yield from _single(root, path, name)
        yield END
    finally:
        os.close(fd)


def _folder(fd: int, name: str) -> Iterator[bytes]:
    if name:
        entry = entry_of(name, os.fstat(fd))
        entry.xattrs = xattrs_of(fd)
        yield encode_header(entry)
    members = Members()
    listing = os.open(f"/proc/self/fd/{fd}/.", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for found in walk(listing):
            yield from members.member(found, f"{name}/{found.path}" if name else found.path)
    finally:
        os.close(listing)


def _single(root: int, path: str, name: str) -> Iterator[bytes]:
    folder, _, last = path.rstrip("/").rpartition("/")
    parent = open_inside(root, folder or "/", os.O_PATH | os.O_DIRECTORY)
    try:
        yield from Members().member(find(parent, last), name)
    finally:
        os.close(parent)
