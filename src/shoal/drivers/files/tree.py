"""Whole directory trees: copied with everything that belongs to them, removed, measured. Blocking: call in a thread."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from shoal.drivers.files.walk import walk_tree


def copy_tree(source: Path, target: Path) -> None:
    """Copy what is in `source` into the directory `target`: owners, modes, times, attributes, links, devices.

    `target` itself takes the owner and mode of `source`. Symlinks are copied, never followed. Containers may be at work
    in `target` meanwhile: all is made below descriptors, so that what they put there leads nowhere else.
    """
    into = os.open(target, _FOLDER)
    links: _Links = {}
    try:
        _copy_directory(str(source), into, links)
    finally:
        os.close(into)
        for descriptor, _ in links.values():
            os.close(descriptor)


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 256
_MAX_DEPTH = 64  # of descriptors that are open at the same time
_CHUNK = 1 << 30

#: {(device, inode): (descriptor of the copy, names that are still to come)}
_Links = dict[tuple[int, int], tuple[int, int]]


def _copy_directory(source: str, into: int, links: _Links) -> None:
    with os.scandir(source) as listing:
        entries = list(listing)
    for entry in entries:
        info = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            os.mkdir(entry.name, 0o700, dir_fd=into)
            below = os.open(entry.name, _FOLDER, dir_fd=into)
            try:
                _copy_directory(entry.path, below, links)
            finally:
                os.close(below)
        elif not _link(entry.name, info, into, links):
            _copy_file(entry.path, entry.name, info, into)
            _remember(entry.name, info, into, links)
    _copy_metadata(source, into, os.lstat(source))


def _link(name: str, info: os.stat_result, into: int, links: _Links) -> bool:
    """Whether `name` is a further name of a file that was copied already, and is one now."""
    key = (info.st_dev, info.st_ino)
    if key not in links:
        return False
    descriptor, left = links[key]
    os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=into, follow_symlinks=True)
    links[key] = (descriptor, left - 1)
    if left == 1:
        os.close(links.pop(key)[0])
    return True


def _remember(name: str, info: os.stat_result, into: int, links: _Links) -> None:
    if info.st_nlink > 1 and stat.S_ISREG(info.st_mode) and len(links) < _MAX_LINKS:
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=into)
        links[info.st_dev, info.st_ino] = (descriptor, info.st_nlink - 1)


def _copy_file(source: str, name: str, info: os.stat_result, into: int) -> None:
    if stat.S_ISLNK(info.st_mode):
        os.symlink(os.readlink(source), name, dir_fd=into)
    elif stat.S_ISREG(info.st_mode):
        _copy_content(source, name, info, into)
        return
    else:
        os.mknod(name, info.st_mode, info.st_rdev, dir_fd=into)
        made = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=into)
        try:
            if stat.S_IFMT(os.fstat(made).st_mode) == stat.S_IFMT(info.st_mode):
                os.chmod(f"/proc/self/fd/{made}", stat.S_IMODE(info.st_mode))
        finally:
            os.close(made)
    os.chown(name, info.st_uid, info.st_gid, dir_fd=into, follow_symlinks=False)
    os.utime(name, ns=(info.st_atime_ns, info.st_mtime_ns), dir_fd=into, follow_symlinks=False)


def _copy_content(source: str, name: str, info: os.stat_result, into: int) -> None:
    copy = os.open(name, _FILE, 0o600, dir_fd=into)
    try:
        with open(source, "rb", buffering=0) as original:
            while os.sendfile(copy, original.fileno(), None, _CHUNK):
                continue
        _copy_metadata(source, copy, info)
    finally:
        os.close(copy)


def _copy_metadata(source: str, copy: int, info: os.stat_result) -> None:
    """Owner, mode, extended attributes and times of a file or folder; what the file system can't hold is left out."""
    os.fchown(copy, info.st_uid, info.st_gid)
    os.fchmod(copy, stat.S_IMODE(info.st_mode))
    for name in os.listxattr(source, follow_symlinks=False):
        with contextlib.suppress(OSError):
            os.setxattr(copy, name, os.getxattr(source, name, follow_symlinks=False))
    os.utime(copy, ns=(info.st_atime_ns, info.st_mtime_ns))


def remove_tree(path: Path) -> None:
    """Remove a directory and all below it; no error where it is gone."""
    with contextlib.suppress(FileNotFoundError):
        above = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            remove_at(path.name, above)
        finally:
            os.close(above)


def remove_at(name: str, folder: int) -> None:
    """Delete `name` in the open directory `folder`, with all below it; never follows a link. Raises: OSError

    However deep it is: a program in a container may nest folders without end.
    """
    try:
        os.unlink(name, dir_fd=folder)
        return
    except IsADirectoryError:
        pass
    top = os.open(name, _FOLDER, dir_fd=folder)
    try:
        while _empty(top, top, 0):
            continue
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=folder)


def _empty(folder: int, top: int, depth: int) -> bool:
    """Delete what is in `folder`; what is too deep is moved up into `top`: True when something was."""
    with os.scandir(folder) as listing:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in listing]
    is_moved = False
    for name, is_folder in entries:
        if not is_folder:
            os.unlink(name, dir_fd=folder)
        elif depth == _MAX_DEPTH:
            os.rename(name, secrets.token_hex(16), src_dir_fd=folder, dst_dir_fd=top)
            is_moved = True
        else:
            below = os.open(name, _FOLDER, dir_fd=folder)
            try:
                is_moved = _empty(below, top, depth + 1) or is_moved
            finally:
                os.close(below)
            os.rmdir(name, dir_fd=folder)
    return is_moved


def tree_bytes(path: Path) -> int:
    """Bytes that the files below `path` take on disk, hard links counted once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for found in walk_tree(str(path)):
            info = found.status
            if found.is_folder or (info.st_nlink > 1 and (info.st_dev, info.st_ino) in seen):
                continue
            if info.st_nlink > 1:
                seen.add((info.st_dev, info.st_ino))
            total += info.st_blocks * 512
    return total
