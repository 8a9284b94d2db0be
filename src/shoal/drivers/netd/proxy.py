"""Bytes passed on between a host port and a container, for what the kernel does not translate."""

import asyncio
import socket
from typing import cast

IDLE_S = 90.0
BATCH = 64
BACKLOG = 512
CONNECT_S = 10.0
MAX_FLOWS = 1024  #: of one port: anybody can make up sources, and each costs a descriptor of all containers' one netd


class TcpProxy:
    """Connections to a listening socket, each joined with one to the target."""

    def __init__(self, listener: socket.socket, target: tuple[str, int]) -> None:
        self.target = target
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: set[_End] = set()
        listener.setblocking(False)
        listener.listen(BACKLOG)
        self._loop.add_reader(listener, self._on_connection)

    def close(self) -> None:
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        for end in list(self._ends):
            end.abort()

    def _on_connection(self) -> None:
        for _ in range(BATCH):
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            task = self._loop.create_task(self._join(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _join(self, client: socket.socket) -> None:
        family = socket.AF_INET6 if ":" in self.target[0] else socket.AF_INET
        server = socket.socket(family, socket.SOCK_STREAM)
        try:
            for sock in (client, server):
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.wait_for(self._loop.sock_connect(server, self.target), CONNECT_S)
            near, far = _End(self._ends), _End(self._ends)
            near.other, far.other = far, near
            await self._loop.connect_accepted_socket(lambda: near, client)
            await self._loop.create_connection(lambda: far, sock=server)
        except (OSError, TimeoutError):
            client.close()
            server.close()


class _End(asyncio.Protocol):
    """One side of a joined connection."""

    def __init__(self, ends: "set[_End]") -> None:
        self.other: _End
        self._ends = ends
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []  # came before the other side was there to take it
        self._has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ends.add(self)
        self._transport.writelines(self.other._early)
        self.other._early.clear()
        if self.other._has_ended:
            self._transport.write_eof()

    def data_received(self, data: bytes) -> None:
        if self.other._transport is None:
            self._early.append(data)
        else:
            self.other._transport.write(data)

    def eof_received(self) -> bool:
        self._has_ended = True
        if self.other._transport is not None and not self.other._transport.is_closing():
            self.other._transport.write_eof()
        if self.other._has_ended:
            self.abort()
        return True

    def pause_writing(self) -> None:
        if self.other._transport is not None and not self.other._transport.is_closing():
            self.other._transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other._transport is not None and not self.other._transport.is_closing():
            self.other._transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self._ends.discard(self)
        if self.other._transport is not None:
            self.other._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.close()


class UdpProxy:
    """Datagrams to a socket; a socket of its own to the target for each client, until it is idle."""

    def __init__(self, listener: socket.socket, target: tuple[str, int]) -> None:
        self.target = target
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._flows: dict[tuple[str, int], tuple[socket.socket, float]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._loop.add_reader(listener, self._on_datagrams)

    def close(self) -> None:
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for client in list(self._flows):
            self._end(client)
        if self._sweep is not None:
            self._sweep.cancel()

    def _end(self, client: tuple[str, int]) -> None:
        server, _ = self._flows.pop(client)
        self._loop.remove_reader(server)
        server.close()

    def _on_datagrams(self) -> None:
        for _ in range(BATCH):
            try:
                data, client = self._listener.recvfrom(65535)
                self._server_for(client).send(data)
            except OSError:
                return

    def _server_for(self, client: tuple[str, int]) -> socket.socket:
        now = self._loop.time()
        if client in self._flows:
            server, _ = self._flows.pop(client)  # put back at the end: the first one is used least
        else:
            if len(self._flows) >= MAX_FLOWS:
                self._end(next(iter(self._flows)))
            family = socket.AF_INET6 if ":" in self.target[0] else socket.AF_INET
            server = socket.socket(family, socket.SOCK_DGRAM)
            server.setblocking(False)
            server.connect(self.target)
            self._loop.add_reader(server, self._on_reply, client, server)
        self._flows[client] = (server, now)
        if self._sweep is None:
            self._sweep = self._loop.call_later(IDLE_S, self._on_sweep)
        return server

    def _on_reply(self, client: tuple[str, int], server: socket.socket) -> None:
        try:
            self._listener.sendto(server.recv(65535), client)
            self._flows[client] = (server, self._loop.time())
        except OSError:
            return  # the container refuses, or the client is gone: what is lost is a datagram

    def _on_sweep(self) -> None:
        old = self._loop.time() - IDLE_S
        for client in [c for c, (_, used) in self._flows.items() if used < old]:
            self._end(client)
        self._sweep = self._loop.call_later(IDLE_S, self._on_sweep) if self._flows else None


def bind(protocol: str, host_ip: str, port: int) -> socket.socket:
    """The socket that takes a host port. Raises: OSError

    With SO_REUSEADDR a port whose last connections have only just ended can be taken again. A listening socket still
    keeps everybody else away.
    """
    family = socket.AF_INET6 if ":" in host_ip else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol == "tcp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host_ip, port))
        if protocol == "tcp":
            sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def proxy(protocol: str, listener: socket.socket, target: tuple[str, int]) -> TcpProxy | UdpProxy:
    """The proxy for a bound socket."""
    return TcpProxy(listener, target) if protocol == "tcp" else UdpProxy(listener, target)
