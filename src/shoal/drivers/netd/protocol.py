"""Messages between an engine and netd: length, JSON, and descriptors beside it.

Requests, each answered by one reply; {"error": …} says why not:

    hello                    -> {"version", "pid", "ids"}
    put, id, entries, asker, -> {"ports": [host port of each]}, or {"refused": {"index", "ip", "detail"}} when one is
      forward, ports            taken. Replaces what was held for `id`, all or nothing. Descriptors: [namespace], or
                                [namespace, udp, tcp] with the sockets of the resolver; none = those that it has
    names, put, drop, full   -> {}. put: {id: entries}, names that belong to no container here; full: no others stay
    drop, ids                -> {}
    take, id                 -> {} and its descriptors
    quit                     -> {}; netd ends at once and lets go of everything
"""

import array
import json
import socket
import struct
from typing import Any

VERSION = 2
LENGTH = struct.Struct("!I")
MAX_DESCRIPTORS = 8


def encode(message: Any) -> bytes:
    """The message with its length before it."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return LENGTH.pack(len(body)) + body


def send(connection: socket.socket, message: Any, descriptors: tuple[int, ...] = ()) -> None:
    """Send all of a message; the descriptors go with its first byte."""
    data = encode(message)
    sent = socket.send_fds(connection, [data], list(descriptors)) if descriptors else 0
    if sent < len(data):
        connection.sendall(data[sent:])


def receive(connection: socket.socket) -> tuple[Any, list[int]] | None:
    """The next message and its descriptors, None when the other side is gone. For blocking sockets."""
    buffer, descriptors = bytearray(), []
    while len(buffer) < LENGTH.size or len(buffer) < LENGTH.size + LENGTH.unpack_from(buffer)[0]:
        missing = (
            LENGTH.size + LENGTH.unpack_from(buffer)[0] - len(buffer) if len(buffer) >= LENGTH.size else LENGTH.size
        )
        data, found = receive_some(connection, missing)
        descriptors += found
        if not data:
            return None
        buffer += data
    return json.loads(buffer[LENGTH.size :]), descriptors


def receive_some(connection: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """At most `size` bytes and the descriptors that came with them; b"" at the end."""
    space = socket.CMSG_SPACE(MAX_DESCRIPTORS * 4)
    data, ancillary, _, _ = connection.recvmsg(size, space, socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % 4])
    return data, list(descriptors)
