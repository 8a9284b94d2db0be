"""What netd holds outlives the one who gave it."""

import asyncio
import fcntl
import os
import signal
import socket
import struct
import sys
import termios
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from shoal.contracts.networking import Holding, Netd, PortRefused
from shoal.drivers.network.netd_client import NetdClient
from shoal.lifecycle.network.ports import Wish
from tests.contract.network.conftest import Drivers
from tests.support.leftovers import processes
from tests.support.runtime import eventually

#: an engine that dies as soon as its netd is there
DYING = """
import asyncio, os, subprocess, sys
from pathlib import Path
from shoal.drivers.network.netd_client import NetdClient

start = subprocess.Popen

def last(*arguments, **options):
    start(*arguments, **options)
    os.kill(os.getpid(), 9)

subprocess.Popen = last
asyncio.run(NetdClient(Path(sys.argv[1])).open())
"""
BOX, OTHER = "b" * 64, "c" * 64


@pytest.fixture
async def open_netd(drivers: Drivers) -> AsyncIterator[Callable[[], NetdClient]]:
    """Clients of one netd; the last one empties it, so that it ends."""
    made: list[NetdClient] = []

    def another() -> NetdClient:
        made.append(NetdClient(drivers.run))
        return made[-1]

    yield another
    last = NetdClient(drivers.run)
    await last.drop(await last.open())
    for client in (*made, last):
        await client.close()


def holding(*wishes: Wish) -> Holding:
    return Holding(ports=wishes, ipv4="127.0.0.1")


def wish(port: int, host_port: int = 0) -> Wish:
    return Wish(
        container_port=port,
        protocol="tcp",
        host_ips=("127.0.0.1",),
        candidates=(host_port,) if host_port else range(40_000, 40_100),
        is_fixed=bool(host_port),
    )


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


async def test_ports_are_held_until_they_are_dropped(open_netd: Callable[[], Netd]) -> None:
    netd = open_netd()
    assert list(await netd.open()) == []
    ports = await netd.put(BOX, holding(wish(80), wish(81)))
    assert not isinstance(ports, PortRefused) and len(set(ports)) == 2 and all(map(is_taken, ports))
    for _ in range(2):
        await netd.drop([BOX])
    assert not any(map(is_taken, ports))


async def test_the_next_engine_finds_what_is_held(open_netd: Callable[[], Netd]) -> None:
    first, second = open_netd(), open_netd()
    await first.open()
    ports = await first.put(BOX, holding(wish(80)))  # and no close: it was killed
    assert not isinstance(ports, PortRefused) and is_taken(ports[0])
    assert list(await second.open()) == [BOX] and is_taken(ports[0])


async def test_a_taken_port_is_refused_with_its_user_and_nothing_is_held(open_netd: Callable[[], Netd]) -> None:
    netd = open_netd()
    await netd.open()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = await netd.put(BOX, holding(wish(80, 6000), wish(81, port)))
        assert isinstance(refused, PortRefused) and (refused.index, refused.ip) == (1, "127.0.0.1")
        assert "in use" in refused.detail and str(os.getpid()) in refused.user
    assert not is_taken(6000) and await netd.take(BOX) == ()


async def test_a_put_replaces_what_was_held_all_or_nothing(open_netd: Callable[[], Netd]) -> None:
    netd = open_netd()
    await netd.open()
    assert await netd.put(BOX, holding(wish(80, 6001))) == [6001]
    assert await netd.put(OTHER, holding(wish(80, 6002))) == [6002]
    assert isinstance(await netd.put(BOX, holding(wish(80, 6003), wish(81, 6002))), PortRefused)
    assert (is_taken(6001), is_taken(6003)) == (True, False)
    assert await netd.put(BOX, holding(wish(80, 6003))) == [6003]
    assert (is_taken(6001), is_taken(6003)) == (False, True)


async def test_descriptors_are_kept_and_given_back(open_netd: Callable[[], Netd], drivers: Drivers) -> None:
    netd = open_netd()
    await netd.open()
    made = await drivers.links.make_namespace(BOX, (), resolver=True)
    inode = os.fstat(made.descriptors[0]).st_ino
    await netd.put(BOX, holding(), made.descriptors)
    with pytest.raises(OSError):
        os.fstat(made.descriptors[0])
    taken = await netd.take(BOX)
    assert os.fstat(taken[0]).st_ino == inode
    for descriptor in taken:
        os.close(descriptor)


async def test_its_end_is_noticed(open_netd: Callable[[], Netd], run: Path) -> None:
    netd = open_netd()
    await netd.open()
    waiting = asyncio.ensure_future(netd.wait_gone())
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    os.kill(pid_of_netd(run), 9)
    await asyncio.wait_for(waiting, 5)
    assert list(await netd.open()) == []


async def test_an_engine_that_comes_as_the_last_one_dies_has_a_netd_that_stays(
    open_netd: Callable[[], NetdClient], run: Path
) -> None:
    first, second = open_netd(), open_netd()
    await first.open()
    pid = pid_of_netd(run)
    os.kill(pid, signal.SIGSTOP)  # so that it sees the end of the one and the other's greeting at once
    first._disconnect()
    opening = asyncio.ensure_future(second.open())
    await eventually("it is greeted", lambda: second._connection is not None and unread(second._connection))
    os.kill(pid, signal.SIGCONT)
    assert list(await opening) == []
    assert await second.put(BOX, holding(wish(80, 6004))) == [6004]


async def test_a_netd_whose_engine_died_while_it_started_ends(drivers: Drivers, run: Path) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", DYING, str(run))
    assert await process.wait() == -signal.SIGKILL
    await eventually("it has ended", lambda: not processes([run]))


async def test_a_client_that_is_closed_while_it_starts_a_netd_sees_it_end(drivers: Drivers, run: Path) -> None:
    client = NetdClient(run)
    opening = asyncio.ensure_future(client.open())
    await eventually("it listens", (run / "netd.sock").exists)
    opening.cancel()
    assert (await asyncio.gather(opening, return_exceptions=True))[0].__class__ is asyncio.CancelledError
    await client.close()
    assert processes([run]) == []


def unread(connection: socket.socket) -> int:
    """Bytes that the other side has not read yet."""
    (count,) = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))
    return int(count)


def pid_of_netd(run: Path) -> int:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if f"{run}/netd.sock".encode() in words:
            return int(pid)
    raise AssertionError("netd does not run")
