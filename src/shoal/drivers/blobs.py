"""Blobs in an OCI image layout on disk. Source: OCI image specification, image-layout.md."""

import contextlib
import errno
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import AsyncIterable, Callable, Iterator, Sequence
from pathlib import Path

from shoal.drivers.growing import GrowingFile, Growth
from shoal.drivers.threads import in_thread
from shoal.drivers.unsynced import Unsynced
from shoal.errors import DriverError, InvalidArgument, NotFound, ShoalError
from shoal.oci.digest import encoded, parse_digest, sha256

log = logging.getLogger("shoal.images")

_CHUNK = 1 << 20
_MARK = "blob"
_DAY_NS = 24 * 3600 * 1_000_000_000
_LAYOUT = '{"imageLayoutVersion":"1.0.0"}'
_FLUSH_BYTES = 1 << 20
_DIRECT_BYTES = 64 << 10
_VECTOR_PIECES = 16
_SMALL_BYTES = 16 << 20


class BlobStore:
    """`contracts.blobs.Blobs` in a directory.

    root/oci-layout, index.json, blobs/sha256/<hex>      what any OCI tool reads
    root/ingest/<hex>                                    partial downloads
    root/ingest/new-…                                    what has no digest yet
    """

    def __init__(self, root: Path, unsynced: Unsynced) -> None:
        self.root = root
        self._unsynced = unsynced
        self._blobs = root / "blobs" / "sha256"
        self._ingest = root / "ingest"

    def open(self, now_ns: int) -> None:
        """Make the layout; drop what half-done work left."""
        for folder in (self._blobs, self._ingest):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        layout = self.root / "oci-layout"
        if not layout.exists():
            self._write_atomically(layout, _LAYOUT)
        for entry in list(os.scandir(self._ingest)):
            if entry.name.startswith("new-") or entry.stat().st_mtime_ns < now_ns - _DAY_NS:
                os.unlink(entry.path)
        self._check_suspects()

    def _check_suspects(self) -> None:
        """After a loss of power: what is not what its name says goes."""
        for name in self._unsynced.suspects(_MARK):
            path = self._blobs / name
            if path.exists() and _hash_prefix(path, path.stat().st_size).hexdigest() != name:
                log.warning("blob sha256:%s was not on the disk when the machine went down", name)
                path.unlink()
            self._unsynced.forget(_MARK, name)

    def place(self, name: str, digest: str) -> None:
        """The file `name` becomes the blob `digest`. Raises: OSError"""
        path = self.path(digest)
        self._unsynced.add(_MARK, path.name)
        os.replace(name, path)

    def path(self, digest: str) -> Path:
        """Where the blob is, for reading only."""
        return self._blobs / encoded(parse_digest(digest))

    def size(self, digest: str) -> int | None:
        """Bytes of the blob, None when it is not here."""
        try:
            return os.stat(self.path(digest)).st_size
        except FileNotFoundError:
            return None

    def read(self, digest: str) -> bytes:
        """The whole of a small blob."""
        try:
            with open(self.path(digest), "rb") as file:
                data = file.read(_SMALL_BYTES + 1)
        except FileNotFoundError:
            raise NotFound(f"No such blob: {digest}") from None
        if len(data) > _SMALL_BYTES:
            raise InvalidArgument(f"blob {digest} is no manifest or config: it has more than {_SMALL_BYTES} bytes")
        return data

    async def add(self, data: bytes) -> str:
        """The digest of `data`, which is kept from now on."""
        digest = sha256(data)
        if self.size(digest) != len(data):
            await in_thread(self._add, data)
        return digest

    def _add(self, data: bytes) -> None:
        with self.sink() as sink:
            sink.write(data)
            sink.keep()

    def _partial(self, digest: str) -> Path:
        return self._ingest / encoded(parse_digest(digest))

    def partial_bytes(self, digest: str) -> int:
        """How much of an unfinished download is here."""
        try:
            return os.stat(self._partial(digest)).st_size
        except FileNotFoundError:
            return 0

    async def receive(
        self, digest: str, size_bytes: int, chunks: AsyncIterable[bytes], offset: int, advance: Callable[[int], None]
    ) -> None:
        """See the contract. Written in pieces of a MiB, hashed in a worker thread beside the download."""
        partial = self._partial(digest)
        hasher = await in_thread(_hash_prefix, partial, offset)
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, offset)
            os.lseek(fd, offset, os.SEEK_SET)
            at = offset
            async for piece in _gathered(chunks):
                at += len(piece)
                if at > size_bytes:
                    partial.unlink(missing_ok=True)
                    raise DriverError(
                        f"filesystem layer verification failed for digest {digest}: more than {size_bytes} bytes"
                    )
                await in_thread(_append, fd, piece, hasher)
                advance(at)
        finally:
            os.close(fd)
        if at != size_bytes or f"sha256:{hasher.hexdigest()}" != digest:
            partial.unlink(missing_ok=True)
            raise DriverError(f"filesystem layer verification failed for digest {digest}")
        self.place(str(partial), digest)

    @contextlib.contextmanager
    def sink(self) -> Iterator["BlobSink"]:
        """Takes the bytes of a new blob; nothing stays unless `keep` is called. For worker threads."""
        fd, name = tempfile.mkstemp(prefix="new-", dir=self._ingest)
        sink = BlobSink(fd, name, self)
        try:
            yield sink
        except OSError as error:
            raise _failure(error) from error
        finally:
            sink.close()

    async def remove(self, digest: str) -> None:
        """Forget a blob; one that is not here is no error."""
        # The name goes at once: whoever brings the same blob from now on is not undone by a slow unlink.
        trash = self._ingest / f"new-gone-{encoded(digest)}"
        try:
            os.rename(self.path(digest), trash)
        except FileNotFoundError:
            return
        await in_thread(trash.unlink, missing_ok=True)

    def digests(self) -> Sequence[tuple[str, int]]:
        """(digest, when it was written in ns) of each blob."""
        found = []
        with os.scandir(self._blobs) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    found.append((f"sha256:{entry.name}", entry.stat().st_mtime_ns))
        return found

    def write_index(self, entries: Sequence[tuple[str, str, int, str]]) -> None:
        """Make index.json name these: (manifest's digest, media type, size, reference or "")."""
        manifests = []
        for digest, media_type, size_bytes, reference in entries:
            value: dict[str, object] = {"mediaType": media_type, "digest": digest, "size": size_bytes}
            if reference:
                value["annotations"] = {"org.opencontainers.image.ref.name": reference}
            manifests.append(value)
        index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests}
        self._write_atomically(self.root / "index.json", json.dumps(index, indent=1))

    def _write_atomically(self, path: Path, text: str) -> None:
        """Through the ingest folder, where a crash leaves nothing for long."""
        fd, name = tempfile.mkstemp(prefix="new-", dir=self._ingest)
        try:
            with os.fdopen(fd, "w") as file:
                file.write(text)
            os.replace(name, path)
        except OSError as error:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise _failure(error) from error


