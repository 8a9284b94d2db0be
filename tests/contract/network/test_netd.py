"""What netd holds outlives the one who gave it."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from shoal.contracts.networking import Holding, Netd, PortRefused
from shoal.drivers.network.netd_client import NetdClient
from shoal.lifecycle.network.ports import Wish
from tests.contract.network.conftest import Drivers

BOX, OTHER = "b" * 64, "c" * 64


@pytest.fixture
async def open_netd(drivers: Drivers) -> AsyncIterator[Callable[[], Netd]]:
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


def pid_of_netd(run: Path) -> int:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if f"{run}/netd.sock".encode() in words:
            return int(pid)
    raise AssertionError("netd does not run")
