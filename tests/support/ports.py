"""Ports of this machine for tests: each is given once, to one test process.

None of them is of the range that outgoing connections get theirs from. A port of that range may be taken between the
look at it and its use, and stays taken for a minute after the connection has ended, when no program has it any more.
"""

import errno
import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import chain
from pathlib import Path

FIRST, LAST = 10_000, 29_999  #: below are ports that documents print; a cluster chooses from 30,000 on
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port(row: int = 1) -> int:
    """The first of `row` ports one after the other, which nobody has at any address, by TCP or UDP.

    Raises: RuntimeError, when this process has been given all that there are
    """
    found: list[int] = []
    while len(found) < row:
        port = next(_candidates(), None)
        if port is None:
            raise RuntimeError("no more free ports")
        if found and port != found[-1] + 1:
            found.clear()
        if _is_ours(port) and _is_free(port):
            found.append(port)
        else:
            found.clear()
    return found[0]


def free_ports(count: int) -> list[int]:
    """So many different ones."""
    return [free_port() for _ in range(count)]


@cache
def _candidates() -> Iterator[int]:
    """Every port once, from anywhere on: what an earlier test process had may not be free yet."""
    low, high = map(int, _OUTGOING.read_text().split())
    ports = max(range(FIRST, min(low, LAST + 1)), range(high + 1, 65536), key=len)
    start = random.randrange(len(ports)) if ports else 0
    return chain(ports[start:], ports[:start])


def _is_ours(port: int) -> bool:
    """True once this process has the lock of the port; it lets go of it when it ends."""
    with suppress(BlockingIOError):
        fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        return True
    return False


@cache
def _locks() -> int:
    """A file with a byte for each port. Never closed: that would open all the locks."""
    path = Path(tempfile.gettempdir()) / f"shoal-tests-{os.getuid()}.ports"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_free(port: int) -> bool:
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                with socket.socket(family, kind) as probe:
                    if family == socket.AF_INET6:
                        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    probe.bind((address, port))
            except OSError as error:
                if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):  # a machine without IPv6
                    return False
    return True
