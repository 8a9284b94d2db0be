"""Cables are pulled and plugged in again: a manager and two workers, and what everybody sees meanwhile."""

import contextlib
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support import clusters
from tests.support.asking import asking
from tests.support.clusters import containers, hostnames, node_state, wait_running
from tests.support.engine import wait_for
from tests.support.hosts import Farm, Host, Place, hosts

PORT = 8080
LONGER_THAN_BEATS_S = 8.0
BACK_S = 6.0  #: the goal is 2 s, on a machine that does nothing else
ALL = {"host1", "host2", "host3"}
SERVER = "mkdir /www; hostname > /www/index.html; exec httpd -f -p 0.0.0.0:80 -h /www"


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(3) as farm:
        clusters.found(farm[0], farm[1:])
        status, answer = farm[0].engine.call("POST", "/networks/create", {"Name": "net", "Driver": "overlay"})
        assert status == 201, answer
        yield farm


@pytest.fixture(autouse=True)
def web(farm: Farm) -> Iterator[None]:
    """Three servers whose page is the node they are on, and a shell on every node."""
    one = farm[0]
    server = {"Hostname": "{{.Node.Hostname}}", "Command": ["sh", "-c", SERVER]}
    create(one, "web", server, {"Replicated": {"Replicas": 3}}, {"Ports": [{"TargetPort": 80, "PublishedPort": PORT}]})
    create(one, "shell", {"Command": ["sleep", "1000"]}, {"Global": {}})
    wait_running(one, "shell", 3)
    wait_running(one, "web", 3)
    for host in farm:
        wait_for(f"{host.name} leads to all", partial(leads_to, host, farm.outside, ALL))
    yield
    farm.rejoin()
    farm.heal(*farm)
    for host in farm:
        wait_for(f"{host.name} is ready", partial(has_state, one, host, "ready"))
    clusters.remove_services(one)


def create(manager: Host, name: str, container: dict[str, Any], mode: Any, endpoint: Any = None) -> None:
    task = {
        "ContainerSpec": {"Image": "busybox", "Init": True, **container},
        "Networks": [{"Target": "net"}],
        "RestartPolicy": {"Delay": 0},
    }
    body = {"Name": name, "TaskTemplate": task, "Mode": mode, "EndpointSpec": endpoint or {}}
    status, answer = manager.engine.call("POST", "/services/create", body)
    assert status == 201, answer


def has_state(manager: Host, host: Host, state: str) -> bool:
    return node_state(manager, host) == state


def took(what: str, start: float, limit_s: float, check: Callable[[], object]) -> None:
    """It comes about before `limit_s` from `start` on are over; says after how long."""
    wait_for(what, lambda: bool(check()), start + limit_s - time.monotonic())
    print(f"{what}: {time.monotonic() - start:.2f} s")


def pages(place: Place, address: str, count: int = 12) -> Counter[str]:
    """What so many requests are answered with; "" for each that is not. None waits for the first one's connection."""
    url = f"http://{address}:{PORT}/?[1-{count}]"
    done = place.exec(
        "curl", "-s", "-Z", "--parallel-immediate", "-H", "Connection: close", "-m", "1", url, check=False
    )
    found = Counter(done.stdout.split())
    found[""] = count - found.total()
    return +found


def leads_to(host: Host, place: Place, names: set[str]) -> bool:
    """Whether all requests to the host are answered, by tasks on each of these hosts."""
    return set(pages(place, host.address)) == names


def balanced(host: Host) -> str:
    """What the node's firewall has of published ports, and whether its own server answers; for a failure's message."""
    rules = host.exec("nft", "list", "ruleset").stdout
    (name,) = [name for name in host.docker("ps", "--format", "{{.Names}}").stdout.split() if name.startswith("web.")]
    own = host.docker("exec", name, "wget", "-qO-", "http://127.0.0.1/", check=False)
    start = rules.find("map port_backends")
    return f"{rules[start : rules.find('}', rules.find('elements', start))]}; itself: {own.stdout or own}"


def shell(host: Host) -> str:
    """A container on the service's network."""
    (name,) = [name for name in host.docker("ps", "--format", "{{.Names}}").stdout.split() if name.startswith("shell.")]
    return name


def named(host: Host, name: str) -> set[str]:
    """The addresses of a name, as a container on the host is told."""
    said = host.docker("exec", shell(host), "nslookup", "-type=a", name, check=False).stdout
    return {line.split()[1] for line in said.splitlines() if line.startswith("Address:") and ":53" not in line}


def addresses(manager: Host, service: str) -> set[str]:
    """Of the service's tasks that run, on their network."""
    return {
        address.partition("/")[0]
        for task in clusters.running(manager, service)
        for attachment in task["NetworksAttachments"]
        if attachment["Network"]["Spec"]["Name"] == "net"
        for address in attachment["Addresses"]
    }


