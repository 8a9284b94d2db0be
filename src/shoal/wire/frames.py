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
