"""Layers that are unpacked while their archive still comes in."""

import asyncio

from shoal.contracts.blobs import Blobs, IncomingBlob
from shoal.contracts.snapshots import Snapshots, UnpackedLayer
from shoal.errors import ShoalError
from shoal.oci.digest import DIGEST

AT_ONCE = 2  #: of one archive


class EarlyLayers:
    """What may be a layer is unpacked at once, on trial: only the last file of an archive may tell what it is.

    A trial decides nothing. One that fails is as good as none: the layer is unpacked from its blob, and what is wrong
    with it is told then. Results that nobody takes are thrown away by `close`.
    """

    def __init__(self, blobs: Blobs, snapshots: Snapshots) -> None:
        self._blobs = blobs
        self._snapshots = snapshots
        self._trials: dict[asyncio.Task[UnpackedLayer], IncomingBlob] = {}

    def begin(self, name: str, blob: IncomingBlob) -> None:
        """Unpack the file `name` of an archive, unless its name says that it is here already."""
        if self._is_here(name) or sum(not trial.done() for trial in self._trials) >= AT_ONCE:
            blob.close()
            return
        trial = asyncio.create_task(self._snapshots.unpack_incoming(blob))
        trial.add_done_callback(lambda trial: blob.close())
        self._trials[trial] = blob

    def _is_here(self, name: str) -> bool:
        digest = name.removeprefix("blobs/").replace("/", ":")
        return DIGEST.fullmatch(digest) is not None and self._blobs.size(digest) is not None

    async def take(self, digest: str) -> UnpackedLayer | None:
        """The files of the blob, the caller's from now on; None where it was not unpacked."""
        trial = next((trial for trial, blob in self._trials.items() if blob.digest == digest), None)
        if trial is None:
            return None
        await asyncio.wait([trial])
        del self._trials[trial]
        try:
            return trial.result()
        except ShoalError:
            return None

    async def close(self) -> None:
        """Throw away what nobody took."""
        for trial in self._trials:
            trial.cancel()
        for result in await asyncio.gather(*self._trials, return_exceptions=True):
            if isinstance(result, UnpackedLayer):
                await self._snapshots.discard(result)
        self._trials.clear()
