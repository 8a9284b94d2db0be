"""Bytes on their way out of a compressed blob: decompressed, hashed, counted, and cut into pieces."""

import bz2
import hashlib
import lzma
import queue
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Protocol, cast

import zstandard
from isal import igzip, isal_zlib

from shoal.errors import InvalidArgument

CHUNK_BYTES = 1 << 20
_QUEUE_CHUNKS = 8

#: What expands to more than this, and to more than so many times its own size, is taken for an attack.
BOMB_FROM_BYTES = 1 << 30
BOMB_RATIO = 200

_BROKEN: Any = (EOFError, zlib.error, isal_zlib.error, igzip.BadGzipFile, zstandard.ZstdError, lzma.LZMAError)


class Stopped(Exception):
    """The caller does not want the result any more."""


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int = -1, /) -> bytes | None:
        """At most `size` bytes, b"" at the end."""
        ...


class CountedFile:
    """A file that counts what was read of it, and whose reading can be stopped from another thread."""

    def __init__(self, file: Readable, advance: Callable[[int], None] | None, stop: threading.Event | None) -> None:
        self._file = file
        self._advance = advance
        self._stop = stop
        self.bytes_read = 0

    def read(self, size: int = -1) -> bytes:
        """As of any file. Raises: Stopped"""
        if self._stop is not None and self._stop.is_set():
            raise Stopped
        data = self._file.read(size) or b""
        self.bytes_read += len(data)
        if self._advance is not None:
            self._advance(self.bytes_read)
        return data


def detect_compression(head: bytes) -> str:
    """gzip, zstd, xz, bzip2 or "" for none, by the first bytes."""
    for magic, name in (
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh", "bzip2"),
    ):
        if head.startswith(magic):
            return name
    return ""


def decompressed(file: CountedFile, head: bytes = b"") -> Iterator[bytes]:
    """The plain content of `file`, in chunks of at most CHUNK_BYTES.

    head: what was read of the file already
    Raises: InvalidArgument when the data is broken, cut off, or expands beyond reason
    """
    head = head or file.read(CHUNK_BYTES)
    kind = detect_compression(head)
    source = cast(BinaryIO, _Rejoined(head, file))
    plain = _open(kind, source)
    total = 0
    try:
        while chunk := plain.read(CHUNK_BYTES):
            total += len(chunk)
            if kind and total > BOMB_FROM_BYTES and total > BOMB_RATIO * file.bytes_read:
                raise InvalidArgument(
                    f"archive refused: {file.bytes_read} bytes expand to more than {total} bytes, "
                    f"over {BOMB_RATIO} times their size"
                )
            yield chunk
    except _BROKEN as error:
        raise InvalidArgument(f"broken {kind} data: {error}") from error
    except OSError as error:
        if kind and error.errno is None:  # bz2, lzma and gzip say so when a checksum is wrong
            raise InvalidArgument(f"broken {kind} data: {error}") from error
        raise


def _open(kind: str, source: BinaryIO) -> BinaryIO:
    if kind == "gzip":
        gzip: Any = igzip.IGzipFile
        return cast(BinaryIO, gzip(fileobj=source, mode="rb"))
    if kind == "zstd":
        return cast(BinaryIO, _Zstd(source))
    if kind == "xz":
        return cast(BinaryIO, lzma.LZMAFile(source))
    if kind == "bzip2":
        return cast(BinaryIO, bz2.BZ2File(source))
    return source


