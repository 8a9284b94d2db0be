"""A layer's tar becomes a directory as overlayfs wants it: whiteouts are 0/0 devices, opaque folders carry an xattr.

A handful of system calls a file: made with the right mode at once, owner and times set only where they differ from
what the kernel gave. Folders get their times at the end, since filling them changes those.
"""

import errno
import os
import stat
from collections.abc import Iterable
from itertools import count

from shoal.drivers.files.tree import remove_at
from shoal.drivers.layers.folders import Folders
from shoal.drivers.layers.tar import (
    BLOCK_DEVICE,
    CHAR,
    FIFO,
    FILE,
    FOLDER,
    LINK,
    SYMLINK,
    TarEntry,
    TarReader,
)
from shoal.errors import DriverError, InvalidArgument
from shoal.oci.whiteout import MAX_NAME, PREFIX, clean_path, is_aufs_metadata, parse_whiteout

OPAQUE_XATTR = "trusted.overlay.opaque"
#: A layer must not speak to overlayfs itself: "redirect" would show it other folders.
PRIVATE_XATTRS = ("trusted.overlay.", "user.overlay.")
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = (errno.ENOSPC, errno.EDQUOT)
_UNMASKED = 0o755  # bits that our umask leaves alone


class Unpacker:
    """Unpacks entries below one root.

    is_layer: whiteouts have their meaning; else they are names like any other
    """

    def __init__(self, root: str, *, is_layer: bool = True) -> None:
        self._folders = Folders(root)
        self._is_layer = is_layer
        self._steps = count()
        self._pending: dict[str, tuple[int, TarEntry]] = {}  #: {folder: (step, entry that its metadata comes from)}
        self._removed: dict[str, int] = {}  #: {path: step in which it was replaced, with all below it}
        self._keeps_modes = _umask() & _UNMASKED == 0
        self.bytes_written = 0

    def run(self, reader: TarReader) -> tuple[str, ...]:
        """Folders that no entry named but that had to be made.

        Raises: InvalidArgument for an archive that is broken or wants to leave its folder; DriverError when the disk
            is full or the kernel refuses
        """
        try:
            for entry in reader.entries():
                self._put(entry, reader)
            self._finish()
        finally:
            self._folders.close()
        return tuple(sorted(self._folders.implied))

    def _put(self, entry: TarEntry, reader: TarReader) -> None:
        path = clean_path(entry.name)
        is_special = self._is_layer and PREFIX in path
        if is_special and is_aufs_metadata(path):
            return
        try:
            if not path:
                if entry.kind == FOLDER:
                    self._pending[""] = next(self._steps), entry
            elif is_special and (whiteout := parse_whiteout(path)) is not None:
                self._hide(whiteout.path, whiteout.is_opaque)
            else:
                self._make(path, entry, reader)
        except OSError as error:
            raise _failure(entry.name, error) from error

    def _make(self, path: str, entry: TarEntry, reader: TarReader) -> None:
        parent, _, name = path.rpartition("/")
        folder = self._folders.get(parent)
        if entry.kind == FOLDER:
            self._make_folder(path, entry, folder, name)
            return
        for attempt in (1, 2):
            try:
                self._make_node(entry, reader, folder, name)
                return
            except FileExistsError:
                if attempt == 2:
                    raise
                self._remove(path, folder, name)

    def _remove(self, path: str, folder: int, name: str) -> None:
        """What an earlier entry of the same name made; the last one counts."""
        remove_at(name, folder)
        self._removed[path] = next(self._steps)
        self._folders.forget(path)

    def _make_folder(self, path: str, entry: TarEntry, folder: int, name: str) -> None:
        is_replaced = False
        try:
            os.mkdir(name, 0o700, dir_fd=folder)
        except FileExistsError:
            existing = os.lstat(name, dir_fd=folder)
            if not stat.S_ISDIR(existing.st_mode):
                is_replaced = _is_whiteout(existing)
                self._remove(path, folder, name)
                os.mkdir(name, 0o700, dir_fd=folder)
        if is_replaced:
            _set_opaque(self._folders.get(path))
        self._pending[path] = next(self._steps), entry
        self._folders.implied.discard(path)

    def _make_node(self, entry: TarEntry, reader: TarReader, folder: int, name: str) -> None:
        if entry.kind == FILE:
            self._make_file(entry, reader, folder, name)
        elif entry.kind == LINK:
            self._make_link(entry, folder, name)
        else:
            if entry.kind == SYMLINK:
                os.symlink(entry.link, name, dir_fd=folder)
            else:
                kind = {CHAR: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK, FIFO: stat.S_IFIFO}[entry.kind]
                os.mknod(name, kind | entry.mode, os.makedev(*entry.device), dir_fd=folder)
                _chmod(folder, name, entry.mode)
            if entry.uid or entry.gid:
                os.chown(name, entry.uid, entry.gid, dir_fd=folder, follow_symlinks=False)
            if entry.xattrs:
                _set_xattrs(f"/proc/self/fd/{folder}/{name}", entry.xattrs)
            os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=folder, follow_symlinks=False)

    def _make_file(self, entry: TarEntry, reader: TarReader, folder: int, name: str) -> None:
        fd = os.open(name, _CREATE, entry.mode & 0o777, dir_fd=folder)
        try:
            if entry.sparse is None:
                _write_all(fd, reader.data())
            else:
                _write_sparse(fd, entry, reader)
            self.bytes_written += entry.real_size
            if entry.uid or entry.gid:
                os.fchown(fd, entry.uid, entry.gid)
            if entry.mode & ~_UNMASKED or not self._keeps_modes:
                os.fchmod(fd, entry.mode)
            if entry.xattrs:
                _set_xattrs(fd, entry.xattrs)
            os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(fd)

    def _make_link(self, entry: TarEntry, folder: int, name: str) -> None:
        target = clean_path(entry.link)
        parent, _, target_name = target.rpartition("/")
        folder = os.dup(folder)  # the next lookup may close the one that we have
        try:
            source = self._folders.get(parent, make=False)
            os.link(target_name, name, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, PermissionError) as error:
            message = f'archive entry "{entry.name}": hard link to "{entry.link}", which is not in the archive'
            raise InvalidArgument(message) from error
        finally:
            os.close(folder)

    def _hide(self, path: str, is_opaque: bool) -> None:
        if is_opaque:
            _set_opaque(self._folders.get(path))
            return
        parent, _, name = path.rpartition("/")
        folder = self._folders.get(parent)
        try:
            os.mknod(name, stat.S_IFCHR, 0, dir_fd=folder)
        except FileExistsError:
            # This layer has it as well: only what the layers below have of it is hidden.
            if stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                _set_opaque(self._folders.get(path))

    def _is_removed(self, path: str, step: int) -> bool:
        """Whether the folder made in `step` was replaced since, by itself or with one above it."""
        while path:
            if self._removed.get(path, -1) > step:
                return True
            path = path.rpartition("/")[0]
        return False

    def _finish(self) -> None:
        for path, (step, entry) in self._pending.items():
            if self._removed and self._is_removed(path, step):
                continue
            try:
                fd = self._folders.get(path)
                os.fchown(fd, entry.uid, entry.gid)
                os.fchmod(fd, entry.mode)
                if entry.xattrs:
                    _set_xattrs(fd, entry.xattrs)
                os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
            except OSError as error:
                raise _failure(entry.name, error) from error


