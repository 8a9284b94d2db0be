"""Walking through directories that containers may change meanwhile, and may have nested without end. Blocking.

Everything is opened below a descriptor and no symbolic link is followed, so that what a program swaps in leads nowhere
else. A path for the kernel ends at 4,096 bytes: long before that the walk goes on from a descriptor half-way.
"""

import errno
import os
import stat
from collections.abc import Iterator

from shoal.drivers.files.openat import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2
from shoal.errors import InvalidArgument

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
_ANCHOR_BYTES = 2048
_PATH_BYTES = 4096
#: a link by now is ELOOP; what moves while it is looked up is EAGAIN or EXDEV
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EAGAIN, errno.EXDEV)


class Found:
    """One thing in the tree; to be opened before the walk goes on.

    name: the last part of its path
    status: what lstat(2) says
    """

    __slots__ = ("_folder", "name", "status")

    def __init__(self, folder: "_Folder", name: str, status: os.stat_result) -> None:
        self._folder = folder
        self.name = name
        self.status = status

    @property
    def path(self) -> str:
        """Below the walk's root: "etc/hosts". Raises: InvalidArgument when it is too deep for one"""
        if self.is_too_deep:
            raise InvalidArgument(f'"{self._folder.path[:64]}…": a path of {_PATH_BYTES} bytes or more is below it')
        return self._folder.path + self.name

    @property
    def is_too_deep(self) -> bool:
        """Whether its path is so long that the kernel takes none of that length."""
        folder = self._folder
        return folder.is_too_deep or len(os.fsencode(folder.path + self.name)) >= _PATH_BYTES

    @property
    def is_folder(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.status.st_mode)

    def open(self, flags: int = os.O_PATH) -> int:
        """A descriptor of it; of a symbolic link with O_PATH only. Raises: OSError"""
        return openat2(self._folder.anchor, self._folder.below + self.name, flags | os.O_NOFOLLOW, _BENEATH)

    def open_file(self) -> int | None:
        """A descriptor to read, None where no regular file is any more. Raises: OSError

        A container may put a fifo, which nobody else opens, or a device of the host in the file's place: those must
        not even be opened. So the file is looked at by a descriptor that opens nothing, and opened by that.
        """
        fd = self.open()
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return None
            return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(fd)


class _Folder:
    """A directory on the way.

    anchor: an open directory above it, or itself; below: from there to what is in it, "" or ending with "/"
    path: from the walk's root to what is in it, as far as it is of use
    """

    __slots__ = ("_owned", "anchor", "below", "entries", "is_too_deep", "path")

    def __init__(self, anchor: int, below: str = "", path: str = "", *, is_too_deep: bool = False) -> None:
        self.anchor = anchor
        self.below = below
        self.path = path
        self.is_too_deep = is_too_deep
        self.entries: Iterator[Found] = iter(())
        self._owned = -1

    def list(self, fd: int) -> "_Folder":
        """Itself, with its entries; `fd`: itself, open to read. Raises: OSError"""
        found: list[Found] = []
        with os.scandir(fd) as listing:
            for entry in listing:
                try:
                    found.append(Found(self, entry.name, entry.stat(follow_symlinks=False)))
                except FileNotFoundError:  # gone meanwhile
                    continue
        found.sort(key=lambda one: os.fsencode(one.name))
        self.entries = iter(found)
        return self

    def enter(self, found: Found) -> "_Folder":
        """The directory that was found in this one. Raises: OSError"""
        path = self.path if found.is_too_deep else f"{found.path}/"
        inner = _Folder(self.anchor, f"{self.below}{found.name}/", path, is_too_deep=found.is_too_deep)
        fd = found.open(_FOLDER)
        try:
            inner.list(fd)
            if len(os.fsencode(inner.below)) > _ANCHOR_BYTES:
                inner.anchor, inner.below, inner._owned = fd, "", fd
        finally:
            if inner._owned < 0:
                os.close(fd)
        return inner

    def close(self) -> None:
        if self._owned >= 0:
            os.close(self._owned)


def walk(root: int) -> Iterator[Found]:
    """Everything below the open directory `root`: folders before what is in them, names in order of their bytes."""
    way = [_Folder(root).list(root)]
    try:
        while way:
            found = next(way[-1].entries, None)
            if found is None:
                way.pop().close()
                continue
            yield found
            if found.is_folder:
                try:
                    way.append(way[-1].enter(found))
                except OSError as error:
                    if not is_gone(error):
                        raise
    finally:
        for folder in way:
            folder.close()


def walk_tree(root: str) -> Iterator[Found]:
    """The same of a directory given by its path. Raises: OSError"""
    fd = os.open(root, _FOLDER | os.O_CLOEXEC)
    try:
        yield from walk(fd)
    finally:
        os.close(fd)


def find(folder: int, name: str) -> Found:
    """What is called `name` in the open directory `folder`. Raises: OSError"""
    return Found(_Folder(folder), name, os.stat(name, dir_fd=folder, follow_symlinks=False))


def is_gone(error: OSError) -> bool:
    """Whether what was found is no longer there, or is something else by now."""
    return error.errno in _GONE
