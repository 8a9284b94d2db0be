"""`contracts.archives.Archives` over a blob store."""

import asyncio
import os
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from typing import TypeVar

from isal import isal_zlib

from shoal.contracts.archives import ArchivedFile, Member
from shoal.contracts.blobs import IncomingBlob
from shoal.drivers.blobs import BlobSink, BlobStore
from shoal.drivers.layers.pipe import Pipe
from shoal.drivers.layers.streams import (
    CountedFile,
    Pieces,
    Readable,
    Stopped,
    decompressed,
    detect_compression,
)
from shoal.drivers.layers.tar import FILE, FOLDER, LINK, SYMLINK, TarEntry, TarReader
from shoal.drivers.layers.tar_writer import END, encode_header, padding
from shoal.drivers.layers.work import Workers
from shoal.drivers.threads import in_thread
from shoal.errors import InvalidArgument
from shoal.oci.whiteout import clean_path

_CHUNK = 1 << 20
_STEP_BYTES = 1 << 20
_MAX_FILES = 100_000
_GZIP_LEVEL = 1
_LAYER_FROM_BYTES = 1 << 20

T = TypeVar("T")
Advance = Callable[[str, int, int], None]
Begin = Callable[[str, IncomingBlob], None]


class ImageArchives:
    """Reads and writes archives of images in worker threads."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._workers = Workers()

    def close(self) -> None:
        """Wait for work under way."""
        self._workers.close()

    async def read(
        self, chunks: AsyncIterable[bytes], advance: Advance | None = None, begin: Begin | None = None
    ) -> Sequence[ArchivedFile]:
        """The regular files and links of a tar, kept as blobs."""
        loop = asyncio.get_running_loop()

        def report(name: str, at: int, size: int) -> None:
            if advance is not None:
                loop.call_soon_threadsafe(advance, name, at, size)

        def follow(name: str, sink: BlobSink) -> None:
            if begin is not None:
                loop.call_soon_threadsafe(begin, name, sink.follow())

        return await self._piped(chunks, lambda source: self._read(source, report, follow))

    async def read_layer(self, chunks: AsyncIterable[bytes]) -> tuple[str, int]:
        """(digest, size) of a root file system's tar, kept as a gzip or zstd blob."""
        return await self._piped(chunks, self._read_layer)

    async def _piped(self, chunks: AsyncIterable[bytes], work: Callable[[CountedFile], T]) -> T:
        """`work` in a thread, reading what `chunks` brings."""
        pipe = Pipe()

        def run(stop: threading.Event) -> T:
            try:
                return work(CountedFile(pipe, None, stop))
            finally:
                pipe.close()

        feeding = asyncio.create_task(pipe.feed(chunks))
        working = asyncio.create_task(self._workers.run(run))
        try:
            return await asyncio.shield(working)
        except Stopped:
            await feeding  # it raises what broke
            raise
        finally:
            # The feeder first: a worker that waits for more would never end.
            feeding.cancel()
            await asyncio.wait([feeding])
            if not feeding.cancelled():
                feeding.exception()
            working.cancel()
            await asyncio.wait([working])

    def _read(
        self, source: CountedFile, advance: Advance, follow: Callable[[str, BlobSink], None]
    ) -> list[ArchivedFile]:
        reader = TarReader(Pieces(decompressed(source)))
        files: list[ArchivedFile] = []
        for entry in reader.entries():
            if len(files) >= _MAX_FILES:
                raise InvalidArgument(f"the archive has more than {_MAX_FILES} files")
            if entry.kind == FILE:
                files.append(self._keep(entry, reader, advance, follow))
            elif entry.kind in (LINK, SYMLINK):
                name = clean_path(entry.name)
                folder = name.rpartition("/")[0] if entry.kind == SYMLINK else ""
                files.append(ArchivedFile(name=name, link=clean_path(f"{folder}/{entry.link}")))
        return files

    def _keep(
        self, entry: TarEntry, reader: TarReader, advance: Advance, follow: Callable[[str, BlobSink], None]
    ) -> ArchivedFile:
        name = clean_path(entry.name)
        with self._blobs.sink() as sink:
            if entry.size >= _LAYER_FROM_BYTES:
                follow(name, sink)
            last = 0
            for piece in reader.data():
                sink.write(piece)
                if sink.size_bytes - last >= _STEP_BYTES:
                    last = sink.size_bytes
                    advance(name, last, entry.size)
            advance(name, entry.size, entry.size)
            digest, size = sink.keep()
        return ArchivedFile(name=name, digest=digest, size_bytes=size)

    def _read_layer(self, source: CountedFile) -> tuple[str, int]:
        head = source.read(_CHUNK)
        while len(head) < 6 and (more := source.read(_CHUNK)):
            head += more
        with self._blobs.sink() as sink:
            if detect_compression(head) in ("gzip", "zstd"):
                sink.write(head)
                while data := source.read(_CHUNK):
                    sink.write(data)
            else:
                _gzip(decompressed(source, head), sink)
            return sink.keep()

    async def compress(self, digest: str) -> tuple[str, int]:
        """(digest, size) of a plain blob's gzip, now a blob."""
        return await self._workers.run(lambda stop: self._compress(digest))

    def _compress(self, digest: str) -> tuple[str, int]:
        with self._blobs.path(digest).open("rb", buffering=0) as file, self._blobs.sink() as sink:
            _gzip(_chunks_of(file), sink)
            return sink.keep()

    async def write(self, members: Sequence[Member]) -> AsyncIterator[bytes]:
        """A tar of these."""
        for member in members:
            is_folder = member.name.endswith("/")
            size = (self._blobs.size(member.digest) or 0) if member.digest else len(member.data)
            entry = TarEntry(name=member.name.rstrip("/"), kind=FOLDER if is_folder else FILE, size=size)
            entry.mode = 0o755 if is_folder else 0o644
            yield encode_header(entry)
            if member.digest:
                with self._blobs.path(member.digest).open("rb", buffering=0) as file:
                    while data := await in_thread(os.read, file.fileno(), _CHUNK):
                        yield data
            elif member.data:
                yield member.data
            if tail := padding(size):
                yield tail
        yield END


def _chunks_of(file: Readable) -> Iterator[bytes]:
    while data := file.read(_CHUNK):
        yield data


def _gzip(chunks: Iterator[bytes], sink: BlobSink) -> None:
    gzip = isal_zlib.compressobj(level=_GZIP_LEVEL, wbits=31)
    for chunk in chunks:
        sink.write(gzip.compress(chunk))
    sink.write(gzip.flush())
