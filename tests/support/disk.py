"""Blobs, layers and snapshots in one folder, without images."""

from pathlib import Path

from shoal.drivers.blobs import BlobStore
from shoal.drivers.layers.snapshots import OverlaySnapshots
from shoal.drivers.unsynced import Unsynced


class Disk:
    """`root`: of blobs and snapshots, real ones. boot: which boot of the machine this is."""

    def __init__(self, root: Path, boot: str = "first") -> None:
        self.root = root
        self.unsynced = Unsynced(root / "unsynced", boot)
        self.unsynced.open()
        self.blobs = BlobStore(root, self.unsynced)
        self.blobs.open(0)
        self.snapshots = OverlaySnapshots(root, self.blobs, self.unsynced)
        self.snapshots.open()

    def close(self) -> None:
        """Let go of the threads."""
        self.snapshots.close()
        self.unsynced.close()

    async def unpack(self, data: bytes) -> Path:
        digest = await self.blobs.add(data)
        return (await self.snapshots.unpack(self.blobs.path(digest))).directory

    async def layer(self, data: bytes, parent: str = "") -> str:
        """The chain id of a published layer."""
        digest = await self.blobs.add(data)
        unpacked = await self.snapshots.unpack(self.blobs.path(digest))
        chain = unpacked.diff_id if not parent else f"sha256:{len(self.snapshots.layers()):064x}"
        await self.snapshots.publish(unpacked, chain, parent)
        return chain

    def leftovers(self) -> list[str]:
        return [p.name for folder in ("layers", "trash", "ingest") for p in (self.root / folder).iterdir()]
