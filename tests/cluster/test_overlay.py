"""Networks of a real cluster: managers choose addresses, every node makes them true."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support import clusters
from tests.support.engine import wait_for
from tests.support.hosts import Farm, Host, hosts
from tests.support.overlay import CLIENT, asked, telling


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(3, images="stand-ins") as farm:
        clusters.found(farm[0], farm[1:])
        yield farm


def running(host: Host, service: str) -> list[str]:
    """Ids of the service's containers on a host."""
    return host.engine.docker("ps", "-q", "--filter", f"label=com.docker.swarm.service.name={service}").stdout.split()


def serving(farm: Farm, port: int) -> list[str]:
    """Names of the tasks that answer, as asked of every node."""
    told = asked(farm.outside, 30, *(f"http://{host.address}:{port}" for host in farm))
    return sorted({t.get("name", "nobody") for t in told})


def inside(host: Host, container: str, *words: object) -> list[dict[str, object]]:
    with open(CLIENT) as text:
        done = host.engine.docker("exec", container, "python3", "-c", text.read(), *map(str, words))
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_service_on_three_nodes(farm: Farm) -> None:
    manager = farm[0]
    manager.engine.docker("network", "create", "-d", "overlay", "app")
    create = ("service", "create", "--detach", "--name", "web", "--network", "app", "--mode", "global", "-p", "8080:80")
    command = ("sh", "-c", 'exec python3 -c "$0" $(hostname) 80')
    manager.engine.docker(*create, "python:alpine", *command, telling("x")[2])
    wait_for("a task on every node", lambda: all(running(host, "web") for host in farm), 20)
    names = sorted(running(host, "web")[0] for host in farm)
    wait_for("all of them answer", lambda: serving(farm, 8080) == names, 20)
    for host in farm:
        told = asked(farm.outside, 60, f"http://{host.address}:8080")
        assert Counter(t["peer"] for t in told) == {farm.outside.address: 60}
        container = running(host, "web")[0]
        by_name = inside(host, container, 40, "http://web:80")
        assert sorted({str(t.get("name")) for t in by_name}) == names
    manager.engine.docker("service", "update", "--detach", "--publish-rm", "8080:80", "--publish-add", "8081:80", "web")
    wait_for("the port has changed", lambda: serving(farm, 8081) == sorted(running(h, "web")[0] for h in farm), 60)
    wait_for("the old one is closed", lambda: serving(farm, 8080) == ["nobody"], 10)
    manager.engine.docker("service", "rm", "web")
    wait_for("the port is closed", lambda: serving(farm, 8081) == ["nobody"], 10)
    for host in farm:
        wait_for("no task is left", lambda host=host: not running(host, "web"), 20)  # type: ignore[misc]

    def known(host: Host) -> list[str]:
        return [network["Name"] for network in host.engine.call("GET", "/networks")[1]]

    wait_for("workers have no network that they don't need", lambda: not any("app" in known(h) for h in farm[1:]), 10)
    manager.engine.docker("network", "rm", "app")
    assert "app" not in known(manager)


def test_who_leaves_has_nothing_left(farm: Farm) -> None:
    worker = farm[2]
    assert "vxlan" in worker.exec("ip", "-d", "link").stdout
    clusters.leave(worker)

    def left() -> str:
        looks = (["ip", "-d", "link"], ["ip", "rule"], ["nft", "list", "tables"])
        return "".join(worker.exec(*argv).stdout for argv in looks)

    wait_for("nothing is left", lambda: not any(w in left() for w in ("vxlan", "0x5000", "_overlay")), 5)
    assert [n["Name"] for n in worker.engine.call("GET", "/networks")[1] if n["Driver"] == "overlay"] == []
