"""Trees: the files of containers, read and written from outside as tar streams.

A **view** is a directory that shows a container's root with its volumes in place; it is made for one operation and is
gone after it. Paths are those of the container, absolute. Every symbolic link is followed as the container itself would
follow it, never out of the view, also while a process in the container changes links at the same time: each path is
resolved by the kernel below the view's root (openat2 with RESOLVE_IN_ROOT).
"""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shoal.model.path_stat import PathStat


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMount:
    """A directory or file of the host that a view shows at `destination`.

    subpath: only this place below the source, which others may change: links there don't lead out; "" = all of it
    """

    source: Path
    destination: str
    read_only: bool = False
    subpath: str = ""


class Trees(Protocol):
    """Views of containers' files.

    Raises: NotFound where the path is not there; InvalidArgument for broken archives and what can't be put where it is
    to go; Forbidden for a read-only place; DriverError when the kernel refuses otherwise
    """

    def view(self, root: Path, mounts: Sequence[ShownMount] = ()) -> AbstractAsyncContextManager[Path]:
        """The view of `root` (a mounted snapshot) with `mounts`, outer ones first, shown in it."""
        ...

    def pin(self, root: Path, path: str) -> AbstractAsyncContextManager[Path]:
        """Where to find what is now at `path` below `root`, whatever becomes of the names and links there meanwhile."""
        ...

    async def stat(self, view: Path, path: str) -> PathStat:
        """What is at `path`; a symbolic link is not followed, unless the path ends with a slash."""
        ...

    def read(self, view: Path, path: str, *, bare: bool = False) -> AsyncIterator[bytes]:
        """A tar of what is at `path`; names begin with the path's last part ("." of the root).

        bare: names are those inside the directory `path`: "bin/sh"
        """
        ...

    async def write(
        self,
        view: Path,
        path: str,
        chunks: AsyncIterable[bytes],
        *,
        owner: tuple[int, int] | None = None,
        keep_kinds: bool = False,
    ) -> None:
        """Put a tar (plain or compressed) into the directory `path`.

        owner: of all that is written; None = as the tar says
        keep_kinds: a directory is never replaced by something else, nor something else by a directory
        """
        ...

    async def clean(self) -> None:
        """Take away what an engine that was killed has left."""
        ...
