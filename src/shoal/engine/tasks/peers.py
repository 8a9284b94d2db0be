"""Images that this node gives to others of its cluster: implements contracts.cluster.peers.LocalImages."""

from pathlib import Path

from shoal.contracts.blobs import Blobs
from shoal.contracts.registry import FetchedManifest
from shoal.engine.images import Images
from shoal.errors import InvalidArgument, NotFound


class LocalImages:
    """What is in the image store."""

    def __init__(self, images: Images, blobs: Blobs) -> None:
        self._images = images
        self._blobs = blobs

    def manifest(self, reference: str) -> FetchedManifest:
        """See the contract."""
        try:
            image = self._images.resolve(reference)
        except InvalidArgument as error:
            raise NotFound(error.message) from error
        body = self._blobs.read(image.manifest)
        return FetchedManifest(digest=image.manifest, media_type=image.manifest_type, body=body)

    def blob(self, digest: str) -> Path:
        """See the contract."""
        if self._blobs.size(digest) is None:
            raise NotFound(f"no such blob: {digest}")
        return self._blobs.path(digest)
