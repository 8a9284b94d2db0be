"""Two engines on one host that make networks at the same moment: no subnet is both's, and all traffic gets through."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_network
from itertools import combinations
from typing import Any, TypeVar

import pytest

from tests.support.engine import EngineProcess, engine_with_busybox
from tests.support.swarm import OneNode

T = TypeVar("T")
ROUNDS = 8
POOL = ("--address-pool", "10.217.0.0/18:24")
#: the host has no address on its bridge, and so no route
ISOLATED = {
    "Driver": "bridge",
    "Internal": True,
    "Options": {"com.docker.network.bridge.gateway_mode_ipv4": "isolated"},
}
#: answers whoever asks, until it is removed
SERVER = ("sh", "-c", "while :; do echo served | nc -l -p 80; done")


@pytest.fixture(scope="module")
def engines() -> Iterator[tuple[EngineProcess, EngineProcess]]:
    with engine_with_busybox(*POOL) as one, engine_with_busybox(*POOL) as other:
        yield one, other


def at_once(job: Callable[[EngineProcess], T], engines: Sequence[EngineProcess]) -> list[T]:
    """What each gives; none begins before all are there."""
    start = threading.Barrier(len(engines))

    def run(engine: EngineProcess) -> T:
        start.wait()
        return job(engine)

    with ThreadPoolExecutor(len(engines)) as threads:
        return list(threads.map(run, engines))


def make(engine: EngineProcess, **spec: Any) -> dict[str, Any]:
    status, answer = engine.call("POST", "/networks/create", spec)
    assert status == 201, answer
    network: dict[str, Any] = engine.call("GET", f"/networks/{answer['Id']}")[1]
    return network


def rounds(engines: tuple[EngineProcess, EngineProcess], **spec: Any) -> list[dict[str, Any]]:
    """Networks of both, made two by two."""
    made = [at_once(partial(make, Name=f"n{number}", **spec), engines) for number in range(ROUNDS)]
    return [network for both in made for network in both]


def shared(networks: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Pairs of subnets that overlap."""
    subnets = [ip_network(pool["Subnet"]) for network in networks for pool in network["IPAM"]["Config"] or ()]
    return [(str(a), str(b)) for a, b in combinations(subnets, 2) if a.version == b.version and a.overlaps(b)]


def talk(engine: EngineProcess, network: str) -> str:
    """What a container gets from another one on the same network, by its name."""
    engine.shoal("run", "-d", "--name", f"server-{network}", "--network", network, "busybox", *SERVER)
    ask = "for i in $(seq 50); do nc -w 2 $0 80 | grep served && exit; sleep 0.1; done; exit 1"
    return engine.shoal("run", "--rm", "--network", network, "busybox", "sh", "-c", ask, f"server-{network}").stdout


def test_bridge_networks(engines: tuple[EngineProcess, EngineProcess]) -> None:
    networks = rounds(engines, Driver="bridge", EnableIPv6=True)
    assert shared(networks) == []
    assert at_once(partial(talk, network="n0"), engines) == ["served\n"] * 2
    for engine in engines:
        engine.remove_everything()
    again = make(engines[0], Name="again", Driver="bridge")
    freed = [network["IPAM"]["Config"][0]["Subnet"] for network in networks]
    assert again["IPAM"]["Config"][0]["Subnet"] in freed, "what nobody has any more is given again"


def test_the_same_subnet_asked_for_in_both(engines: tuple[EngineProcess, EngineProcess]) -> None:
    """The host reaches only one of them; inside each all is well."""
    asked = {"Config": [{"Subnet": "10.217.128.0/24"}]}
    networks = at_once(partial(make, Name="asked", Driver="bridge", IPAM=asked), engines)
    assert len(shared(networks)) == 1
    assert at_once(partial(talk, network="asked"), engines) == ["served\n"] * 2
    for engine in engines:
        engine.remove_everything()


def test_overlay_networks_of_two_clusters(engines: tuple[EngineProcess, EngineProcess]) -> None:
    """Those of services alone have no bridge before a task comes."""
    nodes = [OneNode(engine) for engine in engines]
    at_once(lambda engine: OneNode(engine).init(), engines)
    try:
        networks = rounds(engines, Driver="overlay", Attachable=True)
        networks += at_once(partial(make, Name="later", Driver="overlay"), engines)
        networks += [make(engines[1], Name="bridge-beside", Driver="bridge")]
        networks += [engine.call("GET", "/networks/ingress")[1] for engine in engines]
        assert shared(networks) == []
        assert at_once(partial(talk, network="n0"), engines) == ["served\n"] * 2
    finally:
        for node in nodes:
            node.engine.remove_everything()
            node.leave()


def test_who_starts_again_moves_out_of_what_another_one_has_taken(fresh_engine: EngineProcess) -> None:
    """Without containers no bridge is there while an engine is stopped. What is taken shows no route on the host."""
    pool = ("--address-pool", "10.217.64.0/21:24")
    restarted(fresh_engine, *pool)
    with engine_with_busybox(*pool) as other:
        theirs = make(other, Name="n", Driver="bridge")
        other.stop()
        ours = [make(fresh_engine, Name=f"n{number}", **ISOLATED) for number in range(2)]
        assert shared([theirs, *ours])
        other.start()
        assert shared([*ours, *other.call("GET", "/networks")[1]]) == []


def restarted(engine: EngineProcess, *flags: str) -> None:
    engine.stop()
    engine.flags = (*engine.flags, *flags)
    engine.start()


def test_what_an_engine_had_is_free_once_it_was_killed(fresh_engine: EngineProcess) -> None:
    pool = ("--address-pool", "10.217.96.0/21:24")
    restarted(fresh_engine, *pool)
    with engine_with_busybox(*pool) as other:
        theirs = make(other, Name="n", **ISOLATED)
        assert shared([theirs, make(fresh_engine, Name="n", **ISOLATED)]) == []
        other.kill()
        after = [make(fresh_engine, Name=f"after{number}", **ISOLATED) for number in range(2)]
        assert shared([theirs, *after])
