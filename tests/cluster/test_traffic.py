"""Three hosts, clients outside that ask all of them: whatever changes on purpose, no request fails.

The tasks are on the two workers, so that the manager is a node without one. Each answer names who called, as the task
sees it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from tests.support import clusters
from tests.support.asking import Asking, asking
from tests.support.clusters import containers, hostnames, update_node, wait_running
from tests.support.engine import wait_for
from tests.support.hosts import Farm, Host, hosts

PORT = 8080
REQUESTS, CLIENTS = 2000, 6
TELL = r"printf '#!/bin/sh\necho; echo $COLOUR $REMOTE_ADDR\n' > index.cgi; chmod +x index.cgi"
UNTIL_TERM = "trap 'kill $!; exit 0' TERM; wait"
SERVER = ["sh", "-c", f"mkdir -p /www/cgi-bin; cd /www/cgi-bin; {TELL}; httpd -f -p 0.0.0.0:80 -h /www & {UNTIL_TERM}"]
CHECK = {"Test": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"], "Interval": 200_000_000, "Retries": 50}


def spec(colour: str, replicas: int = 4, order: str = "stop-first") -> dict[str, Any]:
    container = {"Image": "busybox", "Command": SERVER, "Env": [f"COLOUR={colour}"], "Healthcheck": CHECK}
    return {
        "Name": "web",
        "TaskTemplate": {
            "ContainerSpec": container,
            "Placement": {"Constraints": ["node.role==worker"]},
            "Networks": [{"Target": "net"}],
        },
        "Mode": {"Replicated": {"Replicas": replicas}},
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
        status, answer = farm[0].engine.call("POST", "/networks/create", {"Name": "net", "Driver": "overlay"})
        assert status == 201, answer
        yield farm


@pytest.fixture(autouse=True)
def web(farm: Farm) -> Iterator[None]:
    status, answer = farm[0].engine.call("POST", "/services/create", spec("red"))
    assert status == 201, answer
    assert set(hostnames(farm[0], wait_running(farm[0], "web", 4))) == {"host2", "host3"}
    yield
    clusters.remove_services(farm[0])


@contextmanager
def all_the_while(farm: Farm) -> Iterator[Asking]:
    """Clients ask every node, some time before and after the block too; none of thousands of requests fails."""
    with asking(PORT, clients=CLIENTS, addresses=[host.address for host in farm], place=farm.outside.entered) as asked:
        wait_for("all answer", lambda: asked.count > REQUESTS // 4)
        yield asked
        enough = max(REQUESTS, asked.count + REQUESTS // 4)
        wait_for("there were requests enough", lambda: asked.count > enough, 60)
    assert asked.faults == []
    assert {answer.partition(" ")[2] for answer in asked.answers} == {farm.outside.address}


def are_blue(asked: Asking) -> bool:
    """Whether the next hundred answers are of the new ones."""
    red, blue = counts(asked)
    wait_for("a hundred answers", lambda: sum(counts(asked)) > red + blue + 100)
    return counts(asked)[0] == red


def counts(asked: Asking) -> list[int]:
    """Answers by the old and by the new ones."""
    return [
        sum(count for answer, count in list(asked.answers.items()) if answer.startswith(colour))
        for colour in ("red", "blue")
    ]


@pytest.mark.parametrize("order", ["stop-first", "start-first"])
def test_rolling_update(farm: Farm, order: str) -> None:
    manager = farm[0]

    def state() -> str:
        status: str = manager.engine.call("GET", "/services/web")[1].get("UpdateStatus", {}).get("State", "")
        return status

    with all_the_while(farm) as asked:
        update(manager, spec("blue", order=order))
        wait_for("it is updated", lambda: state() == "completed", 60)
        wait_for("only the new ones answer", lambda: are_blue(asked))


def test_scaled_down_and_up(farm: Farm) -> None:
    manager = farm[0]
    with all_the_while(farm):
        update(manager, spec("red", 2))
        wait_for("two are left", lambda: sum(len(containers(host)) for host in farm) == 2, 30)
        wait_running(manager, "web", 2)
        update(manager, spec("red", 6))
        wait_running(manager, "web", 6)


def test_a_worker_is_drained_and_its_tasks_start_elsewhere_first(farm: Farm) -> None:
    manager, _, drained = farm
    with all_the_while(farm):
        before = {task["Slot"]: task for task in tasks(manager) if task["Status"]["State"] == "running"}
        update_node(manager, drained, Availability="drain")
        wait_for("nothing runs there", lambda: not containers(drained), 60)
        assert set(hostnames(manager, wait_running(manager, "web", 4))) == {"host2"}
        update_node(manager, drained, Availability="active")
    moved = 0
    for new in clusters.running(manager, "web"):
        if (old := before[new["Slot"]])["ID"] != new["ID"]:
            (over,) = [task for task in tasks(manager) if task["ID"] == old["ID"]]
            assert over["Status"]["State"] == "shutdown"
            assert reached(new) < reached(over)
            moved += 1
    assert moved == 2


def test_a_worker_that_is_back_gets_its_share_on_request(farm: Farm) -> None:
    manager, _, away = farm
    update_node(manager, away, Availability="drain")
    wait_for("nothing runs there", lambda: not containers(away), 60)
    update_node(manager, away, Availability="active")
    with all_the_while(farm):
        status, answer = manager.engine.call("POST", "/shoal/services/web/rebalance")
        assert status == 200, answer
        even = ["host2", "host2", "host3", "host3"]
        wait_for("half run there", lambda: sorted(hostnames(manager, clusters.running(manager, "web"))) == even, 60)


def tasks(manager: Host) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = manager.engine.call("GET", "/tasks")[1]
    return found


def reached(task: dict[str, Any]) -> datetime:
    """When it came to its state."""
    return datetime.fromisoformat(task["Status"]["Timestamp"][:26].rstrip("Z"))


def test_names_lead_there_on_every_node(farm: Farm) -> None:
    """The service is one virtual address, its tasks are all of theirs, on nodes with and without one of them."""
    manager = farm[0]
    container = {"Image": "busybox", "Command": ["sleep", "1000"], "Init": True}
    body = {
        "Name": "shell",
        "TaskTemplate": {"ContainerSpec": container, "Networks": [{"Target": "net"}]},
        "Mode": {"Global": {}},
    }
    assert manager.engine.call("POST", "/services/create", body)[0] == 201
    wait_running(manager, "shell", 3)
    network = manager.engine.call("GET", "/networks/net")[1]["Id"]
    vips = manager.engine.call("GET", "/services/web")[1]["Endpoint"]["VirtualIPs"]
    wanted = {
        "web": {vip["Addr"].partition("/")[0] for vip in vips if vip["NetworkID"] == network},
        "tasks.web": {
            address.partition("/")[0]
            for task in clusters.running(manager, "web")
            for attachment in task["NetworksAttachments"]
            if attachment["Network"]["ID"] == network
            for address in attachment["Addresses"]
        },
    }
    assert [len(addresses) for addresses in wanted.values()] == [1, 4]
    for host in farm:
        (shell,) = [name for name in host.docker("ps", "--format", "{{.Names}}").stdout.split() if "shell" in name]
        wait_for(f"names on {host.name}", partial(leads_to, host, shell, wanted))
        answer = host.docker("exec", shell, "wget", "-q", "-O", "-", "http://web/").stdout.split()
        assert answer[0] == "red"
        assert answer[1] in host.docker("exec", shell, "ip", "-4", "addr").stdout


def leads_to(host: Host, container: str, wanted: dict[str, set[str]]) -> bool:
    return {name: resolved(host, container, name) for name in wanted} == wanted


def resolved(host: Host, container: str, name: str) -> set[str]:
    """What the resolver of a container says."""
    said = host.docker("exec", container, "nslookup", "-type=a", name, check=False).stdout
    return set(re.findall(r"^Address: (\S+)$", said, re.MULTILINE))
