"""Opening paths below a root that symbolic links can't leave. Source: openat2(2), RESOLVE_IN_ROOT, Linux 5.6."""

import os
import posixpath
import stat

from shoal.drivers.files.openat import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2
from shoal.errors import DriverError, Forbidden, InvalidArgument, NotFound, ShoalError
from shoal.model.path_stat import PathStat

_MAX_LINKS = 40


def open_inside(root: int, path: str, flags: int = os.O_PATH) -> int:
    """A descriptor of `path` below the directory `root`. Raises: OSError"""
    return openat2(root, path.lstrip("/") or ".", flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)


def open_or_make(root: int, path: str, *, is_folder: bool) -> int:
    """A descriptor of `path`; where it is missing, it is made with all above it, as the start of a container does.

    Raises: OSError when something else is in the way
    """
    try:
        return open_inside(root, path)
    except FileNotFoundError:
        pass
    parent, name = posixpath.split(posixpath.normpath(path))
    above = open_or_make(root, parent, is_folder=True)
    try:
        if is_folder:
            os.mkdir(name, 0o755, dir_fd=above)
        else:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644, dir_fd=above))
    finally:
        os.close(above)
    return open_inside(root, path)


def follows(path: str) -> bool:
    """True when the last part of `path` is to be followed where it is a link: "/a/" and "/a/."."""
    return path.endswith(("/", "/."))


def last_name(path: str) -> str:
    """The last part of a path; "/" of the root."""
    return posixpath.basename(posixpath.normpath(path)) or "/"


def stat_inside(root: int, path: str) -> PathStat:
    """What is at `path`. Raises: OSError"""
    fd = open_inside(root, path, os.O_PATH | (0 if follows(path) else os.O_NOFOLLOW))
    try:
        info = os.fstat(fd)
        is_link = stat.S_ISLNK(info.st_mode)
        return PathStat(
            name=last_name(path),
            size_bytes=info.st_size,
            mode=info.st_mode,
            mtime=info.st_mtime_ns,
            link_target=_link_target(root, path) if is_link else "",
        )
    finally:
        os.close(fd)


def _link_target(root: int, path: str) -> str:
    """Where the link at `path` leads in the end, as far as it leads anywhere."""
    for _ in range(_MAX_LINKS):
        try:
            fd = open_inside(root, path, os.O_PATH | os.O_NOFOLLOW)
        except OSError:
            return path
        try:
            if not stat.S_ISLNK(os.fstat(fd).st_mode):
                return path
            target = os.readlink("", dir_fd=fd)
        finally:
            os.close(fd)
        path = posixpath.normpath(posixpath.join("/", posixpath.dirname(path), target))
    return path


def path_error(error: OSError, path: str) -> ShoalError:
    """The error that a caller is told."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFound(f"Could not find the file {path} in container")
    if error.errno == 36:  # ENAMETOOLONG
        return InvalidArgument(f"{path[:255]}: file name too long")
    if error.errno == 40:  # ELOOP
        return InvalidArgument(f"{path}: too many levels of symbolic links")
    if error.errno == 30:  # EROFS
        return Forbidden(f"{path}: read-only file system")
    return DriverError(f"{path}: {error.strerror}")
