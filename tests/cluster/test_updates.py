"""Three hosts, clients outside that ask all of them: updates, drains and removed nodes fail no request."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import clusters
from tests.support.asking import asking
from tests.support.clusters import containers, hostnames, update_node, wait_running
from tests.support.engine import wait_for
from tests.support.hosts import Farm, Host, hosts

PORT = 8080
UNTIL_TERM = "trap 'kill $!; exit 0' TERM; wait"
SERVER = ["sh", "-c", f"mkdir -p /www; echo $COLOUR > /www/index.html; httpd -f -p 80 -h /www & {UNTIL_TERM}"]
CHECK = {"Test": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"], "Interval": 200_000_000, "Retries": 50}


def spec(colour: str, order: str = "stop-first") -> dict[str, Any]:
    container = {"Image": "busybox", "Command": SERVER, "Env": [f"COLOUR={colour}"], "Healthcheck": CHECK}
    return {
        "Name": "web",
        "TaskTemplate": {"ContainerSpec": container},
        "Mode": {"Replicated": {"Replicas": 5}},
        "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": PORT, "Protocol": "tcp"}]},
        "UpdateConfig": {"Parallelism": 2, "Order": order, "Monitor": 200_000_000},
    }


def update(manager: Host, wanted: dict[str, Any]) -> None:
    version = manager.engine.call("GET", "/services/web")[1]["Version"]["Index"]
    status, answer = manager.engine.call("POST", f"/services/web/update?version={version}", wanted)
    assert status == 200, answer


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(3) as farm:
        clusters.found(farm[0], farm[1:])
        yield farm


@pytest.fixture(autouse=True)
def web(farm: Farm) -> Iterator[None]:
    status, answer = farm[0].engine.call("POST", "/services/create", spec("red"))
    assert status == 201, answer
    wait_running(farm[0], "web", 5)
    yield
    clusters.remove_services(farm[0])


def everywhere(farm: Farm) -> dict[str, Any]:
    return {"addresses": [host.address for host in farm], "place": farm.outside.entered}


@pytest.mark.parametrize("order", ["stop-first", "start-first"])
def test_no_request_fails_during_an_update(farm: Farm, order: str) -> None:
    manager = farm[0]
    with asking(PORT, **everywhere(farm)) as asked:
        wait_for("all answer", lambda: asked.answers["red"] > 100)
        update(manager, spec("blue", order))
        wait_for(
            "it is updated",
            lambda: manager.engine.call("GET", "/services/web")[1].get("UpdateStatus", {}).get("State") == "completed",
            90,
        )
        seen = asked.answers["blue"]
        wait_for("the new ones answer", lambda: asked.answers["blue"] > seen + 100)
    assert asked.faults == []


def test_no_request_fails_while_a_node_is_drained_and_comes_back(farm: Farm) -> None:
    manager, drained = farm[0], farm[2]
    with asking(PORT, **everywhere(farm)) as asked:
        wait_for("all answer", lambda: asked.answers["red"] > 100)
        update_node(manager, drained, Availability="drain")
        wait_for("nothing runs there", lambda: not containers(drained), 60)
        assert "host3" not in hostnames(manager, wait_running(manager, "web", 5))
        update_node(manager, drained, Availability="active")
        seen = asked.answers["red"]
        wait_for("all still answer", lambda: asked.answers["red"] > seen + 100)
    assert asked.faults == []