class _Zstd:
    """Frames of zstd. The library's own reader takes a frame that is cut off for a whole one."""

    _PIECE_BYTES = 4096  # one piece may expand to 32768 times its size

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._input = memoryview(b"")
        self._at = 0
        self._frame: Any = None

    def read(self, size: int = -1) -> bytes:
        found: list[bytes] = []
        total = 0
        while total < CHUNK_BYTES and (piece := self._next()):
            plain = self._decompress(piece)
            total += len(plain)
            found.append(plain)
        return b"".join(found)

    def _next(self) -> memoryview:
        if self._at == len(self._input):
            self._input, self._at = memoryview(self._source.read(CHUNK_BYTES)), 0
        piece = self._input[self._at : self._at + self._PIECE_BYTES]
        self._at += len(piece)
        if not piece and self._frame is not None:
            raise EOFError("the last frame is cut off")
        return piece

    def _decompress(self, piece: memoryview) -> bytes:
        if self._frame is None:
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        plain: bytes = self._frame.decompress(piece)
        if self._frame.eof:
            self._at -= len(self._frame.unused_data)
            self._frame = None
        return plain


class _Rejoined:
    """A file whose first bytes were read already."""

    def __init__(self, head: bytes, file: CountedFile) -> None:
        self._head = memoryview(head)
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if self._head:
            data = bytes(self._head[:size] if size >= 0 else self._head)
            self._head = self._head[len(data) :]
            return data
        return self._file.read(size)

    def readinto(self, buffer: memoryview) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    @property
    def closed(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass


def hashed(chunks: Iterator[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    """The same chunks; `digest` has seen each before it comes out."""
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def gathered(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in chunks of at least `size`, but for the last."""
    waiting: list[bytes] = []
    waiting_bytes = 0
    for chunk in chunks:
        waiting.append(chunk)
        waiting_bytes += len(chunk)
        if waiting_bytes >= size:
            yield b"".join(waiting)
            waiting, waiting_bytes = [], 0
    if waiting:
        yield b"".join(waiting)


@contextmanager
def read_ahead(chunks: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
    """The same chunks, made in a thread of their own while the caller works."""
    ahead: queue.Queue[bytes | BaseException] = queue.Queue(_QUEUE_CHUNKS)
    enough = threading.Event()
    thread = threading.Thread(target=_fill, args=(chunks, ahead, enough), name="decompress")
    thread.start()
    try:
        yield _drain(ahead)
    finally:
        enough.set()
        while thread.is_alive():  # the producer may wait for room
            try:
                ahead.get_nowait()
            except queue.Empty:
                thread.join(0.05)


def _fill(chunks: Iterator[bytes], ahead: "queue.Queue[bytes | BaseException]", enough: threading.Event) -> None:
    end: bytes | BaseException = b""
    try:
        for chunk in chunks:
            if enough.is_set():
                return
            ahead.put(chunk)
    except BaseException as error:  # noqa: BLE001 - raised again by the reader, in the caller's thread
        end = error
    ahead.put(end)


def _drain(ahead: "queue.Queue[bytes | BaseException]") -> Iterator[bytes]:
    while item := ahead.get():
        if isinstance(item, BaseException):
            raise item
        yield item


class Pieces:
    """A stream of chunks, taken in pieces of any size."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._view = memoryview(b"")
        self._at = 0

    def _more(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self._view, self._at = memoryview(chunk), 0
        return True

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes; fewer at the end of the stream."""
        end = self._at + size
        if end <= len(self._view):
            data = bytes(self._view[self._at : end])
            self._at = end
            return data
        return b"".join(self.pieces(size))

    def at_once(self, size: int) -> memoryview | None:
        """The next `size` bytes without copying, if they are all in one chunk."""
        end = self._at + size
        if end > len(self._view):
            return None
        piece = self._view[self._at : end]
        self._at = end
        return piece

    def pieces(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes without copying; fewer at the end of the stream."""
        while size:
            left = len(self._view) - self._at
            if not left:
                if not self._more():
                    return
                continue
            step = min(size, left)
            piece = self._view[self._at : self._at + step]
            self._at += step
            size -= step
            yield piece

    def skip(self, size: int) -> int:
        """How many of `size` bytes could be passed over."""
        if self._at + size <= len(self._view):
            self._at += size
            return size
        return sum(len(piece) for piece in self.pieces(size))

    def drain(self) -> None:
        """Read to the end."""
        self._view, self._at = memoryview(b""), 0
        while self._more():
            pass
        self._view = memoryview(b"")
