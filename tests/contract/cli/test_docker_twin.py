"""The same command lines, by the real docker CLI and by ours, make the same requests.

The docker CLI (a client only) and ours speak with an engine of answers that keeps what it was asked. Keys that say
nothing (null, "", false, 0, empty) are left out on both sides.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_engine import Answer, Asked, FakeEngine
from tests.unit.cli.container.test_create_body import ENV, LINES

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="the docker CLI is not installed")

CREATED = "c" * 64

#: {command line after the program: reason why ours differs in the requests that count}
COMMANDS = [
    "stop -t 3 a b",
    "restart -s HUP a",
    "kill -s TERM a",
    "rm -f -v a",
    "rename a b",
    "pause a",
    "unpause a",
    "wait a",
    "top a -ef",
    "diff a",
    "update --cpus 2 -m 64m --restart always a",
    "commit -a ann -m note -c 'ENV A=1' -p=false a name:tag",
    "ps -a -n 3 -f label=x=y -f status=exited",
    "ps -s",
    "tag a localhost:5000/b:1",
    "rmi -f a",
    "history a",
    "network create -d bridge --subnet 10.9.0.0/16 --gateway 10.9.0.1 --ip-range 10.9.1.0/24 --aux-address x=10.9.0.9 "
    "--internal --ipv6 --label a=b -o com.docker.network.driver.mtu=1400 net",
    "network connect --ip 10.9.0.5 --alias z net a",
    "network disconnect -f net a",
    "volume create --label a=b -o type=tmpfs vol",
    "volume rm vol",
    "container prune -f --filter until=24h",
    "image prune -a -f",
    "volume prune -f",
    "network prune -f",
    "logs -n 5 -t --details a",
    "exec -e A=1 -w /x -u me a ls -l",
    "exec -d a true",
    "pull -q localhost:5000/x:1",
    "push -q localhost:5000/x:1",
    "events --since 5 --until 6 -f type=container",
    "save a b:1",
]
_UNTOLD = {"/_ping", "/info", "/version"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    with FakeEngine(tmp_path) as engine:
        answers = engine.answers
        for method in ("GET", "HEAD"):
            answers[f"{method} /_ping"] = Answer(body=b"OK", headers={"Api-Version": "1.51", "Ostype": "linux"})
        answers["POST /containers/create"] = Answer(201, {"Id": CREATED, "Warnings": []})
        answers["GET /containers/a/json"] = Answer(
            body={"Id": "a", "Config": {"Tty": False}, "State": {"Running": True}}
        )
        answers["POST /containers/a/exec"] = Answer(201, {"Id": "e"})
        answers["POST /commit"] = Answer(201, {"Id": "sha256:" + CREATED})
        answers["GET /networks/net"] = Answer(body={"Id": "n", "Name": "net"})
        answers["GET /images/json"] = answers["GET /containers/json"] = Answer(body=[])
        yield engine


def told(engine: FakeEngine, program: list[str], words: list[str]) -> list[Any]:
    """The requests of a command that count, in an order of their own."""
    engine.asked.clear()
    env = {**os.environ, **ENV, "DOCKER_HOST": engine.host, "SHOAL_HOST": engine.host, "HOME": "/home/ann"}
    env["DOCKER_CONFIG"] = str(engine.path.parent / "config")
    subprocess.run([*program, *words], env=env, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
    return sorted((plain(asked) for asked in engine.asked if asked.path not in _UNTOLD), key=json.dumps)


def plain(asked: Asked) -> list[Any]:
    body = asked.body and asked.headers.get("content-type") == "application/json" and json.loads(asked.body)
    query = {}
    for name, values in asked.query.items():
        kept = [json.dumps(filter_map(value), sort_keys=True) if name == "filters" else value for value in values]
        if kept not in ([""], ["0"], ["false"]) or name in ("t", "pause"):
            kept = [value.removeprefix("docker.io/library/") for value in kept]  # the same image by its long name
            query[name] = ["1" if value == "true" else "0" if value == "false" else value for value in kept]
    return [asked.method, asked.path, query, without_empty(body or {})]


def filter_map(text: str) -> dict[str, list[str]]:
    """Filters in the newer of Docker's two forms."""
    return {key: sorted(values) for key, values in json.loads(text).items()}


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", {}, [], 0, False, [""])}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def expected_body(body: dict[str, Any]) -> dict[str, Any]:
    """What docker sends, without what only says docker's own default."""
    host = body.setdefault("HostConfig", {})
    for key, default in (("MemorySwappiness", -1), ("ConsoleSize", [0, 0]), ("MaxIOBps", 0)):
        if host.get(key) == default:
            del host[key]
    if host.get("NetworkMode") in ("bridge", "default"):
        host["NetworkMode"] = "default"
    if host.get("RestartPolicy") == {"Name": "no"}:
        del host["RestartPolicy"]
    for unordered in ("Binds", "Ulimits"):  # docker keeps them in maps
        host.get(unordered, []).sort(key=str)
    body.get("Env", []).sort()
    return body


@pytest.mark.parametrize("name", sorted(LINES))
def test_create_sends_what_docker_sends(name: str, engine: FakeEngine) -> None:
    line = LINES[name].replace("~/c", "/home/ann/c").replace("-d ", "")
    words = ["create", *shlex.split(line)]
    [theirs] = [request for request in told(engine, ["docker"], words) if request[1] == "/containers/create"]
    [ours] = [request for request in told(engine, [sys.executable, "-m", "shoal.cli"], words) if request[0] == "POST"]
    assert expected_body(ours[3]) == expected_body(theirs[3])
    assert ours[2] == theirs[2]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_send_what_docker_sends(line: str, engine: FakeEngine) -> None:
    words = shlex.split(line)
    theirs = told(engine, ["docker"], words)
    ours = told(engine, [sys.executable, "-m", "shoal.cli"], words)
    assert theirs, line
    missing = [request for request in ours if request not in theirs]
    assert missing == [], json.dumps(theirs)