class BlobSink:
    """A blob in the making."""

    def __init__(self, fd: int, name: str, store: BlobStore) -> None:
        self._fd = fd
        self._name = name
        self._store = store
        self._growth = Growth()
        self._hash = hashlib.sha256()
        self._waiting: list[bytes | memoryview] = []
        self._waiting_bytes = 0
        self.size_bytes = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append; a large `data` is kept for a moment and must not change. Raises: OSError"""
        self._hash.update(data)
        self.size_bytes += len(data)
        self._waiting.append(data if len(data) >= _DIRECT_BYTES else bytes(data))
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= _FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        pieces, self._waiting = self._waiting, []
        size, self._waiting_bytes = self._waiting_bytes, 0
        if len(pieces) > _VECTOR_PIECES:
            pieces = [b"".join(pieces)]
        written = os.writev(self._fd, pieces)
        if written < size:
            _write_all(self._fd, b"".join(pieces)[written:])
        self._growth.advance(size)

    def follow(self) -> GrowingFile:
        """The blob from its beginning, to be read while it is written."""
        return GrowingFile(self._name, self._growth)

    def keep(self, expected: str = "") -> tuple[str, int]:
        """(digest, size) of the blob that this is now. Raises: DriverError when it is not the expected one"""
        self._flush_rest()
        digest = f"sha256:{self._hash.hexdigest()}"
        if expected and digest != expected:
            raise DriverError(f"wrong digest: expected {expected}, got {digest}")
        self._store.place(self._name, digest)
        self._name = ""
        self._growth.end(digest)
        return digest, self.size_bytes

    def _flush_rest(self) -> None:
        if self._waiting:
            self._flush()

    def close(self) -> None:
        """Drop what was not kept."""
        os.close(self._fd)
        if self._name:
            self._growth.end("")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._name)


def _write_all(fd: int, data: bytes | memoryview) -> None:
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, data[written:])


def _append(fd: int, data: bytes, hasher: "hashlib._Hash") -> None:
    hasher.update(data)
    try:
        _write_all(fd, data)
    except OSError as error:
        raise _failure(error) from error


def _hash_prefix(path: Path, size: int) -> "hashlib._Hash":
    hasher = hashlib.sha256()
    if size:
        with path.open("rb") as file:
            while size and (data := file.read(min(size, _CHUNK))):
                hasher.update(data)
                size -= len(data)
    return hasher


async def _gathered(chunks: AsyncIterable[bytes]) -> AsyncIterable[bytes]:
    """The same bytes in larger pieces. When `chunks` breaks, what came before the break is given first."""
    waiting: list[bytes] = []
    size = 0
    try:
        async for chunk in chunks:
            waiting.append(chunk)
            size += len(chunk)
            if size >= _FLUSH_BYTES:
                yield b"".join(waiting)
                waiting, size = [], 0
    except (OSError, ShoalError) as error:
        if waiting:
            yield b"".join(waiting)
        raise error
    if waiting:
        yield b"".join(waiting)


def _failure(error: OSError) -> DriverError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DriverError("no space left on device", hint="free some space: shoal system prune")
    return DriverError(f"the image store: {error.strerror or error}")
