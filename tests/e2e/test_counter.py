"""The counter app, with the tools that people have: Shoal's, Docker Compose with the docker CLI, the Python SDK."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from tests.support.counter import EXAMPLE, TOOLS, Attached, Counter, Tool, cells, tool_named
from tests.support.engine import EngineProcess, wait_for
from tests.support.foreign import compose_binary, foreign_compose
from tests.support.stand_ins import engine_with_stand_ins

#: the two blocks of the document, as they are printed there
WEB_FE = """
version: "3.8"
services:
  web-fe:
    build: .
    command: python app.py
    ports:
      - target: 5000
        published: 5000
    networks:
      - counter-net
    volumes:
      - type: volume
        source: counter-vol
        target: /code
"""
REDIS = """
version: "3.8"
services:
  redis:
    image: "redis:alpine"
    networks:
      counter-net:

networks:
  counter-net:

volumes:
  counter-vol:
"""
CONTAINERS = ("counter-redis-1", "counter-web-fe-1")
ADDRESSES = "import socket; print(len({a[4] for a in socket.getaddrinfo('redis', 6379, socket.AF_INET)}))"


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with engine_with_stand_ins() as engine:
        yield engine


@pytest.fixture
def app(engine: EngineProcess, tmp_path: Path) -> Iterator[Counter]:
    made = Counter(engine, tmp_path)
    yield made
    engine.remove_everything()


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest) -> Tool:
    return tool_named(request.param)


@pytest.fixture
def shoal() -> Tool:
    return tool_named("shoal compose")


# -- the folder


def test_the_file_is_the_documents() -> None:
    first, second = yaml.safe_load(WEB_FE), yaml.safe_load(REDIS)
    whole = {**first, **second, "services": {**first["services"], **second["services"]}}
    assert yaml.safe_load((EXAMPLE / "docker-compose.yml").read_text()) == whole
    dockerfile = (EXAMPLE / "Dockerfile").read_text().splitlines()
    assert dockerfile[0] == "FROM python:alpine"
    assert "RUN pip install -r requirements.txt" in dockerfile
    assert (EXAMPLE / "requirements.txt").read_text().split() == ["flask", "redis"]


def test_docker_compose_has_nothing_against_the_file_but_its_version(tmp_path: Path) -> None:
    compose_binary()
    done = foreign_compose("-f", str(EXAMPLE / "docker-compose.yml"), "config", socket=tmp_path / "none", cwd=tmp_path)
    warnings = [line for line in done.stderr.splitlines() if "`version` is obsolete" not in line]
    assert not warnings
    assert done.stdout.startswith("name: counter\n")


# -- the document's commands


def test_up_look_and_down(app: Counter, tool: Tool) -> None:
    up = tool.run(app, "up", "-d")
    told = up.stderr.splitlines()
    for subject in ("Network counter_counter-net", "Volume counter_counter-vol"):
        assert told.index(f" {subject}  Creating") < told.index(f" {subject}  Created")
    for name in CONTAINERS:
        words = [line.removeprefix(f" Container {name}  ") for line in told if f"Container {name} " in line]
        assert words == ["Creating", "Created", "Starting", "Started"]
    first = app.visits()
    assert [app.visits(), app.visits()] == [first + 1, first + 2]

    _images(tool.table(app, "image", "ls"))
    _containers(tool.table(app, "container", "ls"), app.port)

    down = tool.run(app, "down").stderr.splitlines()
    subjects = [*(f"Container {name}" for name in CONTAINERS), "Network counter_counter-net"]
    for subject in subjects:
        assert f" {subject}  Removed" in down
    assert len([line for line in down if line.endswith("Removed")]) == len(subjects)
    assert app.containers() == []
    assert "counter_counter-vol" in tool.table(app, "volume", "ls", "-q")


def _images(table: str) -> None:
    head, *rows = cells(table)
    assert head == ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]
    found = {(row[0], row[1]): row for row in rows}
    for name in (("counter-web-fe", "latest"), ("redis", "alpine"), ("python", "alpine")):
        short_id, created, size = found[name][2:]
        assert re.fullmatch("[0-9a-f]{12}", short_id)
        assert created.endswith(" ago")
        assert re.fullmatch(r"\d+(\.\d+)?MB", size)


def _containers(table: str, port: int) -> None:
    head, *rows = cells(table)
    assert head == ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
    by_name = {row[-1]: row[1:-1] for row in rows}
    assert set(by_name) == set(CONTAINERS)
    image, command, created, status, ports = by_name["counter-redis-1"]
    assert (image, command, ports) == ("redis:alpine", '"docker-entrypoint.s…"', "6379/tcp")
    assert created.endswith(" ago") and status.startswith("Up ")
    image, command, created, status, ports = by_name["counter-web-fe-1"]
    assert (image, command) == ("counter-web-fe", '"python app.py pytho…"')
    # the docker CLI of today writes [::], the document's wrote :::
    assert ports.replace("[::]", "::") == f"0.0.0.0:{port}->5000/tcp, :::{port}->5000/tcp"


def test_both_print_the_same_tables(app: Counter, shoal: Tool) -> None:
    theirs = tool_named("docker-compose")
    shoal.run(app, "up", "-d")
    for command in (("image", "ls"), ("container", "ls"), ("ps", "-a"), ("network", "ls"), ("volume", "ls")):

        def same(command: tuple[str, ...] = command) -> bool:
            ours = cells(shoal.table(app, *command))
            return ours == cells(theirs.table(app, *command).replace("[::]", "::"))

        wait_for(f"the same rows of {' '.join(command)}: seconds may have ticked", same)


def test_an_attached_up_shows_all_output_and_stops_what_it_started(app: Counter, tool: Tool) -> None:
    up = Attached(tool, app)
    up.wait_for(" * Running on all addresses (0.0.0.0)")
    up.wait_for("Ready to accept connections")
    app.visits()
    up.wait_for('"GET / HTTP/1.1" 200')
    assert up.interrupt() in (0, 130)
    # as in columns: names are padded to the longest that has written
    assert re.search(r"^web-fe-1  \|  \* Serving Flask app 'app'$", up.output, re.MULTILINE)
    assert re.search(r"^redis-1 +\| 1:M .* Ready to accept connections$", up.output, re.MULTILINE)
    assert app.states() == {"redis-1": "exited", "web-fe-1": "exited"}


def test_names_resolve_and_services_scale(app: Counter, tool: Tool) -> None:
    tool.run(app, "up", "-d")
    before = app.ids()
    up = tool.run(app, "up", "-d", "--scale", "redis=3").stderr
    assert " Container counter-redis-3  Started" in up and " Container counter-web-fe-1  Running" in up
    assert tool.run(app, "exec", "-T", "web-fe", "python", "-c", ADDRESSES).stdout == "3\n"
    assert tool.run(app, "exec", "-T", "redis", "redis-cli", "-h", "counter-redis-2", "ping").stdout == "PONG\n"
    tool.run(app, "up", "-d", "--scale", "redis=1")
    assert app.ids() == before
    assert tool.run(app, "exec", "-T", "web-fe", "python", "-c", ADDRESSES).stdout == "1\n"


def test_up_makes_anew_only_what_changed(app: Counter, tool: Tool) -> None:
    app.write("services: {web-fe: {environment: {GREETING: '${GREETING:-none}'}}}\n", "docker-compose.override.yml")
    tool.run(app, "up", "-d")
    count = app.visits()
    first = app.ids()
    app.write("GREETING=hello\n", ".env")
    told = tool.run(app, "up", "-d").stderr
    second = app.ids()
    assert second["redis-1"] == first["redis-1"] and second["web-fe-1"] != first["web-fe-1"]
    assert " Container counter-redis-1  Running" in told and " Container counter-web-fe-1  Recreated" in told
    assert tool.run(app, "exec", "-T", "web-fe", "sh", "-c", "echo $GREETING").stdout == "hello\n"
    assert app.visits() == count + 1
    again = tool.run(app, "up", "-d").stderr.splitlines()
    assert sorted(again)[:2] == [f" Container {name}  Running" for name in CONTAINERS]
    assert app.ids() == second


def test_the_code_is_kept_on_the_volume(app: Counter, tool: Tool) -> None:
    tool.run(app, "up", "-d")
    assert tool.run(app, "exec", "-T", "web-fe", "cat", "app.py").stdout == (EXAMPLE / "app.py").read_text()
    tool.run(app, "exec", "-T", "web-fe", "sh", "-c", "echo '# mine' >>/code/app.py")
    tool.run(app, "down")
    tool.run(app, "up", "-d", "--build")
    # as with Docker: the volume is filled once, and then it is the user's
    assert tool.run(app, "exec", "-T", "web-fe", "tail", "-1", "/code/app.py").stdout == "# mine\n"
    assert " Volume counter_counter-vol  Removed" in tool.run(app, "down", "-v", "--rmi", "local").stderr
    assert "counter-web-fe" not in tool.table(app, "image", "ls")
    tool.run(app, "up", "-d")
    assert "# mine" not in tool.run(app, "exec", "-T", "web-fe", "cat", "/code/app.py").stdout


# -- the progress is Docker Compose's


def _lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Lines of progress in the alphabet's order: what happens at the same time has none of its own."""
    return sorted(line for line in done.stderr.splitlines() if line.startswith(" "))


