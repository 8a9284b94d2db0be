"""The engine in memory must be good enough for Docker Compose itself: else tests on it prove nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_docker import FakeDocker, serve
from tests.support.foreign import compose_binary, foreign_compose

APP = """
name: app
services:
  web:
    image: nginx
    ports: ["8080:80"]
    depends_on:
      db: {condition: service_healthy}
      init: {condition: service_completed_successfully}
    volumes: [data:/data]
  db:
    image: redis
    healthcheck: {test: ["CMD", "true"], interval: 1s}
  init:
    image: busybox
    command: exit 0
volumes:
  data:
"""


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[FakeDocker, Path]]:
    compose_binary()
    docker = FakeDocker(("nginx", "redis", "busybox"))
    (tmp_path / "compose.yaml").write_text(APP)
    with serve(docker, tmp_path / "docker.sock"):
        yield docker, tmp_path


def test_compose_brings_an_app_up_finds_it_unchanged_and_takes_it_down(fake: tuple[FakeDocker, Path]) -> None:
    docker, folder = fake
    socket = folder / "docker.sock"
    up = foreign_compose("up", "-d", socket=socket, cwd=folder)
    assert " Container app-db-1  Healthy" in up.stderr and " Container app-web-1  Started" in up.stderr
    assert {c.name: c.status for c in docker.containers.values()} == {
        "app-web-1": "running",
        "app-db-1": "running",
        "app-init-1": "exited",
    }
    docker.calls.clear()
    foreign_compose("up", "-d", socket=socket, cwd=folder)
    assert "POST /containers/create" not in docker.calls
    foreign_compose("down", "-v", socket=socket, cwd=folder)
    assert (docker.containers, docker.networks, docker.volumes) == ({}, {}, {})
