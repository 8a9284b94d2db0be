"""Cache directories of RUN --mount=type=cache, kept between builds."""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from shoal.contracts.build import CacheRequest
from shoal.drivers.files.tree import copy_tree, remove_tree, tree_bytes


class Caches:
    """Cache directories below one folder: <name>/data and <name>/id."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made by the first cache."""
        self._folder = folder
        self._locks: dict[str, asyncio.Lock] = {}
        self._in_use: dict[str, int] = {}

    @asynccontextmanager
    async def hold(self, request: CacheRequest) -> AsyncIterator[Path]:
        """The directory, for the time of the `with`."""
        name = hashlib.sha256(request.id.encode()).hexdigest()[:32]
        if request.sharing == "private":
            name = self._free_name(name)
        self._in_use[name] = self._in_use.get(name, 0) + 1
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            if request.sharing == "locked":
                await lock.acquire()
            try:
                yield await asyncio.to_thread(self._make, name, request)
            finally:
                if request.sharing == "locked":
                    lock.release()
        finally:
            self._in_use[name] -= 1
            if not self._in_use[name]:
                del self._in_use[name]

    def _free_name(self, name: str) -> str:
        candidates = (f"{name}-{number}" if number else name for number in range(len(self._in_use) + 1))
        return next(candidate for candidate in candidates if candidate not in self._in_use)

    def _make(self, name: str, request: CacheRequest) -> Path:
        folder = self._folder / name
        data = folder / "data"
        if not data.is_dir():
            # Made beside its place, so that a crash leaves no half-seeded cache.
            fresh = self._folder / f"{name}.new"
            remove_tree(fresh)
            (fresh / "data").mkdir(parents=True)
            (fresh / "id").write_text(json.dumps(request.id))
            if request.seed is not None and request.seed.is_dir():
                copy_tree(request.seed, fresh / "data")
            os.chown(fresh / "data", request.uid, request.gid)
            os.chmod(fresh / "data", request.mode)
            try:
                fresh.rename(folder)
            except OSError:
                # Another build was quicker.
                remove_tree(fresh)
        os.utime(folder)
        return data

    async def usage(self) -> Sequence[tuple[str, int, int]]:
        """(name, bytes, last used in ns) of each."""
        return await asyncio.to_thread(self._usage)

    def _usage(self) -> Sequence[tuple[str, int, int]]:
        if not self._folder.is_dir():
            return ()
        folders = sorted(self._folder.iterdir())
        return [(f.name, tree_bytes(f / "data"), f.stat().st_mtime_ns) for f in folders if (f / "id").exists()]

    async def remove(self, name: str) -> None:
        """Delete one, unless it is in use."""
        if name not in self._in_use and "/" not in name:
            await asyncio.to_thread(remove_tree, self._folder / name)

    def clean(self) -> None:
        """Remove what a crash left half-made. Blocking."""
        for folder in self._folder.glob("*.new"):
            remove_tree(folder)
