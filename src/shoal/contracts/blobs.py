"""Blobs: bytes named by their own digest, in an OCI image layout.

A blob is immutable. It is written to a temporary name and gets its digest as name only when the digest is right, so
what `size` finds is whole and true. A download that stops half-way stays as a **partial** of its digest: `receive` with
`offset = partial_bytes(digest)` goes on where it ended. Nobody removes a blob but the garbage collection.

A blob that comes in can be read meanwhile, from its beginning (`IncomingBlob`): the writer never waits for the reader.
"""

from collections.abc import AsyncIterable, Callable, Sequence
from pathlib import Path
from typing import Protocol


class IncomingBlob(Protocol):
    """A blob that is still being written, for one reader in a worker thread."""

    @property
    def digest(self) -> str:
        """Of the whole; "" while it is not whole."""
        ...

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, b"" at the end of the whole; waits for them.

        Raises: DriverError when the blob will never be whole
        """
        ...

    def close(self) -> None:
        """Read no more."""
        ...


class Blobs(Protocol):
    """The content store of one node."""

    def size(self, digest: str) -> int | None:
        """Bytes of the blob, None when it is not here."""
        ...

    def path(self, digest: str) -> Path:
        """Where the blob is, for reading only."""
        ...

    def read(self, digest: str) -> bytes:
        """The whole of a small blob (manifest, config). Raises: NotFound, InvalidArgument (too large for one)"""
        ...

    async def add(self, data: bytes) -> str:
        """The digest of `data`, which is kept from now on."""
        ...

    def partial_bytes(self, digest: str) -> int:
        """How much of an unfinished download is here."""
        ...

    async def receive(
        self, digest: str, size_bytes: int, chunks: AsyncIterable[bytes], offset: int, advance: Callable[[int], None]
    ) -> None:
        """Keep `chunks`, which are the blob from `offset` on, and check the digest of the whole.

        advance: called with the number of bytes here so far
        Raises: DriverError when the digest or the size is wrong (nothing is kept then) or the disk is full; what
            `chunks` raises goes through, and what came before it stays for the next try
        """
        ...

    async def remove(self, digest: str) -> None:
        """Forget a blob; one that is not here is no error."""
        ...

    def digests(self) -> Sequence[tuple[str, int]]:
        """(digest, when it was written in ns) of each blob."""
        ...

    def write_index(self, entries: Sequence[tuple[str, str, int, str]]) -> None:
        """Make the layout's index.json name these: (manifest's digest, media type, size, reference or "")."""
        ...

    def open(self, now_ns: int) -> None:
        """Make the layout where there is none; drop temporary files, and partials that are older than a day."""
        ...
