"""Two streams on one connection: a header of 8 bytes before each piece.

Source: Docker Engine API v1.51, ContainerAttach (stream format).
"""

import struct

_HEADER = struct.Struct(">BxxxL")
_pack = _HEADER.pack

STDIN, STDOUT, STDERR = 0, 1, 2


def frame(stream: int, data: bytes) -> bytes:
    """A piece of `stream` with its header."""
    return _pack(stream, len(data)) + data


def split_frames(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """([(stream, piece), …], what is left over of a frame that is not whole)."""
    frames, position = [], 0
    while len(data) - position >= _HEADER.size:
        stream, size = _HEADER.unpack_from(data, position)
        end = position + _HEADER.size + size
        if end > len(data):
            break
        frames.append((stream, data[position + _HEADER.size : end]))
        position = end
    return frames, data[position:]
