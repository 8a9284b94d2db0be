"""Every verb of a container's life, on the real engine."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.engine import EngineProcess, wait_for
from tests.support.running import Node


@pytest.fixture
def node(engine: EngineProcess) -> Node:
    return Node(engine)


def test_from_create_to_remove(node: Node) -> None:
    with node.events(type=["container"]) as events:
        container = node.create("sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done", name="web")
        assert node.state(container)["Status"] == "created"
        node.post("web", "start")
        node.post("web", "start", expect=304)
        state = node.state("web")
        assert state["Running"] and state["Pid"] > 0 and state["StartedAt"] > "2020"
        node.wait_program("web", "sleep")
        node.post("web", "pause")
        assert node.state("web")["Status"] == "paused"
        assert "already paused" in node.post("web", "pause", expect=409)["message"]
        node.post("web", "unpause")
        node.post("web", "rename", name="new")
        node.post("new", "stop")
        assert node.state("new")["ExitCode"] == 5
        node.post("new", "stop", expect=304)
        node.delete("new")
        assert events.actions_until("destroy") == [
            *("create", "start", "pause", "unpause", "rename", "kill", "die", "stop", "destroy")
        ]
    assert "No such container: new" in node.post("new", "start", expect=404)["message"]


def test_stop_kills_what_does_not_listen(node: Node) -> None:
    container = node.run("sh", "-c", "trap '' TERM; while :; do sleep 0.05; done")
    node.wait_program(container, "sleep")
    start = time.monotonic()
    node.post(container, "stop", t=1)
    assert 1 <= time.monotonic() - start < 4
    assert node.state(container)["ExitCode"] == 137


def test_stop_uses_the_containers_own_signal_and_patience(node: Node) -> None:
    script = "trap 'exit 9' USR1; trap '' TERM; while :; do sleep 0.05; done"
    container = node.run("sh", "-c", script, StopSignal="SIGUSR1", StopTimeout=30)
    node.wait_program(container, "sleep")
    node.post(container, "stop")
    assert node.state(container)["ExitCode"] == 9


def test_a_paused_one_can_be_stopped(node: Node) -> None:
    container = node.run("sleep", "1000")
    node.post(container, "pause")
    node.post(container, "stop", t=1)
    assert node.state(container)["Status"] == "exited"


def test_kill_and_its_refusals(node: Node) -> None:
    container = node.run("sh", "-c", "trap 'exit 3' HUP; while :; do sleep 0.05; done")
    node.wait_program(container, "sleep")
    node.post(container, "kill", signal="HUP")
    assert node.wait_state(container, Status="exited")["ExitCode"] == 3
    words = node.post(container, "kill", expect=409)["message"]
    assert words == f"cannot kill container: {container}: container {container} is not running"
    assert "invalid signal" in node.post(container, "kill", expect=400, signal="NOPE")["message"]


def test_restart_begins_a_new_run(node: Node) -> None:
    container = node.run("sleep", "1000")
    before = node.state(container)
    node.post(container, "restart", t=0)
    after = node.state(container)
    assert after["Running"] and after["Pid"] != before["Pid"] and after["StartedAt"] > before["StartedAt"]


def test_files_of_a_container_outlive_its_runs(node: Node) -> None:
    container = node.run("sh", "-c", "echo x >> /kept; wc -l < /kept; exit $(wc -l < /kept)")
    assert node.wait_state(container, Status="exited")["ExitCode"] == 1
    node.post(container, "start")
    wait_for("the second run ends", lambda: node.state(container)["ExitCode"] == 2)


def test_names(node: Node) -> None:
    first = node.create("true", name="taken")
    status, answer = node.try_create("true", name="taken")
    assert status == 409
    assert answer["message"] == (
        f'Conflict. The container name "/taken" is already in use by container "{first}". '
        "You have to remove (or rename) that container to be able to reuse that name."
    )
    assert node.try_create("true", name="-x")[0] == 400
    other = node.create("true")
    assert "already in use" in node.post(other, "rename", expect=409, name="taken")["message"]
    assert node.inspect(other)["Name"].count("_") == 1


def test_ten_at_once_for_one_name(node: Node) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: node.try_create("true", name="only")[0], range(10)))
    assert sorted(answers) == [201] + [409] * 9


def test_removing(node: Node) -> None:
    container = node.run("sleep", "1000", name="busy")
    words = node.delete("busy", expect=409)["message"]
    assert words == (
        'cannot remove container "/busy": container is running: stop the container before removing or force remove'
    )
    node.delete("busy", force=1)
    assert node.engine.call("GET", f"/containers/{container}/json")[0] == 404


def test_anonymous_volumes_go_with_v(node: Node) -> None:
    def volumes() -> set[str]:
        return {v["Name"] for v in node.engine.call("GET", "/volumes")[1]["Volumes"]}

    keeps, drops = (node.create("true", Volumes={"/data": {}}) for _ in range(2))
    of = {c: node.inspect(c)["Mounts"][0]["Name"] for c in (keeps, drops)}
    node.delete(keeps)
    node.delete(drops, v=1)
    assert of[keeps] in volumes() and of[drops] not in volumes()


def test_auto_remove(node: Node) -> None:
    container = node.run("sh", "-c", "exit 4", host={"AutoRemove": True}, Volumes={"/data": {}})
    wait_for("it is gone", lambda: node.engine.call("GET", f"/containers/{container}/json")[0] == 404)
    assert not node.engine.call("GET", "/volumes")[1]["Volumes"]


def test_waits(node: Node) -> None:
    """Headers at once, body at the end; each condition at its time."""
    container = node.create("sh", "-c", "sleep 0.3; exit 6", host={"AutoRemove": True})
    with ThreadPoolExecutor(3) as pool:
        path = f"/containers/{container}/wait?condition="
        waits = {c: pool.submit(node.engine.call, "POST", path + c) for c in ("next-exit", "removed")}
        assert node.engine.call("POST", path)[1]["StatusCode"] == 0  # it does not run
        node.post(container, "start")
        waits["not-running"] = pool.submit(node.engine.call, "POST", path + "not-running")
        for condition, wait in waits.items():
            assert wait.result(10) == (200, {"StatusCode": 6}), condition
    other = node.create("true")
    assert node.post(other, "wait", expect=400, condition="weird")["message"] == 'invalid condition: "weird"'


@pytest.mark.parametrize(
    ("cmd", "words", "code"),
    [
        ("nosuch", 'exec: "nosuch": executable file not found in $PATH', 127),
        ("/nosuch", "no such file or directory", 127),
        ("/etc/passwd", "permission denied", 126),
        ("/etc", "is a directory", 126),
    ],
)
def test_programs_that_cannot_be_run(node: Node, cmd: str, words: str, code: int) -> None:
    """The docker CLI makes 126 and 127 of these words."""
    container = node.create(cmd)
    message = node.post(container, "start", expect=400)["message"]
    assert "OCI runtime create failed" in message and words in message and message.endswith(": unknown")
    state = node.state(container)
    assert (state["Status"], state["ExitCode"]) == ("created", code)
    assert state["Error"] == message


def test_a_failed_start_leaves_nothing(node: Node) -> None:
    container = node.create("sleep", "1000", host={"PortBindings": {"80/tcp": [{"HostPort": ""}]}}, name="holds")
    taken = node.create("nosuch", name="fails")
    node.post(taken, "start", expect=400)
    node.post(container, "start")
    port = node.inspect(container)["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"]
    clash = node.create("sleep", "1000", host={"PortBindings": {"80/tcp": [{"HostPort": port}]}})
    status, answer = node.engine.call("POST", f"/containers/{clash}/start")
    assert status == 500 and "port is already allocated" in answer["message"]
    node.post(container, "stop", t=0)
    node.post(clash, "start")


def test_prune(node: Node) -> None:
    running, stopped = node.run("sleep", "1000"), node.create("true", Labels={"keep": "no"})
    other = node.create("true")
    path = "/containers/prune?filters=%7B%22label%22%3A%5B%22keep%22%5D%7D"
    assert node.engine.call("POST", path)[1]["ContainersDeleted"] == [stopped]
    assert node.engine.call("POST", "/containers/prune")[1]["ContainersDeleted"] == [other]
    assert [c["Id"] for c in node.list(all=1)] == [running]


def test_lists(node: Node) -> None:
    labels = {"com.docker.compose.project": "p", "com.docker.compose.service": "web"}
    web = node.run("sleep", "1000", name="web", Labels=labels, ExposedPorts={"80/tcp": {}})
    node.create("true", name="job", Labels={"com.docker.compose.project": "p"})
    wanted = {"label": ["com.docker.compose.project=p"]}
    assert [c["Names"] for c in node.list(all=1, filters=wanted)] == [["/job"], ["/web"]]
    assert [c["Id"] for c in node.list(filters=wanted)] == [web]
    (entry,) = node.list(filters={"ancestor": ["busybox"], "status": ["running"]})
    assert entry["Image"] == "busybox" and entry["Ports"] == [{"PrivatePort": 80, "Type": "tcp"}]
    assert entry["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    assert node.list(all=1, size=1)[0]["SizeRootFs"] > 0
    assert node.engine.call("GET", "/containers/json?filters=%7B%22x%22%3A%5B%22y%22%5D%7D")[0] == 400


def test_image_missing(node: Node) -> None:
    status, answer = node.engine.call("POST", "/containers/create", {"Image": "nope"})
    assert (status, answer["message"]) == (404, "No such image: nope:latest")


def test_wait_answers_its_headers_at_once(node: Node) -> None:
    """The docker CLI starts the container only when it has them."""
    container = node.create("sh", "-c", "exit 8")
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(str(node.engine.socket))
        raw.sendall(f"POST /v1.51/containers/{container}/wait?condition=next-exit HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = raw.recv(4096)
        assert head.startswith(b"HTTP/1.1 200 OK") and b"StatusCode" not in head
        node.post(container, "start")
        body = b""
        while b'{"StatusCode":8}' not in body:
            piece = raw.recv(4096)
            assert piece, body
            body += piece


def test_links(node: Node) -> None:
    """Legacy links of the default bridge: a name in /etc/hosts, and variables."""
    linked = node.run("sleep", "1000", name="db-1", ExposedPorts={"5432/tcp": {}}, Env=["PASSWORD=x"])
    address = node.inspect(linked)["NetworkSettings"]["IPAddress"]
    script = "grep -w store /etc/hosts; env | grep ^STORE | sort"
    lines = node.output("sh", "-c", script, host={"Links": ["db-1:store"]}).splitlines()
    assert lines[0].split()[:2] == [address, "store"]
    assert f"STORE_PORT_5432_TCP_ADDR={address}" in lines and "STORE_ENV_PASSWORD=x" in lines
    node.post(linked, "stop", t=0)
    lost = node.create("true", name="user", host={"Links": ["db-1:store"]})
    status, answer = node.engine.call("POST", f"/containers/{lost}/start")
    assert status in (409, 500) and "Cannot link to a non running container" in answer["message"]
