"""Stand-ins are made when asked for, say so, and are what they claim. Debian's packages really are fetched."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.apps import fetch
from tests.support.builds import build
from tests.support.engine import EngineProcess, wait_for
from tests.support.images import entry
from tests.support.ports import free_port
from tests.support.stand_ins import engine_with_stand_ins

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: runs containers")

LABELS = "io.shoal.stand-in."
NGINX = "nginx:latest"


@pytest.fixture(scope="module")
def bare() -> Iterator[EngineProcess]:
    """An engine that has no image, and no way to a registry: its only mirror is a closed port."""
    with EngineProcess("--registry-mirror", "http://127.0.0.1:9", "--insecure-registry", "docker.io") as engine:
        yield engine


def make(engine: EngineProcess, *references: str, force: bool = False, timeout_s: float = 300) -> list[dict]:
    """The lines that making them gives."""
    body = {"References": list(references), "Force": force}
    status, answer = engine.call("POST", "/shoal/stand-ins", body, timeout_s=timeout_s)
    assert status == 200, answer
    lines = [json.loads(line) for line in answer.splitlines()] if isinstance(answer, bytes) else [answer]
    assert not any("error" in line for line in lines), lines
    return lines


def labels(engine: EngineProcess, image: str) -> dict[str, str]:
    return engine.call("GET", f"/images/{image}/json")[1]["Config"]["Labels"]


def test_busybox_and_alpine_are_made_at_once_and_reused(bare: EngineProcess):
    lines = make(bare, "busybox", "alpine:3")
    said = [line["status"] for line in lines if "id" not in line]
    assert said[0] == "Making a stand-in for busybox:latest: static busybox from Debian"
    assert said[-1].startswith("Made a stand-in for alpine:3: static busybox, no apk, version 1.")
    assert labels(bare, "alpine:3")[LABELS + "for"] == "alpine:3"
    assert labels(bare, "alpine:3")[LABELS + "recipe"] == "busybox"
    assert make(bare, "alpine:3")[-1]["status"] == "alpine:3 is here already (a stand-in)"
    shell = bare.docker("run", "--rm", "--network=none", "alpine:3", "sh", "-c", "set -o pipefail; id -u; ls -d /tmp")
    assert shell.stdout == "0\n/tmp\n"
    assert not [i for i in bare.call("GET", "/images/json")[1] if not i["RepoTags"]]


def test_what_there_is_no_recipe_for(bare: EngineProcess):
    status, answer = bare.call("POST", "/shoal/stand-ins", {"References": ["busybox", "cockroach:23"]})
    assert (status, answer["message"]) == (400, 'no recipe for a stand-in of "cockroach:23"')
    assert bare.call("POST", "/shoal/stand-ins", {"References": "busybox"})[0] == 400


def test_a_pull_makes_none_unless_asked(bare: EngineProcess):
    bare.call("DELETE", "/images/busybox?force=1")
    refused = bare.call("POST", "/images/create?fromImage=busybox&tag=latest")
    assert refused[0] == 503
    assert refused[1]["hint"] == "a stand-in can be made on this machine: shoal image stand-in busybox:latest"
    assert bare.call("GET", "/images/busybox/json")[0] == 404
    asked = bare.call("POST", "/images/create?fromImage=busybox&tag=latest&shoal.standIns=1")
    assert asked[0] == 200
    assert "can't be pulled" in asked[1].decode()
    assert labels(bare, "busybox")[LABELS + "for"] == "busybox:latest"


def test_a_build_makes_one_for_its_base_only_when_asked(bare: EngineProcess):
    bare.call("DELETE", "/images/busybox?force=1")
    assert "Dockerfile:1:1: FROM: " in build(bare, "FROM busybox\nRUN true").error
    assert build(bare, "FROM busybox\nRUN true", **{"shoal.standIns": "1"}).id


def test_a_setting_asks_for_all(tmp_path: Path):
    with EngineProcess("--stand-ins", "--registry-mirror", "http://127.0.0.1:9") as engine:
        assert engine.docker("run", "--rm", "--network=none", "busybox", "echo", "made").stdout == "made\n"


@pytest.fixture(scope="module")
def dressed() -> Iterator[EngineProcess]:
    """An engine with the stand-ins that need a Debian: one bootstrap, then three recipes on it."""
    with engine_with_stand_ins() as engine:
        yield engine


def test_debian_is_one_layer_for_all(dressed: EngineProcess):
    found = {dressed.call("GET", f"/images/{name}/json")[1]["RootFS"]["Layers"][0] for name in ("python:alpine", NGINX)}
    assert len(found) == 1


def test_python_is_the_real_program(dressed: EngineProcess):
    engine = dressed
    app = build(
        engine,
        'FROM python:alpine\nADD . /code\nWORKDIR /code\nRUN pip install -r requirements.txt\nCMD ["python", "app.py"]',
        entry("requirements.txt", b"flask\nredis\n"),
        entry("app.py", b"import flask, redis, ssl, sqlite3, sys; print(sys.version_info[:2], flask.Flask)"),
        timeout_s=200,
    )
    assert engine.docker("run", "--rm", "--network=none", app.id).stdout == "(3, 11) <class 'flask.app.Flask'>\n"
    assert labels(engine, "python:alpine")[LABELS + "version"].startswith("3.11.")
    assert "CERT" not in json.dumps(engine.call("GET", f"/images/{app.id}/json")[1]["Config"])


def test_redis_is_the_real_program(dressed: EngineProcess):
    engine = dressed
    engine.docker("run", "-d", "--name", "store", "redis:alpine")
    count = wait_for("redis counts", lambda: _redis_cli(engine, "incr", "hits"))
    assert count == "1\n"
    assert "redis-server" in engine.docker("exec", "store", "sh", "-c", "ps -o user,args | grep '^redis'").stdout
    listed = engine.docker("ps", "--filter", "name=store").stdout
    assert '"docker-entrypoint.s…"' in listed
    assert "6379/tcp" in listed


def _redis_cli(engine: EngineProcess, *words: str) -> str:
    done = engine.docker("exec", "store", "redis-cli", *words, check=False)
    return done.stdout if done.returncode == 0 and "refused" not in done.stdout else ""


def test_nginx_is_the_real_program(dressed: EngineProcess):
    engine, port = dressed, free_port()
    engine.docker("run", "-d", "--name", "web", "-p", f"127.0.0.1:{port}:80", NGINX)
    assert "Welcome to nginx!" in fetch(port)
    assert '"GET / HTTP/1.1" 200' in engine.docker("logs", "web").stdout
    began = subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True).stdout
    engine.docker("stop", "web")
    assert int(subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True).stdout) - int(began) < 8
