"""`kill -9` of the engine at each step of a container's life: nothing is lost, nothing half-done, nothing left over."""

import re
from pathlib import Path

import pytest

from tests.support.crashing import CrashingEngine
from tests.support.engine import wait_for
from tests.support.running import Node
from tests.support.traces import traces, wait_until_as

HOST = {"Binds": ["data:/var/www"], "PortBindings": {"80/tcp": [{"HostPort": ""}]}, "NetworkMode": "app"}
#: A stop that the next engine carries out again has the container's own signal, not the one of the request. With one
#: that the program ignores it would come to its end ten seconds later, in the middle of what is tried then.
BODY = {"Volumes": {"/anonymous": {}}, "ExposedPorts": {"80/tcp": {}}, "StopSignal": "SIGKILL"}
WEB = ("sh", "-c", "echo started; exec httpd -f -p 80 -h /etc")


@pytest.fixture(scope="module")
def node(crashing: CrashingEngine) -> Node:
    """With a network and a volume for all containers, used once."""
    node = Node(crashing)
    assert crashing.call("POST", "/networks/create", {"Name": "app"})[0] == 201
    assert crashing.call("POST", "/volumes/create", {"Name": "data"})[0] == 201
    node.delete(run_web(node), force=1, v=1)
    return node


def run_web(node: Node) -> str:
    return node.run(*WEB, name="web", host=HOST, **BODY)


def works(node: Node) -> None:
    """It serves its port, is found by name, takes an exec."""
    engine, state = node.engine, node.state("web")
    assert state["Running"] and Path(f"/proc/{state['Pid']}").exists()
    (port,) = {b["HostPort"] for b in node.inspect("web")["NetworkSettings"]["Ports"]["80/tcp"]}
    script = f"wget -qO- http://web/passwd && wget -qO- http://172.17.0.1:{port}/passwd; true"
    wait_for("it serves", lambda: engine.docker("exec", "web", "sh", "-c", script).stdout.startswith("root:"))
    ask = engine.docker("run", "--rm", "--network=app", "busybox", "wget", "-qO-", "http://web/passwd").stdout
    assert ask.startswith("root:")


def life_and_end(node: Node, before: frozenset[str]) -> None:
    """Whatever the crash left of "web" can be started, stopped and removed; then all is as it was."""
    engine = node.engine
    status, found = engine.call("GET", "/containers/web/json")
    if status == 200:
        assert found["State"]["Status"] in ("created", "running", "exited"), found["State"]
        assert engine.call("POST", "/containers/web/start")[0] in (204, 304)
        works(node)
        assert engine.call("POST", "/containers/web/stop?t=0")[0] == 204
        node.delete("web", v=1)
    wait_until_as(engine, before)


def test_create(crashing: CrashingEngine, node: Node) -> None:
    before = traces(crashing)
    body = {"Image": "busybox", "Cmd": list(WEB), "HostConfig": HOST, **BODY}
    deaths = []
    for step in crashing.each_step(lambda: crashing.attempt("POST", "/containers/create?name=web", body)):
        deaths.append(step)
        life_and_end(node, before)
    assert {"store.commit", "volumes.create", ""} <= set(deaths)


@pytest.mark.parametrize("twice", [False, True])
def test_start(crashing: CrashingEngine, node: Node, twice: bool) -> None:
    before = traces(crashing)
    node.create(*WEB, name="web", host=HOST, **BODY)
    deaths = []
    for step in crashing.each_step(lambda: crashing.attempt("POST", "/containers/web/start"), twice=twice, stride=3):
        deaths.append(step)
        assert node.inspect("web")["Name"] == "/web", "a container that was there is never lost"
        life_and_end(node, before)
        node.create(*WEB, name="web", host=HOST, **BODY)
    node.delete("web", v=1)
    assert len(deaths) > 3


