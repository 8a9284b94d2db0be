"""The images of a node with real drivers, without a daemon."""

import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from shoal.drivers.blobs import BlobStore
from shoal.drivers.layers.archives import ImageArchives
from shoal.drivers.layers.snapshots import OverlaySnapshots
from shoal.drivers.registry import OciRegistry
from shoal.drivers.sqlite_store import SqliteStore
from shoal.drivers.unsynced import Unsynced
from shoal.engine.events import Events
from shoal.engine.images import ImageDrivers, Images
from shoal.model.image import Image, ImageUse, Layer, Platform
from shoal.model.progress import Progress
from shoal.model.settings import Settings

FIRST_NS = 1_800_000_000_000_000_000


class ImageNode:
    """`async with ImageNode(tmp_path) as node:` node.images, and the drivers below it.

    uses: what containers stand on, for the test to change
    lines: what was reported, for `report`
    boot: which boot of the machine this is
    """

    def __init__(self, root: Path, settings: Settings | None = None, *, boot: str = "first") -> None:
        self.root = root
        self.uses: list[ImageUse] = []
        self.lines: list[Progress] = []
        self.events = Events(time.time_ns)
        self.unsynced = Unsynced(root / "unsynced", boot)
        self.blobs = BlobStore(root, self.unsynced)
        self.snapshots = OverlaySnapshots(root, self.blobs, self.unsynced)
        self.archives = ImageArchives(self.blobs)
        self.registry = OciRegistry(settings or Settings())
        self.store = SqliteStore(root / "shoal.db", {"images": Image, "layers": Layer})
        ticks = itertools.count(FIRST_NS, 1_000_000_000)
        self.images = Images(
            ImageDrivers(
                store=self.store,
                blobs=self.blobs,
                snapshots=self.snapshots,
                archives=self.archives,
                registry=self.registry,
            ),
            self.events,
            now_ns=lambda: next(ticks),
            platform=Platform(),
            uses=lambda: self.uses,
        )

    async def __aenter__(self) -> "ImageNode":
        self.root.mkdir(parents=True, exist_ok=True)
        self.store.open()
        self.unsynced.open()
        self.blobs.open(time.time_ns())
        self.snapshots.open()
        await self.images.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        for key in list(self.snapshots.keys()):
            await self.snapshots.unmount(key)
        with contextlib.ExitStack() as stack:
            for close in (self.store.close, self.archives.close, self.snapshots.close, self.unsynced.close):
                stack.callback(close)
            await self.registry.close()

    def report(self, line: Progress) -> None:
        """A `Report` that keeps the lines."""
        self.lines.append(line)

    def statuses(self) -> list[str]:
        """What was reported, without what moves."""
        return [line.status or line.stream for line in self.lines if not line.current_bytes]

    async def load(self, path: Path) -> Image:
        """The one image of an archive."""
        (image,) = await self.images.load(chunks_of(path.read_bytes()), quiet=True)
        return image


async def chunks_of(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    """`data` in pieces."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def collected(chunks: AsyncIterator[bytes]) -> bytes:
    """All chunks as one."""
    return b"".join([chunk async for chunk in chunks])


def names(images: Sequence[Image]) -> list[str]:
    """The tags of these, in order."""
    return [tag for image in images for tag in image.repo_tags]
