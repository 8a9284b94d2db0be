"""What a build does to the world: files put into a root directory, programs run in one.

A **root** is the mounted directory of an active snapshot; every path inside it is resolved as if it were "/", so that a
symlink never leads out. A **context** is the user's files: received once, indexed by content, unpacked only when a step
reads them that the cache does not have. A step's **dressing** is what a program needs to find in its root although it
must not become a part of the image: mount points, the host's certificates.

Lifecycle of a RUN: `dress` the mounted root → `run` → `undress` it → the root is unmounted → `tidy` its upper
directory. Afterwards the upper holds what the program changed and nothing of ours.

Nothing here outlives a build but the cache directories. `open`, once at start, removes what a dead engine left, its
running steps included.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class BuildContext(Protocol):
    """The files that the user sent, without those that .dockerignore leaves out."""

    def read(self, path: str) -> bytes | None:
        """A small file's content, before .dockerignore; None where there is none. Raises: InvalidArgument if huge"""
        ...

    def digest(self, sources: Sequence[str], exclude: Sequence[str]) -> str:
        """Names the content, names and modes of what `sources` (wildcards possible) match; times don't count.

        Raises: InvalidArgument where a source without wildcard is missing, or nothing matches
        """
        ...

    async def directory(self) -> Path:
        """Where the files are; unpacked by the first call."""
        ...

    async def close(self) -> None:
        """Remove everything of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One COPY or ADD.

    sources: paths below source_root, wildcards possible
    downloads: (file on the host, name) already fetched for ADD
    files: (name, content) given in the Dockerfile
    owner: (uid, gid); None keeps the source's
    archive_owner: the same for what is unpacked from archives
    mode: of `--chmod`, "" keeps the source's
    unpack: tar archives among the sources are unpacked; unpack_downloads: those fetched as well
    """

    verb: str
    destination: str
    sources: tuple[str, ...] = ()
    source_root: Path | None = None
    downloads: tuple[tuple[Path, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    owner: tuple[int, int] | None = None
    archive_owner: tuple[int, int] | None = None
    mode: str = ""
    parents: bool = False
    exclude: tuple[str, ...] = ()
    unpack: bool = False
    unpack_downloads: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dressing:
    """What `dress` did, for `undress` and `tidy`.

    stubs: mount points made, children after parents, with the inode number that they got
    folders: {path in the root: (mode, uid, gid, mtime in ns) from before} of the directories above anything touched
    bundles: {path in the root: original content} of replaced certificate bundles
    """

    root: Path
    stubs: tuple[tuple[str, bool], ...] = ()
    folders: Mapping[str, tuple[int, int, int, int]] = field(default_factory=dict)
    bundles: Mapping[str, bytes] = field(default_factory=dict)
    bundle_stats: Mapping[str, tuple[int, int, int, int]] = field(default_factory=dict)
    certificates: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRequest:
    """A directory kept between builds.

    seed: directory whose content a new cache starts with
    """

    id: str
    sharing: str = "shared"
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    seed: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """A secret as one step sees it. name: of the file, unique in its folder"""

    name: str
    content: bytes = field(repr=False)
    uid: int = 0
    gid: int = 0
    mode: int = 0o400


class BuildFiles(Protocol):
    """Files of builds. Errors about the user's files are InvalidArgument, in Docker's words where it has some."""

    async def open(self) -> None:
        """Make the folders; remove what half-done builds left."""
        ...

    async def receive(self, chunks: AsyncIterator[bytes], dockerfile: str) -> BuildContext:
        """The context in a tar (plain, gzip, bzip2, xz, zstd).

        dockerfile: its path in the context: "<dockerfile>.dockerignore" goes before ".dockerignore"
        Raises: InvalidArgument for a tar that is cut off, leaves its folder, or expands beyond reason
        """
        ...

    async def download(self, url: str, checksum: str = "") -> tuple[Path, str, str]:
        """(file, its sha256 in hex, name) of what is at `url`. Raises: DriverError, InvalidArgument (checksum)"""
        ...

    async def transfer(self, root: Path, transfer: Transfer) -> None:
        """Copy into `root`."""
        ...

    async def digest(self, root: Path, sources: Sequence[str], exclude: Sequence[str]) -> str:
        """As `BuildContext.digest`, of files in a root; owners count."""
        ...

    async def make_directory(self, root: Path, path: str, owner: tuple[int, int]) -> None:
        """Make `path` and what is missing above it; one that is there stays as it is."""
        ...

    async def read_text(self, root: Path, path: str) -> str:
        """A file of a root, "" where there is none (/etc/passwd)."""
        ...

    def resolve(self, root: Path, path: str) -> Path:
        """Where `path` of a root is on the host, symlinks followed inside the root. It need not exist."""
        ...

    async def dress(self, root: Path, mount_points: Sequence[tuple[str, bool]], certificates: Path | None) -> Dressing:
        """Prepare `root` for a run.

        mount_points: (path, is a directory), those below others left out
        certificates: the host's CA bundle, put where the image has its own; None = not
        """
        ...

    async def undress(self, dressing: Dressing) -> None:
        """Take back what `dress` did; what the run itself changed stays."""
        ...

    async def tidy(self, dressing: Dressing, upper: Path) -> bool:
        """Remove from the unmounted upper what only our touch put there. Returns: whether it still holds anything"""
        ...

    def cache(self, request: CacheRequest) -> AbstractAsyncContextManager[Path]:
        """The cache directory, held for the time of the `with`: "locked" waits for others, "private" evades them."""
        ...

    def secrets(self, secrets: Sequence[SecretFile]) -> AbstractAsyncContextManager[Path]:
        """A folder in memory, never swapped, with a file for each secret; gone at the end of the `with`."""
        ...

    async def cache_usage(self) -> Sequence[tuple[str, int, int]]:
        """(id, bytes, last used in ns) of each cache directory."""
        ...

    async def remove_cache(self, name: str) -> None:
        """Delete one cache directory, unless it is in use."""
        ...


class StepRunner(Protocol):
    """Runs programs of RUN."""

    async def open(self) -> None:
        """Kill and remove the steps of a dead engine."""
        ...

    async def run(self, step_id: str, spec: Mapping[str, Any], output: Callable[[bytes], None]) -> int:
        """The exit status of a container run to its end; 128 + signal when killed by one.

        Cancelling the call kills it. Nothing is left of it afterwards.
        output: gets stdout and stderr, mixed as they come
        Raises: InvalidArgument where the program can't be run; DriverError
        """
        ...