COMMANDS = (
    "create",
    "create",
    "up -d",
    "up -d",
    "up -d --scale redis=2",
    "scale redis=1",
    "stop -t 5 redis",
    "up --no-start",
    "start redis",
    "up -d --force-recreate web-fe",
    "restart -t 5",
    "pause",
    "unpause",
    "kill redis",
    "rm -f redis",
    "up -d --wait",
    "down -v",
)


def test_progress_in_lines_is_docker_composes_word_for_word(app: Counter, shoal: Tool) -> None:
    theirs = tool_named("docker-compose")
    shoal.run(app, "build")
    told = [[_lines(tool.run(app, *command.split())) for command in COMMANDS] for tool in (shoal, theirs)]
    for command, ours, others in zip(COMMANDS, *told, strict=True):
        assert ours == others, command


def test_progress_on_a_terminal_is_docker_composes(app: Counter, shoal: Tool) -> None:
    theirs = tool_named("docker-compose")
    shoal.run(app, "build")
    shown = [[tool.on_terminal(app, *command.split()) for command in COMMANDS] for tool in (shoal, theirs)]
    for command, ours, others in zip(COMMANDS, *shown, strict=True):
        assert ours[:1] == others[:1], command
        assert sorted(ours) == sorted(others), command


# -- the demo


