"""A proxy, a web service and a database as the second document wants them: only the proxy is reached from outside, the
database is isolated, data outlives containers, and limits hold. On one host; Shoal's Compose and Docker's bring it up.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.apps import App, fetch
from tests.support.counter import Tool, tool_named
from tests.support.engine import EngineProcess
from tests.support.ports import free_port
from tests.support.stand_ins import engine_with_stand_ins

COMPOSE = """
services:
  proxy:
    image: nginx
    ports: ["{port}:80"]
    networks: [front]
    volumes:
      - ./proxy.conf:/etc/nginx/conf.d/default.conf:ro
    depends_on:
      web: {{condition: service_healthy}}
  web:
    image: python:alpine
    command: python -m http.server 8000 --directory /srv/data
    stop_signal: SIGINT
    networks: [front, back]
    volumes:
      - web-data:/srv/data
    tmpfs: /scratch:size=16m
    cpus: 0.5
    cpuset: "0"
    mem_limit: 64m
    healthcheck:
      test: python -c "import urllib.request; urllib.request.urlopen('http://localhost:8000')"
      interval: 30s
      start_period: 20s
      start_interval: 200ms
  db:
    image: redis:alpine
    networks: [back]
    volumes:
      - db-data:/data

networks:
  front:
  back:
    internal: true
volumes:
  web-data:
  db-data:
"""
PROXY = "server { listen 80; location / { proxy_pass http://web:8000; } }\n"
#: what Python in the web service sees
SEEN = """
import json, os
def read(*paths):
    return next(open(path).read().split()[0] for path in paths if os.path.exists(path))
quota = read("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
memory = read("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
scratch = os.statvfs("/scratch")
print(json.dumps([sorted(os.sched_getaffinity(0)), int(quota), int(memory), scratch.f_blocks * scratch.f_frsize]))
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with engine_with_stand_ins() as engine:
        yield engine


@pytest.fixture(params=("shoal compose", "docker-compose"))
def tool(request: pytest.FixtureRequest) -> Tool:
    return tool_named(request.param)


@pytest.fixture
def app(engine: EngineProcess, tool: Tool, tmp_path: Path) -> Iterator[App]:
    folder = tmp_path / "shop"
    folder.mkdir()
    made = App(engine, folder, "shop")
    made.port = free_port()  # type: ignore[attr-defined]
    made.write(COMPOSE.format(port=made.port))  # type: ignore[attr-defined]
    made.write(PROXY, "proxy.conf")
    tool.run(made, "up", "-d")
    yield made
    engine.remove_everything()


@pytest.fixture
def inside(app: App, tool: Tool) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command in a service."""

    def run(service: str, *command: str) -> subprocess.CompletedProcess[str]:
        return tool.run(app, "exec", "-T", service, *command, check=False)

    return run


def test_the_infrastructure(app: App, tool: Tool, inside: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert inside("web", "sh", "-c", "echo shop is open >/srv/data/index.html").returncode == 0
    assert fetch(app.port) == "shop is open\n"
    _only_the_proxy_is_published(app)
    _the_database_is_isolated(app, inside)

    seen = json.loads(inside("web", "python", "-c", SEEN).stdout)
    assert seen == [[0], 50_000, 64 << 20, 16 << 20]
    assert "64MiB" in app.engine.shoal("stats", "--no-stream", "shop-web-1").stdout
    assert "Read-only file system" in inside("proxy", "sh", "-c", ": >/etc/nginx/conf.d/default.conf").stderr

    assert inside("db", "redis-cli", "set", "order", "1").stdout == "OK\n"
    tool.run(app, "down")  # SIGTERM lets the database write its data
    tool.run(app, "up", "-d")
    assert fetch(app.port) == "shop is open\n"
    assert inside("db", "redis-cli", "get", "order").stdout == "1\n"


def _only_the_proxy_is_published(app: App) -> None:
    published = {port["PublicPort"] for one in app.containers() for port in one["Ports"] if "PublicPort" in port}
    assert published == {app.port}


def _the_database_is_isolated(app: App, inside: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    address = app.inspect("db-1")["NetworkSettings"]["Networks"]["shop_back"]["IPAddress"]
    reach = "import socket, sys; socket.create_connection((sys.argv[1], 6379), 2); print('reached')"
    assert inside("web", "python", "-c", reach, "db").stdout == "reached\n"
    assert inside("proxy", "getent", "hosts", "web").returncode == 0
    assert inside("proxy", "getent", "hosts", "db").returncode != 0
    assert inside("proxy", "timeout", "2", "bash", "-c", f"exec 3<>/dev/tcp/{address}/6379").returncode == 124
    routes = inside("db", "cat", "/proc/net/route").stdout.splitlines()[1:]
    assert [line.split()[1] for line in routes].count("00000000") == 0, "no way out"
