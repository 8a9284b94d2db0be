"""What one container can't take from the others: netd is there for all of them."""

import asyncio
import socket
import struct

from shoal.drivers.netd.proxy import MAX_FLOWS, UdpProxy, bind
from shoal.drivers.netd.resolver import MAX_CONNECTIONS, Resolver
from shoal.lifecycle.network.dns import A, encode_query
from shoal.lifecycle.network.names import Asker, Entry, Names
from tests.support.ports import free_port


def resolver() -> tuple[Resolver, tuple[str, int], tuple[str, int]]:
    """(a resolver that knows "web", its UDP address, its TCP address)"""
    names = Names()
    names.put("c", [Entry(network_id="n", network_name="größe", names=("web", "zwölf"), ipv4="10.0.0.2")])
    udp, tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
    for sock in (udp, tcp):
        sock.bind(("127.0.0.1", 0))
    tcp.listen(256)
    made = Resolver(names, udp, tcp)
    made.asker = Asker(networks=("n",))
    return made, udp.getsockname(), tcp.getsockname()


async def test_connections_to_the_resolver_are_counted() -> None:
    answering, _, address = resolver()
    idle = [await asyncio.open_connection(*address) for _ in range(MAX_CONNECTIONS)]
    reader, writer = await asyncio.open_connection(*address)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    for _, held in idle:
        held.close()
        await held.wait_closed()
    while True:
        reader, writer = await asyncio.open_connection(*address)
        query = encode_query(7, "web", A)
        writer.write(struct.pack("!H", len(query)) + query)
        answer = await asyncio.wait_for(reader.read(2), 5)
        writer.close()
        if answer:
            break
    answering.close()


async def test_names_beyond_ascii_and_packets_that_are_none() -> None:
    answering, address, _ = resolver()
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(address)
        for packet in (
            b"",
            b"\0",
            b"\xff" * 600,
            encode_query(1, "web", A)[:-3],
            encode_query(1, "x", A)[:12] + b"\xc0\x0c\0\1\0\1",
        ):
            await loop.sock_sendall(client, packet)
        for number, (name, kind) in enumerate([("zwölf", A), ("2.0.0.10.in-addr.arpa", 12), ("web.größe", A)]):
            await loop.sock_sendall(client, encode_query(number, name, kind))
            answer = await asyncio.wait_for(loop.sock_recv(client, 512), 5)
            assert struct.unpack("!HHHH", answer[:8])[0::3] == (number, 1)
    answering.close()


async def test_made_up_clients_of_a_published_port_do_not_use_up_netd() -> None:
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    proxy = UdpProxy(bind("udp", "::1", free_port()), server.getsockname())
    for number in range(MAX_FLOWS + 50):
        proxy._server_for((f"::{number:x}", 1))
    assert len(proxy._flows) == MAX_FLOWS
    assert ("::0", 1) not in proxy._flows and (f"::{MAX_FLOWS + 49:x}", 1) in proxy._flows
    proxy.close()
    server.close()
