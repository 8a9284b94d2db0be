"""Directories below a root, opened component by component, so that no symbolic link can lead out.

Each step is openat(2) with O_NOFOLLOW below a descriptor that was reached the same way: what an archive, or a process
inside a container, makes of its names never matters.
"""

import os
import stat

from shoal.errors import InvalidArgument
from shoal.oci.whiteout import clean_path

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KEPT = 64
_MAX_LINKS = 40


class Folders:
    """Open directories below one root, by path.

    A symbolic link in the middle of a path is followed as long as it is relative and stays inside.
    implied: directories that were made because something was to go into them
    """

    def __init__(self, root: str) -> None:
        self.root = os.open(root, _OPEN)
        self.implied: set[str] = set()
        self._open: dict[str, tuple[int, str]] = {"": (self.root, "")}

    def close(self) -> None:
        """Close all."""
        for fd, _ in self._open.values():
            os.close(fd)
        self._open.clear()

    def get(self, path: str, *, make: bool = True) -> int:
        """The descriptor of the folder `path` (clean), valid until the next call.

        make: make it, and those above it, where they are not
        Raises: InvalidArgument when something on the way is no folder, or leads out; FileNotFoundError without `make`
        """
        found = self._open.get(path)
        if found is None:
            found = self._walk(path, make, 0)
            self._shrink(path)
        return found[0]

    def real(self, path: str) -> str:
        """Where `path` is once symbolic links are followed; it was got before."""
        return self._open[path][1]

    def forget(self, path: str) -> None:
        """`path` was removed, with all below it."""
        below = path + "/"
        for known in [known for known, (_, real) in self._open.items() if _is_at(known, real, path, below)]:
            os.close(self._open.pop(known)[0])
        self.implied = {known for known in self.implied if known != path and not known.startswith(below)}

    def _shrink(self, keep: str) -> None:
        while len(self._open) > _KEPT:
            oldest = next(path for path in self._open if path not in ("", keep))
            os.close(self._open.pop(oldest)[0])

    def _walk(self, path: str, make: bool, links: int) -> tuple[int, str]:
        found = self._open.get(path)
        if found is not None:
            return found
        parent, _, name = path.rpartition("/")
        above, real_parent = self._walk(parent, make, links)
        real = f"{real_parent}/{name}" if real_parent else name
        try:
            fd = os.open(name, _OPEN, dir_fd=above)
        except FileNotFoundError:
            if not make:
                raise
            os.mkdir(name, 0o755, dir_fd=above)
            self.implied.add(real)
            fd = os.open(name, _OPEN, dir_fd=above)
        except OSError as error:
            if not stat.S_ISLNK(os.lstat(name, dir_fd=above).st_mode):
                raise InvalidArgument(f'archive entry below "{path}": not a directory') from error
            target = self._target(path, real_parent, os.readlink(name, dir_fd=above), links)
            there, real = self._walk(target, make, links + 1)
            fd = os.dup(there)
        self._open[path] = (fd, real)
        return fd, real

    def _target(self, path: str, real_parent: str, link: str, links: int) -> str:
        if link.startswith("/"):
            raise InvalidArgument(
                f'archive entry below "{path}": the symbolic link to "{link}" leads out of its folder'
            )
        if links >= _MAX_LINKS:
            raise InvalidArgument(f'archive entry below "{path}": too many levels of symbolic links')
        try:
            return clean_path(f"{real_parent}/{link}")
        except InvalidArgument:
            message = f'archive entry below "{path}": the symbolic link to "{link}" leads out of its folder'
            raise InvalidArgument(message) from None


def _is_at(known: str, real: str, path: str, below: str) -> bool:
    return known != "" and (known == path or known.startswith(below) or real == path or real.startswith(below))


def lstat_below(root: str, path: str) -> os.stat_result | None:
    """What is at `path` below `root`, None where nothing is; no link on the way is followed."""
    fd = os.open(root, _OPEN)
    try:
        *folders, name = path.split("/") if path else ["."]
        for folder in folders:
            below = os.open(folder, _OPEN, dir_fd=fd)
            os.close(fd)
            fd = below
        return os.lstat(name, dir_fd=fd)
    except (FileNotFoundError, NotADirectoryError):
        return None
    finally:
        os.close(fd)
