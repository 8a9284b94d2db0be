"""Asks telling servers many times, from wherever it runs; prints what they told, a line of JSON each.

python telling_client.py COUNT URL…            a fresh connection a request, URLs in turn
python telling_client.py --keep SECONDS N URL  N connections kept alive, asking all the time; a line {"asked", "failed"}
python telling_client.py --udp COUNT HOST PORT COUNT datagrams, each from a port of its own
python telling_client.py --from PORT HOST PORT… connections to all of HOST PORT from one local port, at the same time
"""

import json
import re
import socket
import sys
import time
from collections.abc import Iterator


def address_of(url: str) -> tuple[str, int]:
    found = re.fullmatch(r"http://\[?([^\]/]+?)\]?:(\d+)/?", url)
    assert found, url
    return found[1], int(found[2])


def ask(connection: socket.socket, path: str = "/") -> str:
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError("ended without an answer")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"Content-Length: (\d+)", head)
    assert found
    while len(body) < int(found[1]):
        body += connection.recv(65536)
    return body.decode() if b"Connection: close" not in head else body.decode() + "\n"


def fresh(count: int, urls: list[str]) -> Iterator[str]:
    for i in range(count):
        try:
            with socket.create_connection(address_of(urls[i % len(urls)]), timeout=5) as connection:
                yield ask(connection)
        except OSError as error:
            yield json.dumps({"error": str(error), "url": urls[i % len(urls)]})


def keep(seconds: float, number: int, url: str) -> dict[str, object]:
    """Asks on kept connections; one that the server ends in good order is made anew, and is no failure."""
    asked, failures, names = 0, [], {}
    connections: list[socket.socket | None] = [None] * number
    over_at = time.monotonic() + seconds
    while time.monotonic() < over_at:
        for i, connection in enumerate(connections):
            asked += 1
            try:
                connection = connection or socket.create_connection(address_of(url), timeout=5)
                answer = ask(connection)
            except OSError as error:
                failures.append(str(error))
                connections[i] = None
                continue
            name = json.loads(answer)["name"]
            names[name] = names.get(name, 0) + 1
            connections[i] = None if answer.endswith("\n") else connection
    return {"asked": asked, "failed": len(failures), "failures": failures[:5], "names": names}


def datagrams(count: int, host: str, port: int) -> Iterator[str]:
    for _ in range(count):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect((host, port))
            try:
                sock.send(b"?")
                yield sock.recv(1000).decode()
            except OSError as error:
                yield json.dumps({"error": str(error)})


def same_port(local: int, targets: list[tuple[str, int]]) -> Iterator[str]:
    connections = []
    for target in targets:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(5)
        sock.bind(("", local))
        sock.connect(target)
        connections.append(sock)
    for _ in range(2):
        for sock in connections:
            yield ask(sock)


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    if kind == "--keep":
        print(json.dumps(keep(float(rest[0]), int(rest[1]), rest[2])))
    elif kind == "--udp":
        print("\n".join(datagrams(int(rest[0]), rest[1], int(rest[2]))))
    elif kind == "--from":
        pairs = [(rest[i], int(rest[i + 1])) for i in range(1, len(rest), 2)]
        print("\n".join(line.strip() for line in same_port(int(rest[0]), pairs)))
    else:
        print("\n".join(line.strip() for line in fresh(int(kind), rest)))
