"""Whole directory trees: copied with everything that belongs to them, removed, measured. Blocking: call in a thread."""

import contextlib
import os
import shutil
import stat
from pathlib import Path


def copy_tree(source: Path, target: Path) -> None:
    """Copy what is in `source` into the directory `target`: owners, modes, times, attributes, links, devices.

    `target` itself takes the owner and mode of `source`. Symlinks are copied, never followed.
    """
    links: dict[tuple[int, int], str] = {}
    _copy_directory(str(source), str(target), links)


def _copy_directory(source: str, target: str, links: dict[tuple[int, int], str]) -> None:
    for entry in os.scandir(source):
        to = os.path.join(target, entry.name)
        info = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            os.mkdir(to)
            _copy_directory(entry.path, to, links)
        else:
            _copy_file(entry.path, to, info, links)
    copy_metadata(source, target, os.lstat(source))


def _copy_file(source: str, target: str, info: os.stat_result, links: dict[tuple[int, int], str]) -> None:
    if info.st_nlink > 1:
        first = links.setdefault((info.st_dev, info.st_ino), target)
        if first != target:
            os.link(first, target, follow_symlinks=False)
            return
    if stat.S_ISLNK(info.st_mode):
        os.symlink(os.readlink(source), target)
    elif stat.S_ISREG(info.st_mode):
        shutil.copyfile(source, target, follow_symlinks=False)
    else:
        os.mknod(target, info.st_mode, info.st_rdev)
    copy_metadata(source, target, info)


def copy_metadata(source: str, target: str, info: os.stat_result) -> None:
    """Owner, mode, extended attributes and times of one file; what the file system can't hold is left out."""
    os.chown(target, info.st_uid, info.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(info.st_mode):
        os.chmod(target, stat.S_IMODE(info.st_mode))
        for name in os.listxattr(source, follow_symlinks=False):
            with contextlib.suppress(OSError):
                os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=False), follow_symlinks=False)
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns), follow_symlinks=False)


def remove_tree(path: Path) -> None:
    """Remove a directory and all below it; no error where it is gone."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)


def tree_bytes(path: Path) -> int:
    """Bytes that the files below `path` take on disk, hard links counted once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    todo = [str(path)]
    while todo:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for entry in os.scandir(todo.pop()):
                info = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(info.st_mode):
                    todo.append(entry.path)
                elif (info.st_dev, info.st_ino) not in seen:
                    seen.add((info.st_dev, info.st_ino))
                    total += info.st_blocks * 512
    return total
