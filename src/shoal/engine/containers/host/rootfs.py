"""Looking into the file system of a container, without being led out of it by its links.

`inside` and `make_directory` are for one that does not run: nobody may change the links meanwhile.
"""

import errno
import os
import stat
from contextlib import ExitStack
from pathlib import Path

_LINKS = 40


def inside(root: Path, path: str) -> Path:
    """Where `path` of the container is on the host; every link is followed as the container would.

    What does not exist is taken as it is written. Blocking. Raises: OSError(ELOOP)
    """
    done: list[str] = []
    todo = _parts(path)
    links = 0
    while todo:
        part = todo.pop()
        if part == "..":
            if done:
                done.pop()
            continue
        here = root.joinpath(*done, part)
        try:
            target = os.readlink(here)
        except OSError:
            done.append(part)
            continue
        links += 1
        if links > _LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        if target.startswith("/"):
            done.clear()
        todo.extend(_parts(target))
    return root.joinpath(*done)


def read_text(root: Path, path: str, limit: int = 1 << 20) -> str:
    """A text file of the container, which may run, "" where there is none. Blocking, but never waits for a fifo."""
    try:
        with ExitStack() as opened:
            found = _open_inside(root, path, opened)
            if not stat.S_ISREG(os.fstat(found).st_mode):
                return ""
            with open(f"/proc/self/fd/{found}", "rb") as file:
                return file.read(limit).decode(errors="replace")
    except OSError:
        return ""


def _open_inside(root: Path, path: str, opened: ExitStack) -> int:
    """An O_PATH descriptor of what is at `path`; whatever the container does meanwhile, it is one of its own files.

    Each step is openat(2) of one name below a descriptor that was reached the same way; ".." goes back to where we
    came from. The descriptors are closed with `opened`.
    """

    def step(name: str, flags: int, below: int | None = None) -> int:
        descriptor = os.open(name, os.O_PATH | os.O_CLOEXEC | flags, dir_fd=below)
        opened.callback(os.close, descriptor)
        return descriptor

    way = [step(str(root), os.O_DIRECTORY)]
    todo = _parts(path)
    links = 0
    while todo:
        part = todo.pop()
        if part == "..":
            if len(way) > 1:
                way.pop()
            continue
        here = step(part, os.O_NOFOLLOW, way[-1])
        if not stat.S_ISLNK(os.fstat(here).st_mode):
            way.append(here)
            continue
        links += 1
        if links > _LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink("", dir_fd=here)
        if target.startswith("/"):
            del way[1:]
        todo.extend(_parts(target))
    return way[-1]


def _parts(path: str) -> list[str]:
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def make_directory(root: Path, path: str) -> None:
    """The directory `path` in the container, made where it is missing. Blocking. Raises: OSError"""
    inside(root, path).mkdir(mode=0o755, parents=True, exist_ok=True)
