"""The engine is killed, netd is killed, the firewall is flushed: containers keep their network."""

import asyncio
import gc
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shoal.contracts.networking import HostNetwork
from shoal.drivers.network import netlink as nl
from shoal.drivers.network.namespace import inside, own_namespace
from shoal.errors import DriverError
from shoal.model.endpoint import PortBinding
from shoal.model.network import NetworkSpec, Sandbox
from tests.support.deadlines import patient
from tests.support.network import (
    HOST_IP,
    Engine,
    Hosts,
    addresses,
    aside,
    ask,
    engine,
    ip_of,
    socket_in,
    talks,
    tcp_server,
    udp_server,
)

ANY = PortBinding(container_port=80)
PORT = (PortBinding(container_port=80, host_port="5000"),)

#: an engine in a process of its own: makes a network and two containers, says so, and waits to be killed
VICTIM = """
import asyncio, json, sys
from pathlib import Path
from shoal.model.endpoint import PortBinding
from shoal.model.network import NetworkSpec
from tests.support.network import Engine

async def main() -> None:
    shoal = await Engine(Path(sys.argv[1])).open()
    await shoal.networks.create(NetworkSpec(name="app"))
    web = await shoal.run("web", "app", ports=(PortBinding(container_port=80, host_port="5000"),))
    db = await shoal.run("db", "app")
    print(json.dumps([web.container_id, db.container_id]), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


#: the same, but it dies right after a step of the second container's start or end
DYING = """
import asyncio, os, signal, sys
from pathlib import Path
from shoal.model.endpoint import PortBinding
from shoal.model.network import NetworkSpec
from tests.support.network import Engine

