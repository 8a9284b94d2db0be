"""`python telling_server.py NAME [PORT]`: says who it is and who asks, over HTTP with keep-alive and over UDP.

It runs inside containers (its text is given to `python3 -c`), so it needs nothing but the standard library. SIGTERM:
no new connections; each connection ends after its next answer, which says so; then the process ends.
"""

import asyncio
import json
import signal
import socket
import sys
from typing import Any


async def main(name: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    open_connections: set[asyncio.Task[Any]] = set()

    def told(peer: tuple[Any, ...]) -> bytes:
        address = peer[0].removeprefix("::ffff:")
        return json.dumps({"name": name, "peer": address, "port": peer[1]}).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_connections.add(task)
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                body = told(writer.get_extra_info("peername"))
                if request.startswith(b"GET /big/"):
                    body = b"x" * int(request.split()[1].rpartition(b"/")[2])
                last = ending.is_set()
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n"
                writer.write((head + ("Connection: close\r\n" if last else "") + "\r\n").encode() + body)
                await writer.drain()
                if last:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has ended it
        finally:
            open_connections.discard(task)
            writer.close()

    class Datagrams(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, peer: tuple[Any, ...]) -> None:
            self.transport.sendto(told(peer), peer)

    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)
    server = await asyncio.start_server(serve, sock=listener)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.bind(("::", port))
    await loop.create_datagram_endpoint(Datagrams, sock=udp)
    loop.add_signal_handler(signal.SIGTERM, ending.set)
    print("ready", flush=True)
    await ending.wait()
    server.close()
    if open_connections:
        await asyncio.wait(open_connections, timeout=10)


asyncio.run(main(sys.argv[1], int((*sys.argv, "80")[2])))