@pytest.mark.parametrize("twice", [False, True])
def test_stop(crashing: CrashingEngine, node: Node, twice: bool) -> None:
    before = traces(crashing)
    run_web(node)
    deaths = []
    for step in crashing.each_step(lambda: crashing.attempt("POST", "/containers/web/stop"), twice=twice, stride=3):
        deaths.append(step)
        state = node.wait_state("web", Status="exited")
        assert state["ExitCode"] == 137 and state["FinishedAt"] > state["StartedAt"]
        life_and_end(node, before)
        run_web(node)
    node.delete("web", force=1, v=1)
    assert len(deaths) > 3


def test_remove(crashing: CrashingEngine, node: Node) -> None:
    before = traces(crashing)
    run_web(node)
    deaths = []
    for step in crashing.each_step(lambda: crashing.attempt("DELETE", "/containers/web?force=1&v=1")):
        deaths.append(step)
        life_and_end(node, before)
        run_web(node)
    node.delete("web", force=1, v=1)
    assert {"runtime.kill", "volumes.remove", "store.commit", ""} <= set(deaths)


def test_a_stop_goes_on_without_being_asked_again(crashing: CrashingEngine) -> None:
    """The program ignores the signal: the next engine waits as long as the container says, and kills."""
    node = Node(crashing)
    node.run("sh", "-c", "trap '' TERM; echo ready; while :; do usleep 9000; done", name="deaf", StopTimeout=1)
    wait_for("it is ready", lambda: crashing.docker("logs", "deaf").stdout == "ready\n")
    for step in crashing.each_step(lambda: crashing.attempt("POST", "/containers/deaf/stop")):
        if step == "runtime.kill":
            break
    assert node.wait_state("deaf", Status="exited")["ExitCode"] == 137
    node.delete("deaf")


def test_other_containers_never_notice(crashing: CrashingEngine, node: Node) -> None:
    """They run on, answer and log without a gap while the engine dies at each step of another one's start."""
    count = "i=0; while :; do echo $i; i=$((i+1)); usleep 1000; done"
    counter = node.run("sh", "-c", count, name="counter")
    run_web(node)
    pids = {name: node.state(name)["Pid"] for name in ("counter", "web")}
    body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "app"}}

    def come_and_go() -> None:
        crashing.attempt("POST", "/containers/create?name=other", body)
        crashing.attempt("POST", "/containers/other/start")
        crashing.attempt("DELETE", "/containers/other?force=1")

    for _ in crashing.each_step(come_and_go, stride=9):
        assert {name: node.state(name)["Pid"] for name in pids} == pids
        works(node)
        crashing.attempt("DELETE", "/containers/other?force=1")
    node.post(counter, "kill")
    node.wait_state(counter, Status="exited")
    lines = crashing.docker("logs", counter).stdout.split()
    assert lines == [str(number) for number in range(len(lines))] and len(lines) > 500
    crashing.remove_everything()


def test_an_exit_during_the_repair_is_not_lost(crashing: CrashingEngine) -> None:
    """Containers end while the engine dies again and again: each has its own exit code and the policy is followed."""
    node = Node(crashing)
    ids = {code: node.run("sh", "-c", f"sleep 0.{code}; exit {code}") for code in range(1, 7)}
    again = node.run(
        "sh", "-c", "sleep 0.2; exit 1", host={"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}}
    )
    for _ in range(3):
        for _ in crashing.each_step(lambda: crashing.attempt("POST", "/volumes/create", {"Name": "x"}), twice=True):
            break
        crashing.call("DELETE", "/volumes/x?force=1")
    for code, container in ids.items():
        state = node.wait_state(container, Status="exited")
        assert state["ExitCode"] == code and re.match(r"20\d\d-", state["FinishedAt"])
    wait_for("it has given up", lambda: node.inspect(again)["RestartCount"] == 2, 15)
    assert node.wait_state(again, Status="exited")["ExitCode"] == 1
    crashing.remove_everything()
