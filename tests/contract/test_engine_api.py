"""The Engine API as clients use it, on the real engine and on the one in memory that tests of clients stand on."""

import json
import os
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine import call_at, engine_with_busybox, wait_for
from tests.support.fake_docker import FakeDocker, serve

SLEEP = ["sh", "-c", "sleep 1000"]


class Speaker:
    """One engine, by its socket."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def __call__(self, method: str, path: str, body: Any = None, /, **query: Any) -> tuple[int, Any]:
        words = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in query.items()}
        target = f"{path}?{urllib.parse.urlencode(words)}" if words else path
        return call_at(self.socket, method, f"/v1.51{target}", body)

    def create(self, name: str, cmd: list[str] = SLEEP, **more: Any) -> str:
        status, answer = self("POST", "/containers/create", {"Image": "busybox", "Cmd": cmd, **more}, name=name)
        assert status == 201 and answer["Warnings"] == [], answer
        return str(answer["Id"])

    def run(self, name: str, cmd: list[str] = SLEEP, **more: Any) -> str:
        identity = self.create(name, cmd, **more)
        assert self("POST", f"/containers/{identity}/start")[0] == 204
        return identity

    def state(self, container: str) -> dict[str, Any]:
        status, answer = self("GET", f"/containers/{container}/json")
        assert status == 200, answer
        return dict(answer["State"])


@pytest.fixture(scope="module")
def real() -> Iterator[Any]:
    if os.geteuid() != 0:
        pytest.skip("needs root: real containers")
    with engine_with_busybox() as engine:
        yield engine


@pytest.fixture(params=["memory", "shoald"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Speaker]:
    if request.param == "memory":
        with serve(FakeDocker(("busybox",)), tmp_path / "docker.sock"):
            yield Speaker(tmp_path / "docker.sock")
        return
    process = request.getfixturevalue("real")
    yield Speaker(process.socket)
    process.remove_everything()


def refusal(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["message"]


def test_a_life(engine: Speaker) -> None:
    box = engine.create("box")
    assert engine.state("box")["Status"] == "created"
    verbs = [("start", "running"), ("pause", "paused"), ("unpause", "running"), ("restart", "running")]
    for verb, status in verbs:
        assert engine("POST", f"/containers/box/{verb}", t=0)[0] == 204
        assert engine.state("box")["Status"] == status
    assert engine("POST", "/containers/box/start")[0] == 304
    assert engine("POST", "/containers/box/rename", name="chest")[0] == 204
    assert engine("POST", f"/containers/{box[:12]}/stop", t=0)[0] == 204
    assert engine("POST", "/containers/chest/stop")[0] == 304
    state = engine.state("chest")
    assert (state["Status"], state["Running"]) == ("exited", False)
    assert engine("DELETE", f"/containers/{box}")[0] == 204
    assert refusal(engine("GET", "/containers/chest/json")) == (404, "No such container: chest")


def test_an_exit_status(engine: Speaker) -> None:
    engine.run("job", ["sh", "-c", "exit 3"])
    wait_for("the end", lambda: engine.state("job")["Status"] == "exited")
    assert engine("POST", "/containers/job/wait")[1]["StatusCode"] == 3
    assert engine.state("job")["ExitCode"] == 3
    (row,) = engine("GET", "/containers/json", all=1)[1]
    assert row["State"] == "exited" and row["Status"].startswith("Exited (3) ")


def test_a_kill(engine: Speaker) -> None:
    engine.run("box")
    assert engine("POST", "/containers/box/kill")[0] == 204
    wait_for("the end", lambda: engine.state("box")["Status"] == "exited")
    assert engine.state("box")["ExitCode"] == 137
    status, message = refusal(engine("POST", "/containers/box/kill"))
    assert status == 409 and message.startswith("cannot kill container: box: container ")
    assert message.endswith("is not running")
    answer = engine("POST", "/containers/gone/kill")
    assert refusal(answer) == (404, "cannot kill container: gone: No such container: gone")


def test_what_runs_is_removed_by_force_only(engine: Speaker) -> None:
    engine.run("box")
    status, message = refusal(engine("DELETE", "/containers/box"))
    assert status == 409 and "container is running: stop the container before removing or force remove" in message
    assert engine("DELETE", "/containers/box", force=1)[0] == 204


def test_names_are_taken_once(engine: Speaker) -> None:
    engine.create("box")
    status, message = refusal(engine("POST", "/containers/create", {"Image": "busybox"}, name="box"))
    assert status == 409 and message.startswith('Conflict. The container name "/box" is already in use by container')


def test_an_image_that_is_not_there(engine: Speaker) -> None:
    answer = engine("POST", "/containers/create", {"Image": "nothing:1"}, name="box")
    assert refusal(answer) == (404, "No such image: nothing:1")
    assert refusal(engine("GET", "/images/nothing/json"))[0] == 404


def test_images(engine: Speaker) -> None:
    image = engine("GET", "/images/busybox/json")[1]
    assert "busybox:latest" in image["RepoTags"] and image["Id"].startswith("sha256:")
    assert engine("GET", f"/images/{image['Id']}/json")[1]["Id"] == image["Id"]
    assert image["Id"] in [row["Id"] for row in engine("GET", "/images/json")[1]]


def test_lists_are_newest_first_and_filtered(engine: Speaker) -> None:
    engine.run("one", Labels={"app": "x", "n": "1"})
    engine.create("two", Labels={"app": "x"})
    engine.run("three", Labels={"app": "y"})

    def names(**query: Any) -> list[str]:
        return [row["Names"][0] for row in engine("GET", "/containers/json", **query)[1]]

    assert names() == ["/three", "/one"]
    assert names(all=1) == ["/three", "/two", "/one"]
    assert names(all=1, filters={"label": ["app=x"]}) == ["/two", "/one"]
    assert names(filters={"label": {"app": True, "n": True}}) == ["/one"]
    assert names(all=1, filters={"status": ["created"]}) == ["/two"]


def test_a_row_and_an_inspection_say_the_same(engine: Speaker) -> None:
    engine("POST", "/networks/create", {"Name": "net"})
    engine("POST", "/volumes/create", {"Name": "vol"})
    mounts = [{"Type": "volume", "Source": "vol", "Target": "/v"}]
    ports = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    engine.run(
        "box",
        Labels={"a": "b"},
        ExposedPorts={"80/tcp": {}},
        HostConfig={"Mounts": mounts, "PortBindings": ports, "NetworkMode": "net"},
        NetworkingConfig={"EndpointsConfig": {"net": {}}},
    )
    (row,) = engine("GET", "/containers/json")[1]
    found = engine("GET", "/containers/box/json")[1]
    network = engine("GET", "/networks/net")[1]["Id"]
    image = engine("GET", "/images/busybox/json")[1]["Id"]
    assert row["Id"] == found["Id"] and row["Names"] == [found["Name"]] == ["/box"]
    assert row["ImageID"] == found["Image"] == image and row["Image"] == found["Config"]["Image"] == "busybox"
    assert row["Labels"] == found["Config"]["Labels"] == {"a": "b"}
    assert row["Command"] == "sh -c 'sleep 1000'" and found["Config"]["Cmd"] == SLEEP
    assert row["HostConfig"]["NetworkMode"] == found["HostConfig"]["NetworkMode"] == "net"
    for one in (row, found):
        assert one["NetworkSettings"]["Networks"]["net"]["NetworkID"] == network
        (mount,) = one["Mounts"]
        assert [mount[key] for key in ("Type", "Name", "Destination", "Driver", "RW")] == [
            *("volume", "vol", "/v", "local", True)
        ]
    (port,) = row["Ports"]
    assert (port["IP"], port["PrivatePort"], port["Type"]) == ("127.0.0.1", 80, "tcp") and port["PublicPort"] > 1024
    engine("DELETE", "/containers/box", force=1)


def test_networks(engine: Speaker) -> None:
    body = {"Name": "net", "Labels": {"a": "b"}}
    status, made = engine("POST", "/networks/create", body)
    assert (status, made["Warning"]) == (201, "")
    assert refusal(engine("POST", "/networks/create", body)) == (409, "network with name net already exists")
    network = engine("GET", "/networks/net")[1]
    assert [network[key] for key in ("Id", "Name", "Driver", "Scope", "Labels")] == [
        *(made["Id"], "net", "bridge", "local", {"a": "b"})
    ]
    assert network["IPAM"]["Config"][0]["Subnet"]
    for filters in ({"label": ["a=b"]}, {"name": ["net"], "label": ["a"]}):
        assert [n["Name"] for n in engine("GET", "/networks", filters=filters)[1]] == ["net"]
    assert engine("GET", "/networks", filters={"label": ["a=c"]})[1] == []
    assert engine("DELETE", "/networks/net")[0] == 204
    assert refusal(engine("GET", "/networks/net")) == (404, "network net not found")
    assert refusal(engine("DELETE", "/networks/net")) == (404, "network net not found")


def test_connections(engine: Speaker) -> None:
    for name in ("one", "two"):
        engine("POST", "/networks/create", {"Name": name})
    engine.run("box", NetworkingConfig={"EndpointsConfig": {"one": {}}}, HostConfig={"NetworkMode": "one"})

    def networks() -> list[str]:
        return sorted(engine("GET", "/containers/box/json")[1]["NetworkSettings"]["Networks"])

    assert networks() == ["one"]
    body = {"Container": "box", "EndpointConfig": {"Aliases": ["chest"]}}
    assert engine("POST", "/networks/two/connect", body)[0] == 200
    assert networks() == ["one", "two"]
    status, message = refusal(engine("DELETE", "/networks/two"))
    assert status == 403 and message.startswith("error while removing network: network two id ")
    assert message.endswith(" has active endpoints")
    assert engine("POST", "/networks/two/disconnect", {"Container": "box"})[0] == 200
    assert networks() == ["one"]
    assert engine("DELETE", "/networks/two")[0] == 204
    answer = engine("POST", "/containers/create", {"Image": "busybox", "HostConfig": {"NetworkMode": "gone"}})
    if answer[0] == 201:  # the network may also be missed when the container starts, as in Docker
        answer = engine("POST", f"/containers/{answer[1]['Id']}/start")
    assert refusal(answer) == (404, "network gone not found")


def test_volumes(engine: Speaker) -> None:
    body = {"Name": "vol", "Labels": {"a": "b"}}
    status, made = engine("POST", "/volumes/create", body)
    assert (status, made["Name"], made["Driver"], made["Labels"]) == (201, "vol", "local", {"a": "b"})
    assert engine("POST", "/volumes/create", body)[0] == 201  # idempotent
    assert [v["Name"] for v in engine("GET", "/volumes", filters={"label": ["a=b"]})[1]["Volumes"]] == ["vol"]
    assert engine("GET", "/volumes/vol")[1]["Name"] == "vol"
    engine.create("box", HostConfig={"Binds": ["vol:/v"]})
    status, message = refusal(engine("DELETE", "/volumes/vol"))
    assert status == 409 and message.startswith("remove vol: volume is in use - [")
    engine("DELETE", "/containers/box")
    assert engine("DELETE", "/volumes/vol")[0] == 204
    assert refusal(engine("GET", "/volumes/vol")) == (404, "get vol: no such volume")
    assert refusal(engine("DELETE", "/volumes/vol")) == (404, "get vol: no such volume")


def test_a_healthy_container(engine: Speaker) -> None:
    test = {"Test": ["CMD", "true"], "Interval": 100_000_000, "Retries": 1}
    engine.run("box", Healthcheck=test)
    wait_for("health", lambda: engine.state("box")["Health"]["Status"] == "healthy")
    (row,) = engine("GET", "/containers/json")[1]
    assert row["Status"].startswith("Up ") and row["Status"].endswith(" (healthy)")
    engine("DELETE", "/containers/box", force=1)


def events(engine: Speaker, since: float, **filters: list[str]) -> list[str]:
    status, answer = engine("GET", "/events", None, since=f"{since:.9f}", until=f"{time.time():.9f}", filters=filters)
    assert status == 200
    return [event["Action"] for event in lines_of(answer)]


def lines_of(answer: Any) -> list[dict[str, Any]]:
    if isinstance(answer, dict):  # one line is JSON as a whole
        return [answer]
    return [json.loads(line) for line in (answer or b"").splitlines()]


def test_the_past_is_told(engine: Speaker) -> None:
    since = time.time()
    engine.run("box", ["sh", "-c", "exit 3"], Labels={"a": "b"})
    wait_for("the end", lambda: engine.state("box")["Status"] == "exited")
    engine.create("other", Labels={"a": "c"})
    engine("DELETE", "/containers/box")
    told = events(engine, since, type=["container"], label=["a=b"])
    assert [action for action in told if action in ("create", "start", "die", "destroy")] == [
        *("create", "start", "die", "destroy")
    ]


def in_thread(job: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=job, daemon=True)
    thread.start()
    return thread


def test_what_comes_is_told_with_names_and_exit_status(engine: Speaker) -> None:
    since = time.time()
    engine.create("job", ["sh", "-c", "exit 3"], Labels={"a": "b"})
    found: list[dict[str, Any]] = []

    def listen() -> None:
        query = {"since": f"{since:.9f}", "until": f"{time.time() + 1:.9f}", "filters": {"container": ["job"]}}
        _, answer = engine("GET", "/events", **query)
        found.extend(lines_of(answer))

    listener = in_thread(listen)
    engine("POST", "/containers/job/start")
    wait_for("the end", lambda: engine.state("job")["Status"] == "exited")
    listener.join(20)
    (die,) = [event for event in found if event["Action"] == "die"]
    assert die["Type"] == "container" and die["timeNano"] // 10**9 == die["time"]
    assert die["Actor"]["Attributes"] == {"name": "job", "image": "busybox", "a": "b", "exitCode": "3"} | {
        key: value for key, value in die["Actor"]["Attributes"].items() if key == "execDuration"
    }


def test_files_are_put_and_top_and_logs_answer(engine: Speaker) -> None:
    from tests.support.images import entry, tar_of

    engine.run("box", ["sh", "-c", "echo hello from box; sleep 1000"])
    assert engine("PUT", "/containers/box/archive", tar_of(entry("f", b"x")), path="/")[0] == 200
    top = engine("GET", "/containers/box/top")[1]
    assert top["Titles"][0] == "UID" and "PID" in top["Titles"] and top["Processes"]
    logs = wait_for("the log", lambda: engine("GET", "/containers/box/logs", stdout=1)[1])
    assert logs == b"\x01\0\0\0\0\0\0\x0fhello from box\n"
    for path in ("top", "logs?stdout=1"):
        assert call_at(engine.socket, "GET", f"/containers/gone/{path}")[0] == 404


def test_who_it_is(engine: Speaker) -> None:
    status, version = engine("GET", "/version")
    assert (status, version["ApiVersion"], version["MinAPIVersion"], version["Os"]) == (200, "1.51", "1.24", "linux")
    assert engine("GET", "/_ping")[1] == b"OK"
    info = engine("GET", "/info")[1]
    assert info["OSType"] == "linux" and info["Swarm"]["LocalNodeState"] == "inactive" and info["ID"]
    assert engine("GET", "/nothing/here")[0] == 404
