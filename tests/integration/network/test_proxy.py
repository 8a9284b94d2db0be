"""netd's passing on of bytes, on loopback."""

import asyncio
import hashlib
import os
import socket

import pytest

from shoal.drivers.netd.proxy import TcpProxy, UdpProxy, bind
from tests.support.ports import free_port


async def test_a_lot_of_bytes_both_ways_and_half_closed_connections() -> None:
    data = os.urandom(8 << 20)

    async def swallow_then_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        everything = await reader.read()  # until the client has said that it is done
        writer.write(hashlib.sha256(everything).digest())
        writer.write(everything)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(swallow_then_answer, "127.0.0.1", 0)
    proxy = TcpProxy(bind("tcp", "::1", port := free_port()), server.sockets[0].getsockname())
    reader, writer = await asyncio.open_connection("::1", port)
    writer.write(data)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 20)
    assert answer == hashlib.sha256(data).digest() + data
    writer.close()
    await writer.wait_closed()
    proxy.close()
    server.close()
    await server.wait_closed()


async def test_a_server_may_speak_first() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\n")
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    proxy = TcpProxy(bind("tcp", "::1", port := free_port()), server.sockets[0].getsockname())
    for _ in range(30):
        reader, writer = await asyncio.open_connection("::1", port)
        assert await asyncio.wait_for(reader.readline(), 5) == b"220 ready\n"
        writer.write(b"quit\n")
        assert await asyncio.wait_for(reader.read(), 5) == b"QUIT\n"
        writer.close()
        await writer.wait_closed()
    proxy.close()
    server.close()
    await server.wait_closed()


async def test_a_refusing_target_ends_the_connection() -> None:
    proxy = TcpProxy(bind("tcp", "::1", port := free_port()), ("127.0.0.1", 1))
    reader, writer = await asyncio.open_connection("::1", port)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await writer.wait_closed()
    proxy.close()


async def test_datagrams_come_back_to_the_one_who_asked() -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.setblocking(False)
    proxy = UdpProxy(bind("udp", "::1", port := free_port()), server.getsockname())
    loop = asyncio.get_running_loop()
    clients = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(3)]
    for i, client in enumerate(clients):
        client.setblocking(False)
        client.connect(("::1", port))
        await loop.sock_sendall(client, f"from {i}".encode())
        data, peer = await asyncio.wait_for(loop.sock_recvfrom(server, 100), 5)
        await loop.sock_sendto(server, data.upper(), peer)
    for i, client in enumerate(clients):
        assert await asyncio.wait_for(loop.sock_recv(client, 100), 5) == f"FROM {i}".encode()
        client.close()
    proxy.close()
    server.close()


def test_a_listening_port_is_not_shared() -> None:
    port = free_port()
    with bind("tcp", "127.0.0.1", port), pytest.raises(OSError, match="in use"):
        bind("tcp", "0.0.0.0", port)
