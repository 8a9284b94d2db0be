"""Services that are updated, scaled down, or lose their engine while people use them: no request fails."""

import threading
import time
import urllib.request
from typing import Any

import pytest

from tests.support.asking import asking
from tests.support.engine import wait_for
from tests.support.ports import free_port
from tests.support.swarm import OneNode

#: busybox's server is no good init: it does not hear SIGTERM as process 1
UNTIL_TERM = "trap 'kill $!; exit 0' TERM; wait"
SERVER = ("sh", "-c", f"mkdir -p /www; echo $COLOUR > /www/index.html; httpd -f -p 80 -h /www & {UNTIL_TERM}")
#: a task that only runs does not listen yet
CHECK = {"Test": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"], "Interval": 400_000_000, "Retries": 50}


@pytest.fixture
def port(node: OneNode) -> int:
    """Of a service "web" of three red servers."""
    number = free_port()
    published = [{"TargetPort": 80, "PublishedPort": number, "Protocol": "tcp", "PublishMode": "ingress"}]
    node.create(
        "web",
        *SERVER,
        replicas=3,
        container={"Env": ["COLOUR=red"], "Healthcheck": CHECK},
        EndpointSpec={"Ports": published},
        UpdateConfig={"Parallelism": 1, "Order": "stop-first", "Monitor": 200_000_000},
    )
    node.running("web", 3)
    return number


def set_colour(node: OneNode, colour: str) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["TaskTemplate"]["ContainerSpec"]["Env"] = [f"COLOUR={colour}"]

    node.update("web", change)


def update_state(node: OneNode) -> str:
    return str((node.call("GET", "/services/web").get("UpdateStatus") or {}).get("State", ""))


def test_no_request_fails_during_a_rolling_update(node: OneNode, port: int) -> None:
    with asking(port) as asked:
        wait_for("it answers", lambda: asked.answers["red"] > 50)
        set_colour(node, "blue")
        wait_for("it is updated", lambda: update_state(node) == "completed", 60)
        node.running("web", 3)
        seen = asked.answers["red"]
        wait_for("only the new ones answer", lambda: asked.answers["blue"] > 50)
        assert asked.answers["red"] - seen < 50
    assert asked.faults == []


def test_no_request_fails_while_tasks_go_and_come(node: OneNode, port: int) -> None:
    with asking(port) as asked:
        for replicas in (1, 4, 2):
            node.scale("web", replicas)
            node.running("web", replicas)
            before = asked.count
            wait_for("it still answers", lambda before=before: asked.count > before + 20)
    assert asked.faults == []


def test_no_request_fails_when_the_engine_is_killed(node: OneNode, port: int) -> None:
    with asking(port) as asked:
        wait_for("it answers", lambda: asked.count > 20)
        node.engine.kill()
        before = asked.count
        wait_for("it answers without an engine", lambda: asked.count > before + 50)
        node.engine.start()
        node.running("web", 3)
        before = asked.count
        wait_for("it answers after that", lambda: asked.count > before + 50)
    assert asked.faults == []


def test_an_update_to_a_crashing_command_stops_at_the_first_task(node: OneNode, port: int) -> None:
    node.update("web", lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(Command=["false"]))
    wait_for("it is paused", lambda: update_state(node) == "paused", 30)
    with asking(port) as asked:
        wait_for("the others still answer", lambda: asked.answers["red"] > 20)
    assert asked.faults == []


def test_a_request_under_way_is_answered_before_its_server_ends(node: OneNode) -> None:
    port = free_port()
    script = "mkdir -p /www/cgi-bin; printf '#!/bin/sh\\necho; sleep 2; echo done\\n' > /www/cgi-bin/slow; "
    server = f"{script} chmod +x /www/cgi-bin/slow; touch /www/index.html; httpd -f -p 80 -h /www & {UNTIL_TERM}"
    published = [{"TargetPort": 80, "PublishedPort": port, "Protocol": "tcp", "PublishMode": "ingress"}]
    node.create("web", "sh", "-c", server, container={"Healthcheck": CHECK}, EndpointSpec={"Ports": published})
    node.running("web", 1)
    with asking(port) as asked:
        wait_for("it answers", lambda: asked.count > 0)
    got: list[str] = []

    def ask() -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/cgi-bin/slow", timeout=20) as response:
            got.append(response.read().decode().strip())

    asker = threading.Thread(target=ask)
    asker.start()
    time.sleep(0.5)  # the request is with the server by now
    node.scale("web", 0)
    asker.join()
    assert got == ["done"]