def test_the_demo_counts_and_can_be_repeated(app: Counter, engine: EngineProcess) -> None:
    """examples/demo.sh, which `make demo` runs after the installation; at this test's port."""
    demo = app.folder.parent / "demo.sh"
    demo.write_text((EXAMPLE.parent / "demo.sh").read_text().replace("localhost:5000", f"localhost:{app.port}"))
    demo.chmod(0o755)
    path = f"{Path(sys.executable).parent}:{engine.env['PATH']}"
    said = []
    for _ in range(2):
        done = subprocess.run([demo], env={**engine.env, "PATH": path}, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done)
    counts = [re.findall(r"^This page was visited (\d+) times?\.$", one.stdout, re.MULTILINE) for one in said]
    assert counts == [["1", "2", "3"], ["4", "5", "6"]]
    assert "counter-web-fe-1" in said[1].stdout and "Running" in said[1].stderr
    stop = re.search(r"the app: +(.*)$", said[1].stdout, re.MULTILINE)
    assert stop
    subprocess.run(stop[1].split(), env=engine.env, check=True, capture_output=True)
    assert app.containers() == []


# -- by hand, without Compose


def test_the_docker_cli_does_it_by_hand(app: Counter, engine: EngineProcess) -> None:
    engine.docker(
        "build", "-q", "-t", "counter-web-fe", ".", cwd=app.folder, env={**engine.env, "DOCKER_BUILDKIT": "0"}
    )
    engine.docker("network", "create", "counter-net")
    engine.docker("run", "-d", "--name", "redis", "--network", "counter-net", "redis:alpine")
    publish = ("-p", f"{app.port}:5000", "-v", "counter-vol:/code")
    engine.docker(
        "run", "-d", "--name", "web", "--network", "counter-net", *publish, "counter-web-fe", "python", "app.py"
    )
    first = app.visits()
    assert app.visits() == first + 1
    assert '"python app.py pytho…"' in engine.docker("ps").stdout
    assert "Ready to accept connections" in engine.docker("logs", "redis").stdout
    engine.docker("stop", "web", "redis")
    engine.docker("container", "rm", "web", "redis")
    engine.docker("network", "rm", "counter-net")
    engine.docker("volume", "rm", "counter-vol")


def test_the_python_sdk_does_it_by_hand(app: Counter, engine: EngineProcess) -> None:
    sdk = docker.DockerClient(base_url=f"unix://{engine.socket}")
    try:
        image, _log = sdk.images.build(path=str(app.folder), tag="counter-web-fe", rm=True)
        assert {"redis:alpine", "counter-web-fe:latest"} <= {tag for one in sdk.images.list() for tag in one.tags}
        network = sdk.networks.create("counter-net")
        common: dict[str, Any] = {"detach": True, "network": network.name}
        redis = sdk.containers.run("redis:alpine", name="redis", **common)
        web = sdk.containers.run(
            image,
            "python app.py",
            name="web",
            ports={"5000/tcp": app.port},
            volumes={"counter-vol": {"bind": "/code", "mode": "rw"}},
            **common,
        )
        first = app.visits()
        assert app.visits() == first + 1
        assert {one.name for one in sdk.containers.list()} == {"redis", "web"}
        assert b"Running on all addresses" in web.logs()
        for container in (web, redis):
            container.stop(timeout=5)
            assert container.wait()["StatusCode"] == 0
            container.remove()
        network.remove()
        sdk.volumes.get("counter-vol").remove()
    finally:
        sdk.close()
