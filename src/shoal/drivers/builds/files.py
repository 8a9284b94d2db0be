"""Files of builds, on the disk below one root."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

from shoal.contracts.build import BuildContext, CacheRequest, Dressing, SecretFile, Transfer
from shoal.drivers.builds import dressing as dressings
from shoal.drivers.builds import rooted
from shoal.drivers.builds.caches import Caches
from shoal.drivers.builds.context import receive_context, tree_digest
from shoal.drivers.builds.copying import excluded_by, find_sources, transfer
from shoal.drivers.builds.download import download
from shoal.drivers.files.tree import remove_tree
from shoal.drivers.mount import mount_memory, mount_points, unmount
from shoal.errors import DriverError


class DiskBuildFiles:
    """`contracts.build.BuildFiles`.

    root: of the engine; caches are kept in <root>/buildcache, builds under way in <root>/build
    """

    def __init__(self, root: Path) -> None:
        self._work = root / "build"
        self._caches = Caches(root / "buildcache")
        self._numbers = count(1)

    async def open(self) -> None:
        """Remove what half-done builds left."""
        await asyncio.to_thread(self._clean)

    def _clean(self) -> None:
        for point in reversed(mount_points(str(self._work))):
            unmount(point)
        remove_tree(self._work)
        self._work.mkdir(parents=True)
        self._work.chmod(0o700)
        self._caches.clean()

    def _new(self, kind: str) -> Path:
        return self._work / f"{kind}-{next(self._numbers)}"

    async def receive(self, chunks: AsyncIterator[bytes], dockerfile: str) -> BuildContext:
        """The context; see the contract."""
        return await receive_context(self._new("context"), chunks, dockerfile)

    async def download(self, url: str, checksum: str = "") -> tuple[Path, str, str]:
        """(file, sha256, name)."""
        target = self._new("download")
        try:
            digest, name = await download(url, target, checksum)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return target, digest, name

    async def transfer(self, root: Path, wanted: Transfer) -> None:
        """Copy into `root`. Raises: InvalidArgument, DriverError (disk full)"""
        try:
            await asyncio.to_thread(transfer, root, wanted)
        except OSError as error:
            raise DriverError(f"{wanted.verb} failed: {error.strerror or error}: {error.filename or ''}") from error

    async def digest(self, root: Path, sources: Sequence[str], exclude: Sequence[str]) -> str:
        """Content, modes and owners of files in a root."""
        return await asyncio.to_thread(self._digest, str(root), tuple(sources), tuple(exclude))

    def _digest(self, root: str, sources: tuple[str, ...], exclude: tuple[str, ...]) -> str:
        found = find_sources(root, sources, "COPY")
        return tree_digest(root, {path: path for path in found}, excluded_by(exclude))

    async def make_directory(self, root: Path, path: str, owner: tuple[int, int]) -> None:
        """Make `path` and what is missing above it."""
        await asyncio.to_thread(rooted.make_directories, str(root), path, owner)

    async def read_text(self, root: Path, path: str) -> str:
        """A file of a root, "" where there is none."""
        content = await asyncio.to_thread(rooted.read_bytes, str(root), path)
        return (content or b"").decode(errors="replace")

    def resolve(self, root: Path, path: str) -> Path:
        """Where `path` of a root is on the host."""
        return Path(rooted.resolve(str(root), path))

    async def dress(self, root: Path, mount_points: Sequence[tuple[str, bool]], certificates: Path | None) -> Dressing:
        """Prepare `root` for a run."""
        return await asyncio.to_thread(dressings.dress, root, list(mount_points), certificates)

    async def undress(self, dressing: Dressing) -> None:
        """Take it back."""
        await asyncio.to_thread(dressings.undress, dressing)

    async def tidy(self, dressing: Dressing, upper: Path) -> bool:
        """Remove from the upper what only our touch put there."""
        return await asyncio.to_thread(dressings.tidy, dressing, upper)

    def cache(self, request: CacheRequest) -> AbstractAsyncContextManager[Path]:
        """A cache directory, held."""
        return self._caches.hold(request)

    @asynccontextmanager
    async def secrets(self, secrets: Sequence[SecretFile]) -> AsyncIterator[Path]:
        """A folder in memory with the secrets."""
        folder = self._new("secrets")
        folder.mkdir()
        mount_memory(str(folder))
        try:
            for secret in secrets:
                path = folder / secret.name
                path.write_bytes(secret.content)
                os.chown(path, secret.uid, secret.gid)
                path.chmod(secret.mode)
            yield folder
        finally:
            unmount(str(folder))
            os.rmdir(folder)

    async def cache_usage(self) -> Sequence[tuple[str, int, int]]:
        """(name, bytes, last used in ns) of each cache directory."""
        return await self._caches.usage()

    async def remove_cache(self, name: str) -> None:
        """Delete one cache directory, unless it is in use."""
        await self._caches.remove(name)
