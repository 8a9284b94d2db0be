"""Looking into the file system of a container that does not run, without being led out of it by its links."""

import errno
import os
from pathlib import Path

_LINKS = 40


def inside(root: Path, path: str) -> Path:
    """Where `path` of the container is on the host; every link is followed as the container would.

    What does not exist is taken as it is written. Blocking. Raises: OSError(ELOOP)
    """
    done: list[str] = []
    todo = [part for part in reversed(path.split("/")) if part not in ("", ".")]
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
        todo.extend(piece for piece in reversed(target.split("/")) if piece not in ("", "."))
    return root.joinpath(*done)


def read_text(root: Path, path: str, limit: int = 1 << 20) -> str:
    """A text file of the container, "" where there is none. Blocking."""
    try:
        with inside(root, path).open("rb") as file:
            return file.read(limit).decode(errors="replace")
    except OSError:
        return ""


def make_directory(root: Path, path: str) -> None:
    """The directory `path` in the container, made where it is missing. Blocking. Raises: OSError"""
    inside(root, path).mkdir(mode=0o755, parents=True, exist_ok=True)
