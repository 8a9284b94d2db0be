"""Two streams on one connection: a header of 8 bytes before each piece.

Source: Docker Engine API v1.51, ContainerAttach (stream format).
"""

import struct

_HEADER = struct.Struct(">BxxxL")
_pack = _HEADER.pack
HEADER_BYTES = _HEADER.size

STDIN, STDOUT, STDERR = 0, 1, 2


def frame(stream: int, data: bytes) -> bytes:
    """A piece of `stream` with its header."""
    return _pack(stream, len(data)) + data


def split_frames(data: bytes) -> tuple[list[bytes], bytes]:
    """(the whole frames that `data` begins with, each with its header; the rest)."""
    frames: list[bytes] = []
    at = 0
    while len(data) - at >= HEADER_BYTES:
        _, length = _HEADER.unpack_from(data, at)
        end = at + HEADER_BYTES + length
        if end > len(data):
            break
        frames.append(data[at:end])
        at = end
    return frames, data[at:]