def test_a_worker_cut_off_and_back(farm: Farm) -> None:
    one, two, lost = farm
    kept = containers(lost)
    old = {task["ID"] for task in clusters.running(one, "web")}
    start = time.monotonic()
    farm.cut(lost)
    took("noticed", start, 10, lambda: has_state(one, lost, "down"))
    took("its tasks run elsewhere", start, 12, lambda: len(on(one, "web", {"host1", "host2"})) == 3)
    for host in (one, two):
        took(f"{host.name} leads to what runs", start, 12, partial(leads_to, host, farm.outside, {"host1", "host2"}))
        took(
            f"{host.name} names what runs",
            start,
            12,
            lambda host=host: named(host, "tasks.web") == addresses(one, "web"),
        )
    assert containers(lost) == kept
    answered = sum((pages(lost, "127.0.0.1", 6) for _ in range(6)), Counter())
    assert answered["host3"], f"its own task, one in three, answers it on: {answered}; {balanced(lost)}"
    assert named(lost, "web") == named(one, "web")

    start = time.monotonic()
    farm.heal(lost)
    took("back: ready", start, BACK_S, lambda: has_state(one, lost, "ready"))
    took("back: the mesh leads to what runs", start, BACK_S, lambda: leads_to(lost, farm.outside, {"host1", "host2"}))
    took("back: names lead to what runs", start, BACK_S, lambda: named(lost, "tasks.web") == addresses(one, "web"))
    took("back: what was replaced is stopped", start, BACK_S, lambda: len(containers(lost)) == 1)
    assert named(lost, "web") == named(one, "web")
    # Each is drawn: one host has a third of the tasks, so none of few requests may go there.
    ask = "i=0; while [ $i -lt 60 ]; do i=$((i + 1)); wget -qO- http://web/ || echo failed; done"
    assert set(lost.docker("exec", shell(lost), "sh", "-c", ask).stdout.split()) == {"host1", "host2"}
    assert len(old & {task["ID"] for task in clusters.running(one, "web")}) == 2, "nobody else's task was touched"


def on(manager: Host, service: str, names: set[str]) -> list[dict[str, Any]]:
    """Running tasks of a service on these hosts."""
    found = clusters.running(manager, service)
    return [task for task in found if set(hostnames(manager, [task])) <= names]


def test_two_workers_do_not_reach_each_other_but_the_manager_both(farm: Farm) -> None:
    """Nobody is down and nothing moves; who calls the manager notices nothing."""
    one, two, three = farm
    kept = [containers(host) for host in farm]
    farm.part([two], [three])
    wait_for("they are parted", lambda: not reaches(two, three))
    own_s = time.monotonic()
    failed: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    while time.monotonic() < own_s + LONGER_THAN_BEATS_S:
        answered += pages(farm.outside, one.address)
        for host, unreached in ((two, "host3"), (three, "host2")):
            found = pages(farm.outside, host.address)
            assert set(found) <= ALL - {unreached} | {""}
            failed[host.name] += found[""]
    assert set(answered) == ALL
    print(f"requests to tasks of the other one that nobody answers: {dict(failed)}")
    assert {node["Status"]["State"] for node in clusters.nodes(one).values()} == {"ready"}
    assert [containers(host) for host in farm] == kept

    start = time.monotonic()
    farm.rejoin()
    for host in (two, three):
        took(f"{host.name} leads to all", start, 2, partial(leads_to, host, farm.outside, ALL))
        assert named(host, "tasks.web") == addresses(one, "web")


def test_a_link_that_is_gone_for_moments_harms_nobody(farm: Farm) -> None:
    """Shorter than three beats: no task moves, and requests only wait."""
    one, _, three = farm
    for host in farm:  # the kernel asks for a neighbour three times, then says that there is no route: all may be lost
        for kind in ("ucast", "mcast"):
            with host.entered():
                Path(f"/proc/sys/net/ipv4/neigh/eth0/{kind}_solicit").write_text("60")
    kept = [containers(host) for host in farm]
    listed = [host.address for host in farm[:2]]
    with asking(PORT, addresses=listed, place=farm.outside.entered) as asked:
        for _ in range(6):
            flap(farm, three)
        seen = asked.count
        wait_for("requests are answered", lambda: asked.count > seen + 50)
    assert asked.faults == []
    assert [containers(host) for host in farm] == kept
    assert has_state(one, three, "ready")
    for host in farm:
        wait_for(f"{host.name} leads to all", partial(leads_to, host, farm.outside, ALL), 2)


def test_a_link_that_goes_again_while_its_node_comes_back(farm: Farm) -> None:
    """Cut off as soon as it is ready again, and again: it ends as if it had come back once."""
    one, two, three = farm
    farm.cut(three)
    wait_for("noticed", lambda: has_state(one, three, "down"))
    wait_for("its tasks run elsewhere", lambda: len(on(one, "web", {"host1", "host2"})) == 3)
    stay = [containers(host) for host in (one, two)]
    wished = addresses(one, "web")
    farm.heal(three)
    for _ in range(4):
        wait_for("it is ready", partial(has_state, one, three, "ready"))
        flap(farm, three)
    start = time.monotonic()
    took("names lead to what runs", start, 2, lambda: named(three, "tasks.web") == wished)
    took("the mesh leads to what runs", start, 2, lambda: leads_to(three, farm.outside, {"host1", "host2"}))
    took("what was replaced is stopped", start, 2, lambda: len(containers(three)) == 1)
    assert [containers(host) for host in (one, two)] == stay
    assert addresses(one, "web") == wished


def flap(farm: Farm, host: Host) -> None:
    """The cable is out until somebody notices, and in again until it carries."""
    farm.cut(host)
    wait_for("it is gone", lambda: not reaches(farm[0], host))
    farm.heal(host)
    wait_for("it is back", partial(reaches, farm[0], host))


def reaches(host: Host, other: Host) -> bool:
    """Whether a connection to the other host's engine comes about at once."""
    with host.entered(), contextlib.suppress(OSError), socket.socket() as connection:
        connection.settimeout(0.2)
        connection.connect((other.address, 2377))
        return True
    return False