def _umask() -> int:
    """Ours; read from the kernel, since umask(2) can only be asked by changing it."""
    with open("/proc/self/status", "rb") as file:
        for line in file:
            if line.startswith(b"Umask:"):
                return int(line.split()[1], 8)
    return 0o777


def _chmod(folder: int, name: str, mode: int) -> None:
    """chmod(2) follows links, and a container that runs may have put one in the place of what was made."""
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if not stat.S_ISLNK(os.fstat(fd).st_mode):
            os.chmod(f"/proc/self/fd/{fd}", mode)
    finally:
        os.close(fd)


def _write_all(fd: int, pieces: Iterable[memoryview]) -> None:
    for piece in pieces:
        written = os.write(fd, piece)
        while written < len(piece):
            written += os.write(fd, piece[written:])


def _write_sparse(fd: int, entry: TarEntry, reader: TarReader) -> None:
    for offset, size in entry.sparse or ():
        os.lseek(fd, offset, os.SEEK_SET)
        _write_all(fd, reader.take(size))
    os.ftruncate(fd, entry.real_size)


def _set_xattrs(target: int | str, xattrs: dict[str, bytes]) -> None:
    for name, value in xattrs.items():
        if name.startswith(PRIVATE_XATTRS):
            continue
        try:
            os.setxattr(target, name, value, follow_symlinks=not isinstance(target, str))
        except OSError as error:
            # What the file system can't keep (SELinux labels, user xattrs on links) is left out, as Docker does.
            if error.errno not in (errno.ENOTSUP, errno.EPERM):
                raise


def _set_opaque(folder: int) -> None:
    os.setxattr(folder, OPAQUE_XATTR, b"y")


def _is_whiteout(found: os.stat_result) -> bool:
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


def _failure(name: str, error: OSError) -> DriverError | InvalidArgument:
    if error.errno in _FULL:
        return DriverError(f'unpacking "{name}": no space left on device', hint="free some space: shoal system prune")
    if error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP):
        return InvalidArgument(f'archive entry "{name[: 2 * MAX_NAME]}": {error.strerror}')
    return DriverError(f'unpacking "{name}": {error.strerror}')
