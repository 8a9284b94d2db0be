"""A registry that speaks the OCI distribution protocol.

Every call names the repository by a `Reference` and may carry credentials; the driver finds out by itself how the
registry wants them (basic, or a token from another server) and keeps tokens while they hold. Digests of manifests are
checked here, those of blobs by the blob store that takes them.

Errors: Unauthorized, Forbidden, NotFound in Docker's words; Unavailable when the registry can't be reached; DriverError
for answers that make no sense.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shoal.model.registry import RegistryAuth
from shoal.oci.manifest import Descriptor
from shoal.oci.reference import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedManifest:
    """A manifest or index as the registry gave it."""

    digest: str
    media_type: str
    body: bytes


class Source(Protocol):
    """Where images come from."""

    async def manifest(self, reference: Reference, auth: RegistryAuth | None = None) -> FetchedManifest:
        """The manifest or index that the reference's digest, else its tag, points to."""
        ...

    def blob(
        self, reference: Reference, descriptor: Descriptor, offset: int, auth: RegistryAuth | None = None
    ) -> AsyncIterator[bytes]:
        """The blob's bytes from `offset` on. Goes on by itself after a broken connection, a few times."""
        ...


class Registry(Source, Protocol):
    """The registries of the world."""

    async def tags(self, reference: Reference, auth: RegistryAuth | None = None) -> list[str]:
        """All tags of the repository."""
        ...

    async def has_blob(self, reference: Reference, digest: str, auth: RegistryAuth | None = None) -> bool:
        """Whether the repository has the blob."""
        ...

    async def mount_blob(
        self, reference: Reference, digest: str, source: Reference, auth: RegistryAuth | None = None
    ) -> bool:
        """Whether the registry took the blob over from its repository `source`."""
        ...

    async def push_blob(
        self,
        reference: Reference,
        descriptor: Descriptor,
        path: Path,
        auth: RegistryAuth | None = None,
        advance: Callable[[int], None] | None = None,
    ) -> None:
        """Upload a file as a blob. advance: called with the number of bytes sent so far"""
        ...

    async def push_manifest(
        self, reference: Reference, body: bytes, media_type: str, auth: RegistryAuth | None = None
    ) -> str:
        """The digest of the manifest, now at the reference's tag (or digest)."""
        ...

    async def login(self, auth: RegistryAuth) -> str:
        """The identity token that the registry gave, "" where it gives none. Raises: Unauthorized"""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
