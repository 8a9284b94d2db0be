"""The resolver of one container: answers on its sockets in the container's namespace."""

import asyncio
import socket
import struct
from collections.abc import Sequence

from shoal.drivers.netd.upstream import Server, ask, receive_exactly
from shoal.lifecycle.network.dns import (
    AAAA,
    ANY,
    FORMERR,
    PTR,
    SERVFAIL,
    A,
    Question,
    encode_answer,
    parse_question,
    truncate,
)
from shoal.lifecycle.network.names import Asker, Names

MAX_QUESTIONS = 200  #: waiting for servers outside, per container
MAX_CONNECTIONS = 64  #: a descriptor each, of all containers' one netd
IDLE_S = 10.0
BATCH = 64


class Resolver:
    """Answers for one container; `asker` and `servers` may change while it runs.

    names: of the whole engine
    servers: asked for what is not ours; () = nobody, then such names can't be resolved
    """

    def __init__(self, names: Names, udp: socket.socket, tcp: socket.socket) -> None:
        self.asker = Asker()
        self.servers: Sequence[Server] = ()
        self._names = names
        self._udp, self._tcp = udp, tcp
        self._tasks: set[asyncio.Task[None]] = set()
        self._conversations = 0
        self._loop = asyncio.get_running_loop()
        for sock, callback in ((udp, self._on_datagrams), (tcp, self._on_connection)):
            sock.setblocking(False)
            self._loop.add_reader(sock, callback)

    @property
    def descriptors(self) -> tuple[int, int]:
        return self._udp.fileno(), self._tcp.fileno()

    def close(self) -> None:
        """Stop answering and let go of the sockets."""
        for sock in (self._udp, self._tcp):
            self._loop.remove_reader(sock)
            sock.close()
        for task in self._tasks:
            task.cancel()

    def _spawn(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_datagrams(self) -> None:
        for _ in range(BATCH):
            try:
                packet, client = self._udp.recvfrom(4096)
            except OSError:
                return
            question = parse_question(packet)
            if question is None:
                continue
            answer = self._own_answer(packet, question)
            if answer is not None:
                self._reply(truncate(answer, question), client)
            elif len(self._tasks) < MAX_QUESTIONS:
                self._spawn(self._loop.create_task(self._forward_datagram(packet, question, client)))
            else:
                self._reply(encode_answer(packet, question, code=SERVFAIL), client)

    def _reply(self, answer: bytes, client: tuple[str, int]) -> None:
        try:
            self._udp.sendto(answer, client)
        except OSError:
            return  # the asker is gone, or its buffer is full: it will ask again

    async def _forward_datagram(self, packet: bytes, question: Question, client: tuple[str, int]) -> None:
        self._reply(await self._outside(packet, question, tcp=False), client)

    async def _outside(self, packet: bytes, question: Question, *, tcp: bool) -> bytes:
        answer = await ask(self.servers, packet, question, tcp=tcp)
        return answer or encode_answer(packet, question, code=SERVFAIL)

    def _own_answer(self, packet: bytes, question: Question) -> bytes | None:
        """The answer when the name is ours, whatever is asked about it; None when it is not."""
        if question.type == PTR:
            name = self._names.reverse(self.asker, question.name)
            return encode_answer(packet, question, ptr=name) if name else None
        found = self._names.find(self.asker, question.name)
        if found is None:
            return None
        addresses = {A: found.ipv4, AAAA: found.ipv6}.get(question.type, ())
        if question.type == ANY:
            return encode_answer(packet, question, code=FORMERR)
        return encode_answer(packet, question, addresses, ttl_s=found.ttl_s)

    def _on_connection(self) -> None:
        try:
            connection, _ = self._tcp.accept()
        except OSError:
            return
        if self._conversations >= MAX_CONNECTIONS:
            connection.close()
            return
        connection.setblocking(False)
        self._conversations += 1
        task = self._loop.create_task(self._converse(connection))
        task.add_done_callback(lambda _: self._conversation_ended(connection))
        self._spawn(task)

    def _conversation_ended(self, connection: socket.socket) -> None:
        self._conversations -= 1
        connection.close()

    async def _converse(self, connection: socket.socket) -> None:
        with connection:
            try:
                while True:
                    size = struct.unpack("!H", await asyncio.wait_for(receive_exactly(connection, 2), IDLE_S))[0]
                    packet = await asyncio.wait_for(receive_exactly(connection, size), IDLE_S)
                    question = parse_question(packet)
                    if question is None:
                        return
                    answer = self._own_answer(packet, question) or await self._outside(packet, question, tcp=True)
                    reply = self._loop.sock_sendall(connection, struct.pack("!H", len(answer)) + answer)
                    await asyncio.wait_for(reply, IDLE_S)
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                return
