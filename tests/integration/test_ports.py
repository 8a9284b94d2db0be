"""The ports that tests get: free, not of outgoing connections, and of one test process only."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ports import free_port, free_ports

ROOT = Path(__file__).parents[2]


def test_no_port_is_given_twice_to_processes_side_by_side() -> None:
    script = (
        "import random, sys; from tests.support.ports import free_ports\n"
        "random.seed(7); print(*free_ports(300), flush=True); sys.stdin.read()"  # both look at the same ones first
    )
    argv = [sys.executable, "-c", script]
    both = [subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    given = []
    for process in both:
        assert process.stdout is not None
        given.append([int(word) for word in process.stdout.readline().split()])
    for process in both:
        process.communicate()
    assert [len(each) for each in given] == [300, 300]
    assert len({port for each in given for port in each}) == 600


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_somebody_has_is_not_given(family: socket.AddressFamily, kind: socket.SocketKind) -> None:
    before = free_port()
    with socket.socket(family, kind) as taken:
        taken.bind(("127.0.0.1" if family == socket.AF_INET else "::1", before + 1))
        row = free_port(3)
    assert before + 1 not in range(row, row + 3)


def test_connections_do_not_come_from_there() -> None:
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert not any(low <= port <= high for port in free_ports(50))
