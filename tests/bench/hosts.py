"""A cluster of three hosts on this machine: the mesh, a drain, an engine that is killed, a host that is gone."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.rows import Row, Sample, Scenario
from tests.bench.target import Target
from tests.bench.traffic import failures
from tests.support import clusters
from tests.support.engine import wait_for
from tests.support.hosts import Farm, Host, Place, hosts

WEB = 8080
TASKS = 50
LINK = "500mbit"  #: as if hosts were machines: the cable is the limit, not this machine's cores
BURST, LATENCY_MS = "128kb", 50  #: as a network card takes it: a large piece at once
ROUTED = "10.213.9.9"  #: of the second host; the way there and back is through the first one, without Shoal
LOAD_S, REQUESTS = 5, 20_000
RUNS, RUN_S = 3, "1"


@contextmanager
def cluster(target: Target, work: Path) -> Iterator[Sample]:
    """One sample: everything once, on hosts of their own."""
    if target.name != "shoal":
        raise RuntimeError("hosts are made for Shoal only")
    with hosts(3, images="stand-ins") as farm:
        clusters.found(farm[0], farm[1:])
        yield lambda: _told(lambda: (*mesh(farm), *drain(farm), *killed(farm), *lost(farm)))


def _told(measure: Callable[[], tuple[float, ...]]) -> tuple[float, ...]:
    try:
        return measure()
    except AssertionError as error:
        raise RuntimeError(str(error)) from error


def create(manager: Host, name: str, replicas: int, container: dict[str, Any], on: str = "", *ports: Any) -> None:
    """A service whose tasks all run. on: hostname of the only node that it may be on, "" = any"""
    placement = {"Constraints": [f"node.hostname=={on}"]} if on else {}
    body = {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": container, "Placement": placement},
        "Mode": {"Replicated": {"Replicas": replicas}},
        "EndpointSpec": {"Ports": list(ports)},
    }
    status, answer = manager.engine.call("POST", "/services/create", body)
    assert status == 201, answer
    clusters.wait_running(manager, name, replicas, 60)


def sleeper() -> dict[str, Any]:
    return {"Image": "busybox", "Command": ["sleep", "1000"], "Init": True, "StopGracePeriod": 0}


def web(farm: Farm) -> None:
    """Servers that end each connection in good order, and that every node leads to."""
    container = {"Image": "nginx:latest", "StopSignal": "SIGQUIT", "StopGracePeriod": 20_000_000_000}
    create(farm[0], "web", 4, container, "", {"TargetPort": 80, "PublishedPort": WEB})
    for host in farm:
        url = f"http://{host.address}:{WEB}/"
        wait_for(f"{host.name} answers", partial(answers, farm.outside, url))


def answers(place: Place, url: str) -> bool:
    return place.exec("curl", "-sf", "-m", "2", "-o", "/dev/null", url, check=False).returncode == 0


# -- throughput ------------------------------------------------------------------------


def mesh(farm: Farm) -> tuple[float, ...]:
    """Published port / direct: (on the task's node, through another node where cables are the limit, through another
    node where this machine is, plain routing through another node where this machine is)
    """
    one, two, _ = farm
    direct = {"TargetPort": 5201, "PublishedPort": 5301, "PublishMode": "host"}
    create(one, "speed", 1, sleeper(), "host2", {"TargetPort": 5201, "PublishedPort": 5201}, direct)
    (task,) = clusters.running(one, "speed")
    network = f"--net=/proc/{task['Status']['ContainerStatus']['PID']}/ns/net"
    two.spawn("nsenter", network, "iperf3", "-s")
    wait_for("iperf3 listens", lambda: ":5201" in two.exec("nsenter", network, "ss", "-tln").stdout)
    own = ratio(farm.outside, (two.address, 5201), (two.address, 5301))
    unlimited = ratio(farm.outside, (one.address, 5201), (two.address, 5301))
    for host in (one, two):
        farm.slow(host, LINK, LATENCY_MS, BURST)
    other = ratio(farm.outside, (one.address, 5201), (two.address, 5301))
    for host in (one, two):
        farm.slow(host, None)
    clusters.remove_services(one)
    return own, other, unlimited, routed(farm)


def routed(farm: Farm) -> float:
    """What one more hop costs on this machine whoever makes it: no program of ours has to do with these packets."""
    one, two, _ = farm
    one.exec("sysctl", "-qw", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.eth0.send_redirects=0")
    one.ip(f"route add {ROUTED}/32 via {two.address}")
    back = (f"rule add from {ROUTED} lookup 77", f"route add default via {one.address} table 77")
    two.ip(f"addr add {ROUTED}/32 dev eth0", *back)
    farm.outside.ip(f"route add {ROUTED}/32 via {one.address}")
    two.spawn("iperf3", "-s", "-p", "5401")
    wait_for("iperf3 listens", lambda: ":5401" in two.exec("ss", "-tln").stdout)
    return ratio(farm.outside, (ROUTED, 5401), (two.address, 5401))


def ratio(place: Place, way: tuple[str, int], direct: tuple[str, int]) -> float:
    """Of the best of some runs each, in turn."""
    best = {way: 0.0, direct: 0.0}
    for _ in range(RUNS):
        for address, port in best:
            rate = wait_for("iperf3 has measured", partial(throughput, place, address, port))
            best[address, port] = max(best[address, port], rate)
    return best[way] / best[direct]


def throughput(place: Place, address: str, port: int) -> float:
    """bit/s of one connection, as the receiver sees it; 0.0 while the server is busy with the one before."""
    done = place.exec("iperf3", "-J", "-t", RUN_S, "-c", address, "-p", str(port), check=False)
    found = json.loads(done.stdout or "{}").get("end", {}).get("sum_received", {})
    return float(found.get("bits_per_second", 0.0))


# -- requests ---------------------------------------------------------------------------


def failed(farm: Farm, act: Callable[[], None], enough: int) -> int:
    """Requests that failed while `act` ran, fresh connections to every node and kept ones to the first.

    Raises: AssertionError where there were too few to say anything
    """
    loads = [load(farm, host, "-H", "Connection: close") for host in farm] + [load(farm, farm[0])]
    act()
    found = [failures(process.communicate(timeout=LOAD_S + 30)[0].decode()) for process in loads]
    assert (asked := sum(count for _, count in found)) >= enough, f"only {asked} requests"
    return sum(count for count, _ in found)


def load(farm: Farm, host: Host, *flags: str) -> "subprocess.Popen[bytes]":
    url = f"http://{host.address}:{WEB}/"
    return farm.outside.spawn("wrk", "-t1", "-c4", f"-d{LOAD_S}s", *flags, url, stdout=subprocess.PIPE)


def drain(farm: Farm) -> tuple[float]:
    """A worker is emptied and used again."""
    one, _, three = farm
    web(farm)

    def act() -> None:
        clusters.update_node(one, three, Availability="drain")
        wait_for("its tasks run elsewhere", lambda: len(elsewhere(one, three)) == 4, 30)

    count = failed(farm, act, REQUESTS)
    wait_for("nothing runs there", lambda: not clusters.containers(three), 30)
    clusters.update_node(one, three, Availability="active")
    return (count,)


def elsewhere(manager: Host, host: Host) -> list[dict[str, Any]]:
    """The servers on other hosts."""
    identity = clusters.nodes(manager)[host.name]["ID"]
    return [task for task in clusters.running(manager, "web") if task["NodeID"] != identity]


# -- what breaks --------------------------------------------------------------------------


def killed(farm: Farm) -> tuple[float, float, float]:
    """(tasks stopped, failed requests, seconds from the start of the next engine until it has begun a new task)"""
    one, two, _ = farm
    create(one, "many", TASKS, sleeper(), "host2")
    before = clusters.containers(two)
    control_s = 0.0

    def act() -> None:
        nonlocal control_s
        two.engine.kill()
        known = one.engine.call("GET", "/services/many")[1]
        spec = known["Spec"] | {"Mode": {"Replicated": {"Replicas": TASKS + 1}}}
        assert one.engine.call("POST", f"/services/many/update?version={known['Version']['Index']}", spec)[0] == 200
        start = time.perf_counter()
        two.engine.start()
        clusters.wait_running(one, "many", TASKS + 1)
        control_s = time.perf_counter() - start

    count = failed(farm, act, 1000)
    stopped = len(before - clusters.containers(two))
    one.engine.call("DELETE", "/services/many")
    wait_for("the sleepers are gone", lambda: len(clusters.containers(two)) < TASKS, 30)
    return stopped, count, control_s


def lost(farm: Farm) -> tuple[float, float]:
    """Seconds from a host's end until (it is known to be down, its tasks run elsewhere)."""
    one, two, _ = farm
    start = time.perf_counter()
    farm.kill(two)
    wait_for("it is down", lambda: clusters.node_state(one, two) == "down", 20)
    down_s = time.perf_counter() - start
    wait_for("its tasks run elsewhere", lambda: len(elsewhere(one, two)) == 4, 20)
    return down_s, time.perf_counter() - start


_RATIO = {"unit": "×", "is_rate": True, "goal": 0.95}
SCENARIOS = (
    Scenario(
        (
            Row("mesh on the task's node / direct", **_RATIO),  # type: ignore[arg-type]
            Row(f"mesh through another node / direct, {LINK}", **_RATIO),  # type: ignore[arg-type]
            Row("  where this machine is the limit", unit="×", is_rate=True),
            Row("  there, plain routing through another node / direct", unit="×", is_rate=True),
            Row(f"failed of {REQUESTS:,} requests, a node drained", 0, "failed"),
            Row(f"engine of {TASKS} tasks killed: tasks stopped", 0, "stopped"),
            Row("  failed requests", 0, "failed"),
            Row("  until it is in control", 3.0),
            Row("dead node until it is noticed", 10.0),
            Row("dead node until its tasks run elsewhere", 12.0),
        ),
        cluster,
        runs=1,
    ),
)
