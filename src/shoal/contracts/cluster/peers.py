"""Images that nodes of a cluster have from each other, without a registry."""

from pathlib import Path
from typing import Protocol

from shoal.contracts.registry import FetchedManifest


class LocalImages(Protocol):
    """What this node gives to other nodes of its cluster."""

    def manifest(self, reference: str) -> FetchedManifest:
        """Of an image that is here, by name, digest or id. Raises: NotFound"""
        ...

    def blob(self, digest: str) -> Path:
        """A blob's file, for reading only. Raises: NotFound"""
        ...
