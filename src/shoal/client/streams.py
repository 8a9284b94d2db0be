"""What travels on a connection: heads, bodies, query strings, and the raw streams of attach, exec and logs."""

from __future__ import annotations

import json
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

STDIN, STDOUT, STDERR = 0, 1, 2
_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
_MAX_HEAD_LINE_BYTES = 65536


def read_head(reader: io.BufferedReader[socket.SocketIO]) -> tuple[int, dict[str, str]]:
    """Status and headers (names in lower case) of the next answer; interim answers (100) are skipped.

    Raises: EOFError where the connection ends first
    """
    while True:
        line = reader.readline(_MAX_HEAD_LINE_BYTES)
        if not line:
            raise EOFError("no answer")
        parts = line.split(None, 2)
        if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
            raise EOFError(f"not an HTTP answer: {line[:60]!r}")
        headers: dict[str, str] = {}
        while (line := reader.readline(_MAX_HEAD_LINE_BYTES)) not in (b"\r\n", b"\n"):
            if not line:
                raise EOFError("the answer broke off in its head")
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        status = int(parts[1])
        if status != 100:
            return status, headers


def quote(text: str, safe: str = "") -> str:
    """`text` as part of a URL, as urllib.parse.quote makes it, without its two milliseconds of import."""
    if text.isalnum() and text.isascii():
        return text
    kept = _UNRESERVED + safe
    return "".join(char if char in kept else "".join(f"%{byte:02X}" for byte in char.encode()) for char in text)


def encode_query(query: Mapping[str, Any] | None) -> str:
    """ "?a=1&b=…", or "" where nothing is left. Lists are repeated, dicts become JSON, None is left out."""
    pairs: list[str] = []
    for name, value in (query or {}).items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is None:
                continue
            if isinstance(item, bool):
                text = "1" if item else "0"
            elif isinstance(item, dict):
                text = json.dumps(item, separators=(",", ":"))
            else:
                text = str(item)
            pairs.append(f"{quote(name)}={quote(text)}")
    return "?" + "&".join(pairs) if pairs else ""


class BodyReader:
    """The body of one answer: by length, in chunks, or until the connection ends."""

    def __init__(
        self, reader: io.BufferedReader[socket.SocketIO], headers: Mapping[str, str], *, is_empty: bool
    ) -> None:
        self._reader = reader
        self._is_chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        length = headers.get("content-length")
        self.ends_with_connection = not is_empty and not self._is_chunked and length is None
        self._left = int(length or 0)  # of the body, or of the current chunk
        self.is_finished = is_empty or (length is not None and self._left == 0 and not self._is_chunked)

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, as soon as there are any; b"" at the end; everything for size < 0."""
        if size < 0:
            return b"".join(iter(lambda: self.read(65536), b""))
        if self.is_finished or not size:
            return b""
        if self.ends_with_connection:
            data = self._reader.read1(size)
            self.is_finished = not data
            return data
        if self._is_chunked and not self._left and not self._next_chunk():
            return b""
        data = self._reader.read1(min(size, self._left))
        if not data:
            raise EOFError("the body broke off")
        self._left -= len(data)
        if not self._left:
            self._end_piece()
        return data

    def _end_piece(self) -> None:
        if self._is_chunked:
            self._reader.readline()
        else:
            self.is_finished = True

    def _next_chunk(self) -> bool:
        line = self._reader.readline(_MAX_HEAD_LINE_BYTES)
        if not line:
            raise EOFError("the body broke off")
        self._left = int(line.split(b";")[0], 16)
        if not self._left:
            while self._reader.readline() not in (b"\r\n", b"\n", b""):
                pass
            self.is_finished = True
        return not self.is_finished


class Hijacked:
    """A connection that has become a raw two-way stream; bytes that came with the head are kept.

    is_multiplexed: what comes in carries stdout and stderr in frames
    """

    def __init__(
        self, sock: socket.socket, reader: io.BufferedReader[socket.SocketIO], headers: Mapping[str, str]
    ) -> None:
        self._socket = sock
        self._reader = reader
        self.headers = headers
        self.is_multiplexed = headers.get("content-type", "") != "application/vnd.docker.raw-stream"

    def read(self, size: int = 65536) -> bytes:
        """The next bytes, as soon as there are any; b"" at the end."""
        try:
            return self._reader.read1(size)
        except (ConnectionResetError, ValueError):  # the other side, or our close() from another thread, ended it
            return b""

    def write(self, data: bytes) -> None:
        """Send `data` whole. Raises: OSError once the other side is gone."""
        self._socket.sendall(data)

    def close_write(self) -> None:
        """Tell the other side that no more input comes; output goes on."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return  # already gone: nothing to tell

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """(STDOUT or STDERR, bytes) as they arrive."""
        return frames(self.read) if self.is_multiplexed else raw_frames(self.read)

    def close(self) -> None:
        try:  # noqa: SIM105 - contextlib takes a command a millisecond
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # not connected any more
        self._socket.close()


def raw_frames(read: Callable[[int], bytes]) -> Iterator[tuple[int, bytes]]:
    """A raw stream as frames of stdout."""
    while data := read(65536):
        yield STDOUT, data


def frames(read: Callable[[int], bytes]) -> Iterator[tuple[int, bytes]]:
    """(stream, bytes) of Docker's multiplexed stream: 8 bytes of head (stream, 0, 0, 0, length in 4), then bytes.

    What came together of one stream is given together. A frame that breaks off is given as far as it came.
    Source: Docker Engine API, ContainerAttach.
    """
    rest, stream, left = b"", 0, 0  # left: of the frame that is being read
    while data := read(65536):
        data = rest + data
        position = 0
        pieces: list[bytes] = []
        while position < len(data):
            if not left:
                if len(data) - position < 8:
                    break
                if pieces and data[position] != stream:
                    yield stream, b"".join(pieces)
                    pieces = []
                stream, left = data[position], int.from_bytes(data[position + 4 : position + 8], "big")
                position += 8
            piece = data[position : position + left]
            pieces.append(piece)
            position += len(piece)
            left -= len(piece)
        rest = data[position:]
        if text := b"".join(pieces):
            yield stream, text
