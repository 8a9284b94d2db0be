"""Questions that are not ours to answer, asked of the resolvers outside."""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shoal.lifecycle.network.dns import Question, parse_question

TIMEOUT_S = 2.0
ROUNDS = 2
MAX_BYTES = 65535


@dataclass(frozen=True, slots=True)
class Server:
    """A resolver and how to make a socket that reaches it: in the container's namespace, or in the host's."""

    address: str
    port: int
    make_socket: Callable[[int, int], socket.socket]


async def ask(servers: Sequence[Server], packet: bytes, question: Question, *, tcp: bool) -> bytes | None:
    """The first answer of the servers, asked in order, twice; None when none answers."""
    exchange = _ask_tcp if tcp else _ask_udp
    for _ in range(ROUNDS):
        for server in servers:
            try:
                answer = await asyncio.wait_for(exchange(server, packet, question), TIMEOUT_S)
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                continue
            if answer is not None:
                return answer
    return None


def _family(server: Server) -> int:
    return int(socket.AF_INET6 if ":" in server.address else socket.AF_INET)


async def _ask_udp(server: Server, packet: bytes, question: Question) -> bytes | None:
    loop = asyncio.get_running_loop()
    with server.make_socket(_family(server), socket.SOCK_DGRAM) as connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, (server.address, server.port))
        await loop.sock_sendall(connection, packet)
        while True:
            answer = await loop.sock_recv(connection, MAX_BYTES)
            if _fits(answer, question):
                return answer


async def _ask_tcp(server: Server, packet: bytes, question: Question) -> bytes | None:
    loop = asyncio.get_running_loop()
    with server.make_socket(_family(server), socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, (server.address, server.port))
        await loop.sock_sendall(connection, struct.pack("!H", len(packet)) + packet)
        size = struct.unpack("!H", await receive_exactly(connection, 2))[0]
        answer = await receive_exactly(connection, size)
        return answer if _fits(answer, question) else None


async def receive_exactly(connection: socket.socket, size: int) -> bytes:
    """`size` bytes. Raises: IncompleteReadError at the end of the stream"""
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < size:
        more = await loop.sock_recv(connection, size - len(data))
        if not more:
            raise asyncio.IncompleteReadError(data, size)
        data += more
    return data


def _fits(answer: bytes, question: Question) -> bool:
    """True when the packet answers this question and no other (somebody may guess at our port)."""
    if len(answer) < 12 or answer[:2] != struct.pack("!H", question.id) or not answer[2] & 0x80:
        return False
    echoed = parse_question(answer[:2] + b"\1\0\0\1\0\0\0\0\0\0" + answer[12:])
    return echoed is None or (echoed.name.lower() == question.name.lower() and echoed.type == question.type)
