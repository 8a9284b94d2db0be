"""Paths inside a root directory: symlinks are followed as a process would that has it as its "/"."""

import errno
import fnmatch
import os
import stat
from collections.abc import Iterator

from shoal.dockerfile.dockerignore import has_wildcard
from shoal.errors import InvalidArgument

_MAX_LINKS = 64


def resolve(root: str, path: str, *, follow_last: bool = True) -> str:
    """The host's path of `path`, which need not exist. Raises: InvalidArgument for a loop of symlinks"""
    todo = [part for part in reversed(path.split("/")) if part]
    done: list[str] = []
    links = 0
    while todo:
        part = todo.pop()
        if part == ".":
            continue
        if part == "..":
            done[-1:] = []
            continue
        here = os.path.join(root, *done, part)
        target = _link_target(here) if todo or follow_last else None
        if target is None:
            done.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            raise InvalidArgument(f"{path}: too many levels of symbolic links")
        if target.startswith("/"):
            done.clear()
        todo.extend(part for part in reversed(target.split("/")) if part)
    return os.path.join(root, *done)


def without_links(root: str, path: str) -> str | None:
    """The host's path of `path` as it is written, None where a symlink has taken the place of a folder above it.

    For paths that were resolved before a program of the user's ran: what it put there must not lead out of the root.
    """
    here = root.rstrip("/")
    for part in [part for part in os.path.dirname(path).split("/") if part]:
        here = os.path.join(here, part)
        if os.path.islink(here):
            return None
    return os.path.join(here, os.path.basename(path))


def _link_target(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError as error:
        # Not there, no symlink, or below a file: the caller finds out when it uses the path.
        if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
            return None
        raise


def make_directories(root: str, path: str, owner: tuple[int, int], mode: int = 0o755) -> str:
    """The host's path of the directory `path`, made with all above it where missing.

    Raises: InvalidArgument where a file is in the way
    """
    current = "/"
    host = root
    for part in [part for part in path.split("/") if part]:
        current = os.path.join(current, part)
        host = resolve(root, current)
        try:
            os.mkdir(host, mode)
        except FileExistsError:
            if not os.path.isdir(host):
                raise InvalidArgument(f"cannot make directory {path}: {current} is not a directory") from None
            continue
        except FileNotFoundError:
            # A symlink that points to where nothing is: what it points to is made.
            host = make_directories(root, os.path.relpath(host, root), owner, mode)
            continue
        os.chmod(host, mode)
        os.chown(host, *owner)
    return host


def find(root: str, pattern: str) -> list[str]:
    """Paths below `root`, without leading slash, that match a source of COPY, sorted; symlinks on the way resolved.

    A pattern without wildcard gives itself where it exists.
    """
    clean = os.path.normpath("/" + pattern).lstrip("/")
    if not has_wildcard(clean):
        there = os.path.lexists(resolve(root, clean, follow_last=False))
        return [clean] if there else []
    found = [""]
    for part in clean.split("/"):
        found = [child for parent in found for child in _children(root, parent, part)]
    return sorted(found)


def _children(root: str, parent: str, pattern: str) -> Iterator[str]:
    folder = resolve(root, parent)
    if not has_wildcard(pattern):
        name = pattern.replace("\\", "")
        if os.path.lexists(os.path.join(folder, name)):
            yield os.path.join(parent, name)
        return
    if os.path.isdir(folder):
        for name in os.listdir(folder):
            if matches(name, pattern):
                yield os.path.join(parent, name)


def matches(name: str, pattern: str) -> bool:
    """Whether one file name matches one part of a pattern, Go's `filepath.Match`."""
    return fnmatch.fnmatchcase(name, _unescape(pattern).replace("[^", "[!"))


def _unescape(pattern: str) -> str:
    """Escaped characters as classes of one, which fnmatch takes literally."""
    parts: list[str] = []
    chars = iter(pattern)
    for char in chars:
        parts.append(f"[{next(chars, '')}]" if char == "\\" else char)
    return "".join(parts)


def read_bytes(root: str, path: str, limit: int = 16 << 20) -> bytes | None:
    """A regular file's content, None where there is none. Raises: InvalidArgument when it is over `limit`"""
    host = resolve(root, path)
    try:
        info = os.lstat(host)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(info.st_mode):
        return None
    if info.st_size > limit:
        raise InvalidArgument(f"{path}: expected at most {limit} bytes, got {info.st_size}")
    with open(host, "rb") as file:
        return file.read()
