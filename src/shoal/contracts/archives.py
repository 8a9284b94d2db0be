"""Archives that carry images: read into blobs as they come in, written from blobs as they go out.

Reading keeps every regular file of a tar as a blob, whatever it is: only the last member may tell what the others were.
What no image needs in the end falls to the garbage collection.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shoal.contracts.blobs import IncomingBlob


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedFile:
    """A member of an archive that came in.

    name: clean, "blobs/sha256/…"
    link: where a symbolic or hard link points to, clean; the other fields are empty then
    """

    name: str
    digest: str = ""
    size_bytes: int = 0
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of an archive that goes out: `data`, or the blob `digest`; a name that ends with "/" is a folder."""

    name: str
    data: bytes = b""
    digest: str = ""


class Archives(Protocol):
    """Reads and writes them."""

    async def read(
        self,
        chunks: AsyncIterable[bytes],
        advance: Callable[[str, int, int], None] | None = None,
        begin: Callable[[str, IncomingBlob], None] | None = None,
    ) -> Sequence[ArchivedFile]:
        """The regular files and links of a tar (plain, gzip, bzip2, xz or zstd), kept as blobs.

        advance: called with (name, bytes so far, size) of the file that is coming in
        begin: called with the name and the blob of each file that begins to come in and is large enough for a layer;
            whoever is called closes the blob. Not called once this has returned
        Raises: InvalidArgument for what is no tar, is cut off, or names something outside; nothing is kept then
        """
        ...

    async def read_layer(self, chunks: AsyncIterable[bytes]) -> tuple[str, int]:
        """(digest, size) of a root file system's tar, kept as a gzip or zstd blob."""
        ...

    def write(self, members: Sequence[Member]) -> AsyncIterator[bytes]:
        """A tar of these."""
        ...

    async def compress(self, digest: str) -> tuple[str, int]:
        """(digest, size) of a plain blob's gzip, now a blob."""
        ...
