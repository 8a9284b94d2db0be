"""Stacks on three hosts: an image that one of them built reaches the others, and the file's places are kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import clusters
from tests.support.clusters import containers, hostnames, wait_running, within
from tests.support.hosts import Farm, Host, hosts

FILE = """
services:
  web:
    build: {context: ., dockerfile_inline: "FROM busybox\\nRUN echo made once >/made\\n"}
    command: sh -c "cat /made /run/secrets/word; exec sleep 1000"
    stop_signal: SIGKILL
    init: true
    secrets: [word]
    deploy: {replicas: 3, placement: {max_replicas_per_node: 1}}
  only:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    deploy: {mode: global, placement: {constraints: [node.role == worker]}}
secrets: {word: {environment: WORD}}
"""


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(3) as farm:
        clusters.found(farm[0], farm[1:])
        yield farm


@pytest.fixture
def folder(farm: Farm, tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "compose.yaml").write_text(FILE)
    yield tmp_path
    farm[0].shoal("stack", "rm", "app", cwd=tmp_path)


def test_an_image_that_is_built_once_runs_on_every_node(farm: Farm, folder: Path):
    one, two, three = farm
    (folder / ".env").write_text("WORD=first\n")
    done = one.shoal("stack", "deploy", "--detach=false", "app", cwd=folder)
    assert "Creating service app_web" in done.stdout and "Service converged" in done.stdout
    assert hostnames(one, wait_running(one, "app_web", 3)) == ["host1", "host2", "host3"]
    assert hostnames(one, wait_running(one, "app_only", 2)) == ["host2", "host3"]
    for host in (two, three):
        (task,) = containers(host) - {c for c in containers(host) if "app_only" in name_of(host, c)}
        assert host.shoal("logs", task).stdout == "made once\nfirst"

    plan = one.shoal("stack", "plan", "app", cwd=folder).stdout
    assert plan == "Plan: 0 to create, 0 to update, 0 to remove, 2 unchanged services\n"
    kept = [containers(host) for host in farm]
    one.shoal("stack", "deploy", "app", cwd=folder)
    assert [containers(host) for host in farm] == kept

    one.shoal("stack", "rm", "app", cwd=folder)
    within(5, "every host is empty", lambda: not any(containers(host) for host in farm))


def name_of(host: Host, container: str) -> str:
    return str(host.engine.call("GET", f"/containers/{container}/json")[1]["Name"])