async def main(root: str, place: str, verb: str) -> None:
    shoal = await Engine(Path(root)).open()
    await shoal.networks.create(NetworkSpec(name="app"))
    port = (PortBinding(container_port=80, host_port="5000"),)
    if verb == "leave":
        web = await shoal.run("web", "app", ports=port)
    part, step = place.split(".")
    target = {"gate": shoal.networks._parts.gate}.get(part) or getattr(shoal, part)
    done = getattr(target, step)

    async def last(*arguments, **options):
        await done(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(target, step, last)
    if verb == "leave":
        await shoal.networks.leave(web.container_id)
    else:
        await shoal.run("web", "app", ports=port)

asyncio.run(main(*sys.argv[1:]))
"""


def environment() -> dict[str, str]:
    """For a Python that finds the same modules as this one."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@contextmanager
def process_in(sandbox_path: str) -> Iterator[int]:
    """The pid of a process that lives in a namespace, as a container's would."""
    process = subprocess.Popen(["nsenter", f"--net={sandbox_path}", "sleep", "600"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.fixture
async def killed(hosts: Hosts, root: Path) -> AsyncIterator[list[str]]:
    """Ids of the two containers of an engine that was killed with SIGKILL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VICTIM, str(root), stdout=subprocess.PIPE, env=environment()
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 20)
    process.kill()
    await process.wait()
    yield json.loads(line)


async def test_network_names_and_ports_outlive_a_killed_engine(killed: list[str], hosts: Hosts, root: Path) -> None:
    web_id, db_id = killed
    web_path, db_path = (str(root / "run" / "netns" / id) for id in killed)
    with process_in(web_path) as web_pid, process_in(db_path) as db_pid:
        web, db = os.open(web_path, os.O_RDONLY), os.open(db_path, os.O_RDONLY)
        with tcp_server(web, 80):
            # nobody is there but the kernel and netd
            assert await aside(talks, hosts.outside, HOST_IP, 5000)
            assert await aside(talks, None, "::1", 5000)
            assert addresses(await aside(ask, db, "web")) == ["172.18.0.2"]
            async with engine(root, living={web_id: web_pid, db_id: db_pid}) as shoal:
                assert await aside(talks, hosts.outside, HOST_IP, 5000)
                more = await shoal.run("more", "app")
                assert ip_of(more) == "172.18.0.4", "addresses of the adopted ones are known to be taken"
                assert addresses(await aside(ask, db, "more")) == ["172.18.0.4"]
                with pytest.raises(DriverError, match="port is already allocated"):
                    await shoal.run("thief", "app", ports=PORT)
        os.close(web)
        os.close(db)


async def test_what_died_with_the_engine_is_swept_away(killed: list[str], hosts: Hosts, root: Path) -> None:
    web_id, db_id = killed
    with process_in(str(root / "run" / "netns" / db_id)) as db_pid:
        async with engine(root, living={db_id: db_pid}) as shoal:
            assert shoal.networks.sandbox(web_id) is None
            assert [p.name for p in (root / "run" / "netns").iterdir()] == [db_id]
            table = shoal.nftables.run(f"list table ip {shoal.settings.instance}")
            assert "5000" not in table
            again = await shoal.run("web", "app", ports=PORT)
            assert ip_of(again) == "172.18.0.2"
            keep = {s.endpoints["app"].host_interface for s in shoal.store.all(Sandbox)}
            await shoal.links.close()  # whatever was doomed is gone now
            assert veths(shoal) == keep
            shoal.links.__init__(root / "run", (f"v{shoal.settings.tag}",), 77, shoal.nftables)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("verb", "place"),
    [
        ("join", "links.make_namespace"),
        ("join", "netd.put"),
        ("join", "gate.settle"),
        ("join", "store.commit"),
        ("leave", "links.destroy"),
        ("leave", "netd.drop"),
        ("leave", "gate.settle"),
        ("leave", "store.commit"),
    ],
)
async def test_an_engine_killed_at_any_step_leaves_nothing_half_done(
    hosts: Hosts, root: Path, verb: str, place: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DYING, str(root), place, verb, env=environment()
    )
    assert await asyncio.wait_for(process.wait(), patient(20)) == -signal.SIGKILL
    async with engine(root) as shoal:
        assert list((root / "run" / "netns").iterdir()) == []
        assert "5000" not in shoal.nftables.run("list ruleset")
        await until(lambda: veths(shoal) == set())
        again = await shoal.run("web", "app", ports=PORT)
        assert ip_of(again) == "172.18.0.2"
        with tcp_server(again, 80):
            assert await aside(talks, None, "::1", 5000)


async def test_nothing_leaks(shoal: Engine) -> None:
    def descriptors() -> list[int]:
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in (os.getpid(), shoal.netd.pid)]

    async def turn() -> None:
        for sandbox in await asyncio.gather(*(shoal.run(f"c{i}", "app", ports=(ANY,)) for i in range(8))):
            await shoal.networks.leave(sandbox.container_id)
        # links are deleted in the background, by way of a socket
        await asyncio.get_running_loop().run_in_executor(shoal.links._reaper, gc.collect)

    await shoal.networks.create(NetworkSpec(name="app"))
    await turn()
    before = descriptors()
    for _ in range(2):
        await turn()
    assert all(now <= then for now, then in zip(descriptors(), before, strict=True)), (descriptors(), before)


def veths(shoal: Engine) -> set[str]:
    """Veths of this engine on the host's side."""
    with nl.Netlink() as netlink:
        return {name for name in netlink.links() if name.startswith(f"v{shoal.settings.tag}")}


async def test_a_lost_name_of_a_namespace_is_found_again(killed: list[str], root: Path) -> None:
    """The run directory's mounts may be gone with the engine's mount namespace; netd and the process still have it."""
    from shoal.drivers.network.namespace import is_pinned, unpin

    web_id, _ = killed
    path = root / "run" / "netns" / web_id
    with process_in(str(path)) as pid:
        unpin(path)
        async with engine(root, living={web_id: pid}) as shoal:
            assert is_pinned(path)
            web = shoal.networks.sandbox(web_id)
            assert web is not None
            with tcp_server(web, 80):
                assert await aside(talks, None, ip_of(web), 80)


async def test_netd_is_started_again_when_it_is_killed(shoal: Engine) -> None:
    await shoal.networks.create(NetworkSpec(name="app"))
    web, db = await shoal.run("web", "app", ports=PORT), await shoal.run("db", "app")
    first = shoal.netd.pid
    os.kill(first, signal.SIGKILL)
    await until(lambda: shoal.netd.pid not in (0, first))
    with tcp_server(web, 80):
        await until(lambda: talks(None, "::1", 5000, wait_s=0.5))
    assert addresses(await aside(ask, db, "web")) == [ip_of(web)]


async def test_a_container_that_ends_while_netd_is_started_again_is_not_held_by_the_new_one(shoal: Engine) -> None:
    web = await shoal.run("web", "bridge", ports=PORT)
    host, hold_again, done = shoal.links.host, shoal.networks.overlay.hold_again, asyncio.Event()

    async def host_at_last() -> HostNetwork:
        shoal.links.host = host  # type: ignore[method-assign]
        await shoal.networks.leave(web.container_id)
        return await host()

    async def last_step() -> None:
        await hold_again()
        done.set()

    shoal.links.host = host_at_last  # type: ignore[method-assign]
    shoal.networks.overlay.hold_again = last_step  # type: ignore[method-assign]
    os.kill(shoal.netd.pid, signal.SIGKILL)
    await asyncio.wait_for(done.wait(), patient(10))
    again = await shoal.run("again", "bridge", ports=PORT)
    with tcp_server(again, 80):
        assert await aside(talks, None, "::1", 5000)


async def test_netd_ends_with_its_last_engine_when_it_holds_nothing(hosts: Hosts, root: Path) -> None:
    async with engine(root) as shoal:
        pid = shoal.netd.pid
    assert not Path(f"/proc/{pid}").exists()


async def test_a_flushed_firewall_is_put_back_and_ports_work_meanwhile(shoal: Engine, hosts: Hosts) -> None:
    web = await shoal.run("web", "bridge", ports=PORT)
    with tcp_server(web, 80):
        shoal.nftables.run("flush ruleset")
        assert await aside(talks, hosts.outside, HOST_IP, 5000), "netd listens there too"
        for family, word in (("ip", "5000"), ("ip6", "forward")):
            await until(lambda family=family, word=word: word in table(shoal, family))


async def test_udp_clients_follow_a_container_that_was_made_again(shoal: Engine, hosts: Hosts) -> None:
    """The kernel remembers where a flow goes; a client that never stops sending would stay with the dead one."""
    port = (PortBinding(container_port=53, protocol="udp", host_port="5353"),)
    first = await shoal.run("dns", "bridge", ports=port)
    with socket_in(hosts.outside, kind=socket.SOCK_DGRAM) as client:
        client.connect((HOST_IP, 5353))

        def echoes() -> bool:
            try:
                client.send(b"hello")
                client.settimeout(0.3)
                return client.recv(100) == b"hello"
            except OSError:
                return False

        with udp_server(first, 53):
            assert await aside(echoes)
        await shoal.networks.leave(first.container_id)
        assert not await aside(echoes), "nobody is there, and the kernel now knows a flow to the host itself"
        await shoal.run("other", "bridge")
        second = await shoal.run("dns", "bridge", ports=port)
        assert ip_of(second) != ip_of(first)
        with udp_server(second, 53):
            assert await aside(echoes)


async def test_other_peoples_tables_are_left_alone(hosts: Hosts, root: Path) -> None:
    from shoal.drivers.network.nftables import Nftables

    nftables = Nftables()
    nftables.run(
        'table inet filter { chain input { type filter hook input priority 0; tcp dport 1234 drop comment "x"; }; }'
    )
    before = nftables.run("list table inet filter")
    async with engine(root) as shoal:
        await shoal.run("web", "bridge", ports=PORT)
    assert nftables.run("list table inet filter") == before


async def test_two_engines_side_by_side(hosts: Hosts, root: Path) -> None:
    async with engine(root / "a") as one, engine(root / "b") as two:
        a = await one.run("web", "bridge", ports=PORT)
        b = await two.run("web", "bridge", ports=(PortBinding(container_port=80, host_port="5001"),))
        assert ip_of(a) != ip_of(b)
        with tcp_server(a, 80), tcp_server(b, 80):
            assert await aside(talks, hosts.outside, HOST_IP, 5000)
            assert await aside(talks, hosts.outside, HOST_IP, 5001)
            assert not await aside(talks, a, ip_of(b), 80, wait_s=0.5)
            assert await aside(talks, a, HOST_IP, 5001)
        with pytest.raises(DriverError, match="address already in use"):
            await two.run("thief", "bridge", ports=PORT)


async def test_a_subnet_taken_while_the_engine_was_away_is_given_up(hosts: Hosts, root: Path) -> None:
    async with engine(root / "a") as one:
        first = one.networks.resolve("bridge").chosen_subnets
    async with engine(root / "b") as two:
        assert two.networks.resolve("bridge").chosen_subnets == first
        async with engine(root / "a") as one:
            assert one.networks.resolve("bridge").chosen_subnets != first
            web = await one.run("web", "bridge")
            with tcp_server(web, 80):
                assert await aside(talks, None, ip_of(web), 80)
    async with engine(root / "a") as one:
        assert one.networks.resolve("bridge").chosen_subnets != first, "it stays where it is"


async def test_nothing_is_left_behind(hosts: Hosts, root: Path) -> None:
    async with engine(root) as shoal:
        await shoal.networks.create(NetworkSpec(name="app"))
        await asyncio.gather(*(shoal.run(f"c{i}", "app") for i in range(20)))
    with inside(hosts.home, own_namespace()), nl.Netlink() as netlink:
        assert set(netlink.links()) == {"lo", "up0"}
    assert shoal.nftables.run("list tables") == ""
    assert list((root / "run" / "netns").iterdir()) == []


def table(shoal: Engine, family: str) -> str:
    """The engine's table as text, "" where it is not there."""
    try:
        return shoal.nftables.run(f"list table {family} {shoal.settings.instance}")
    except DriverError:
        return ""


async def until(check: object, seconds: float = 10.0) -> None:
    """Returns when `check` is true; it is asked again and again."""
    deadline = asyncio.get_running_loop().time() + patient(seconds)
    while not await asyncio.to_thread(check):  # type: ignore[arg-type]
        assert asyncio.get_running_loop().time() < deadline, "not in time"
        await asyncio.sleep(0.02)
