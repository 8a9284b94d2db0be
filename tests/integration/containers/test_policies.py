"""Restart policies and health checks, on the real engine."""

import pytest

from tests.support.engine import EngineProcess, wait_for
from tests.support.running import Node

MS = 1_000_000


@pytest.fixture
def node(engine: EngineProcess) -> Node:
    return Node(engine)


def test_on_failure_gives_up(node: Node) -> None:
    with node.events(type=["container"], event=["start", "die"]) as events:
        policy = {"Name": "on-failure", "MaximumRetryCount": 2}
        container = node.run("sh", "-c", "exit 3", host={"RestartPolicy": policy})
        assert [events.next()["Action"] for _ in range(6)] == ["start", "die"] * 3
    assert node.wait_state(container, Status="exited")["ExitCode"] == 3
    assert node.inspect(container)["RestartCount"] == 2


def test_always_until_somebody_stops_it(node: Node) -> None:
    container = node.run("sh", "-c", "exit 0", host={"RestartPolicy": {"Name": "always"}})
    wait_for("two restarts", lambda: node.inspect(container)["RestartCount"] >= 2)
    node.wait_state(container, Status="restarting")
    node.post(container, "stop")
    assert node.state(container)["Status"] == "exited"
    count = node.inspect(container)["RestartCount"]
    node.post(container, "start")
    wait_for("it restarts again", lambda: 1 <= node.inspect(container)["RestartCount"] <= count + 1)
    node.delete(container, force=1)


def test_a_killed_one_is_not_brought_back_but_a_crashed_one_is(node: Node) -> None:
    container = node.run("sleep", "1000", host={"RestartPolicy": {"Name": "unless-stopped"}})
    import os

    os.kill(node.state(container)["Pid"], 9)
    wait_for("it is back", lambda: node.inspect(container)["RestartCount"] == 1 and node.state(container)["Running"])
    node.post(container, "kill")
    assert node.state(container)["Status"] == "exited"


def test_health(node: Node) -> None:
    check = {
        "Test": ["CMD-SHELL", "echo looked; test -e /ok"],
        "Interval": 100 * MS,
        "Retries": 2,
        "Timeout": 2000 * MS,
    }
    with node.events(type=["container"], event=["health_status"]) as events:
        container = node.run("sleep", "1000", Healthcheck=check)
        assert node.state(container)["Health"]["Status"] == "starting"
        assert events.next()["Action"] == "health_status: unhealthy"
        health = node.state(container)["Health"]
        assert health["FailingStreak"] >= 2 and health["Log"][-1]["Output"] == "looked\n"
        assert health["Log"][-1]["ExitCode"] == 1
        node.engine.docker("exec", container, "touch", "/ok")
        assert events.next()["Action"] == "health_status: healthy"
    assert [c["Id"] for c in node.list(filters={"health": ["healthy"]})] == [container]
    assert "(healthy)" in node.list()[0]["Status"]
    node.post(container, "stop", t=0)
    assert node.state(container)["Health"]["Log"][-1]["ExitCode"] == 0


def test_a_check_that_hangs(node: Node) -> None:
    check = {"Test": ["CMD", "sleep", "777"], "Interval": 50 * MS, "Retries": 1, "Timeout": 200 * MS}
    container = node.run("sleep", "1000", Healthcheck=check)
    wait_for("it is unhealthy", lambda: node.state(container)["Health"]["Status"] == "unhealthy")
    probe = node.state(container)["Health"]["Log"][-1]
    assert probe["ExitCode"] == -1 and "exceeded timeout" in probe["Output"]

    def checks() -> str:
        return str(node.engine.call("GET", f"/containers/{container}/top")[1]["Processes"])

    wait_for("no pile of hanging checks", lambda: checks().count("sleep 777") <= 1)


def test_start_period(node: Node) -> None:
    check = {
        "Test": ["CMD-SHELL", "test -e /ok"],
        "Interval": 60_000 * MS,
        "StartPeriod": 60_000 * MS,
        "StartInterval": 50 * MS,
        "Retries": 1,
    }
    container = node.run("sh", "-c", "sleep 0.4; touch /ok; sleep 1000", Healthcheck=check)
    state = node.wait_state(container, Running=True)
    assert state["Health"]["Status"] == "starting"
    wait_for("healthy within the start period", lambda: node.state(container)["Health"]["Status"] == "healthy")


def test_a_restart_that_fails_is_tried_again(node: Node) -> None:
    """What it misses may come back; here: the port that another one holds."""
    probe = node.run("sleep", "1000", host={"PortBindings": {"80/tcp": [{"HostPort": ""}]}})
    ports = {"80/tcp": [{"HostPort": node.inspect(probe)["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"]}]}
    node.delete(probe, force=1)
    policy = {"PortBindings": ports, "RestartPolicy": {"Name": "always"}}
    second = node.run("sh", "-c", "sleep 0.3; exit 1", host=policy, name="second")
    node.wait_state(second, Status="restarting")
    first = node.create("sleep", "1000", host={"PortBindings": ports}, name="first")
    start = f"/containers/{first}/start"
    wait_for("the port is free while it waits", lambda: node.engine.call("POST", start)[0] == 204)
    wait_for("it failed", lambda: "already allocated" in node.state(second)["Error"])
    assert node.state(second)["Status"] == "restarting"
    node.delete(first, force=1)
    node.wait_state(second, timeout_s=20, Running=True, Restarting=False, Error="")
    node.delete(second, force=1)
