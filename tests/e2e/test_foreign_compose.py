"""Docker Compose 2.40.3, pointed at Shoal's socket, does its work; and both tools know each other's projects."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.apps import App, fetch
from tests.support.engine import EngineProcess, engine_with_busybox
from tests.support.foreign import compose_binary, foreign_compose
from tests.support.ports import free_port

DOCKERFILE = """FROM busybox
ADD . /code
WORKDIR /code
RUN echo counted > page
ENTRYPOINT ["httpd", "-f", "-p", "5000", "-h", "/code"]
"""
APP = """
version: "3.8"
services:
  web-fe:
    build: .
    ports:
      - target: 5000
        published: {port}
    networks: [counter-net]
    volumes:
      - type: volume
        source: counter-vol
        target: /code
    depends_on:
      redis: {{condition: service_healthy}}
    stop_signal: SIGKILL
  redis:
    image: busybox
    command: sh -c 'echo ready; exec sleep 1000'
    healthcheck: {{test: ["CMD", "true"], interval: 1s, start_period: 5s, start_interval: 100ms}}
    stop_signal: SIGKILL
    networks:
      counter-net:
networks:
  counter-net:
volumes:
  counter-vol:
"""


class Foreign:
    """The counter-shaped app, and Docker Compose in its folder."""

    def __init__(self, engine: EngineProcess, folder: Path, name: str) -> None:
        self.engine = engine
        self.folder = folder
        self.port = free_port()
        self.app = App(engine, folder, name)
        self.app.write(APP.format(port=self.port))
        self.app.write(DOCKERFILE, "Dockerfile")

    def run(self, *args: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        env = {"COMPOSE_PROJECT_NAME": self.app.name, "DOCKER_BUILDKIT": "0", **env}
        return foreign_compose(*args, socket=self.engine.socket, cwd=self.folder, check=check, **env)

    def page(self) -> str:
        return fetch(self.port, "/page")


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    compose_binary()
    with engine_with_busybox() as started:
        yield started


@pytest.fixture
def foreign(engine: EngineProcess, tmp_path: Path) -> Iterator[Foreign]:
    made = Foreign(engine, tmp_path, "foreign")
    yield made
    made.app.down("--rmi", "local")
    engine.call("DELETE", "/images/foreign-web-fe?force=1")


def test_compose_builds_brings_up_looks_and_takes_down(foreign: Foreign) -> None:
    up = foreign.run("up", "-d")
    assert " Container foreign-web-fe-1  Started" in up.stderr
    assert foreign.page() == "counted\n"

    rows = [json.loads(line) for line in foreign.run("ps", "--format", "json").stdout.splitlines()]
    assert {(row["Service"], row["State"], row["Health"]) for row in rows} == {
        ("web-fe", "running", ""),
        ("redis", "running", "healthy"),
    }
    before = foreign.app.ids()
    again = foreign.run("up", "-d")
    assert foreign.app.ids() == before and "Recreate" not in again.stderr

    assert "ready" in foreign.run("logs", "redis").stdout
    assert foreign.run("exec", "-T", "web-fe", "cat", "page").stdout == "counted\n"
    assert "httpd" in foreign.run("top").stdout
    assert foreign.run("port", "web-fe", "5000").stdout == f"0.0.0.0:{foreign.port}\n"
    assert "foreign-web-fe" in foreign.run("images").stdout
    assert "foreign-redis-1" in foreign.run("stats", "--no-stream").stdout
    assert json.loads(foreign.run("ls", "--format", "json").stdout)[0]["Status"] == "running(2)"

    foreign.run("down", "-v", "--rmi", "local")
    assert foreign.app.containers() == []
    assert foreign.engine.call("GET", "/images/foreign-web-fe/json")[0] == 404


def test_compose_changes_what_runs(foreign: Foreign) -> None:
    foreign.run("up", "-d", "--scale", "redis=2")
    assert "redis-2" in foreign.app.states()
    foreign.run("pause", "web-fe")
    assert foreign.app.states()["web-fe-1"] == "paused"
    foreign.run("unpause", "web-fe")
    foreign.run("restart", "-t", "0", "web-fe")
    assert foreign.page() == "counted\n"
    foreign.run("kill", "redis")
    foreign.run("rm", "-f")
    assert set(foreign.app.states()) == {"web-fe-1"}
    foreign.run("stop", "-t", "0")
    foreign.run("start", "web-fe", check=False)
    foreign.app.write("copied\n", "note")
    foreign.run("up", "-d")
    foreign.run("cp", "note", "web-fe:/code/note")
    assert foreign.run("exec", "-T", "web-fe", "cat", "/code/note").stdout == "copied\n"


def test_compose_runs_one_off_containers(foreign: Foreign) -> None:
    foreign.run("build")
    done = foreign.run("run", "--rm", "-T", "--entrypoint", "sh", "web-fe", "-c", "cat page; exit 6", check=False)
    assert (done.returncode, done.stdout) == (6, "counted\n")
    assert set(foreign.app.states()) == {"redis-1"}


def test_an_attached_compose_shows_output_and_the_exit_status(foreign: Foreign) -> None:
    foreign.app.write("services: {a: {image: busybox, command: sh -c 'echo hi; exit 3'}}\n", "short.yaml")
    done = foreign.run("-f", "short.yaml", "up", "--abort-on-container-exit", check=False)
    assert done.returncode == 3
    assert "a-1  | hi" in done.stdout


def test_both_tools_know_each_other_s_projects(foreign: Foreign) -> None:
    foreign.run("up", "-d")
    assert "foreign-redis-1" in foreign.app.compose("ps").stdout
    assert foreign.app.compose("exec", "-T", "web-fe", "cat", "page").stdout == "counted\n"
    foreign.app.compose("down", "-t", "0")
    assert foreign.app.containers() == []
    foreign.app.compose("up", "-d")
    assert "foreign-web-fe-1" in foreign.run("ps").stdout
    assert foreign.page() == "counted\n"
    foreign.run("down", "-v", "-t", "0")
    assert foreign.app.containers() == []


def test_compose_is_a_plugin_of_the_docker_cli(foreign: Foreign) -> None:
    plugins = foreign.folder / ".docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-compose").symlink_to(compose_binary())
    env = {**foreign.engine.env, "DOCKER_CONFIG": str(foreign.folder / ".docker"), "COMPOSE_PROJECT_NAME": "foreign"}
    foreign.engine.docker("compose", "up", "-d", "redis", env=env, cwd=foreign.folder)
    assert foreign.app.states() == {"redis-1": "running"}
