"""A machine that never comes back: its services, names, ports and networks are used again before anybody removes it."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support import clusters
from tests.support.clusters import containers, hostnames, node_state, wait_running, within
from tests.support.engine import wait_for
from tests.support.hosts import Farm, Host, hosts

FILE = """
services:
  web:
    image: busybox
    init: true
    command: httpd -f -p 80 -h /etc
    ports: ["8080:80"]
    networks: [inner]
    deploy: {replicas: 3}
networks:
  inner: {}
"""


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    """The third host is a worker that is gone, with a task of a stack on it."""
    with hosts(3) as farm:
        clusters.found(farm[0], farm[1:])
        yield farm


def deploy(manager: Host, tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text(FILE)
    manager.shoal("stack", "deploy", "--detach", "-c", str(file), "shop")


def answers(host: Host) -> bool:
    return host.exec("curl", "-s", "-m", "2", "http://127.0.0.1:8080/hostname", check=False).returncode == 0


def words(host: Host, *command: str) -> Sequence[str]:
    return host.docker(*command).stdout.split()


def test_a_machine_that_is_lost_for_good(farm: Farm, tmp_path: Path) -> None:
    one, two, three = farm
    deploy(one, tmp_path)
    tasks = wait_running(one, "shop_web", 3)
    assert "host3" in hostnames(one, tasks)
    gone = clusters.nodes(one)["host3"]["ID"]
    farm.kill(three)
    within(10, "it is down", lambda: node_state(one, three) == "down")
    wait_for("three run elsewhere", lambda: "host3" not in hostnames(one, wait_running(one, "shop_web", 3)))
    assert words(one, "service", "ls", "--format", "{{.Replicas}}") == ["3/3"]

    # Scaled down, one more time than there are living tasks: what is on the lost node keeps nothing waiting.
    one.docker("service", "scale", "shop_web=1")
    assert words(one, "service", "ls", "--format", "{{.Replicas}}") == ["1/1"]
    running = words(one, "service", "ps", "shop_web", "--filter", "desired-state=running", "--format", "{{.Node}}")
    assert len(running) == 1 and running[0] in ("host1", "host2")

    # The stack goes, and comes back under the same names and the same port at once.
    assert one.shoal("stack", "rm", "shop").returncode == 0
    assert not words(one, "service", "ls", "-q")
    assert "shop_inner" not in words(one, "network", "ls", "--format", "{{.Name}}")
    deploy(one, tmp_path)
    wait_running(one, "shop_web", 3)
    for host in (one, two):
        wait_for(f"{host.name} answers", lambda host=host: answers(host))  # type: ignore[misc]
    assert set(words(one, "service", "ps", "shop_web", "--format", "{{.Node}}")) == {"host1", "host2"}

    # What the lost node was told to remove is with the node; it goes with it.
    left = [task for task in one.engine.call("GET", "/tasks")[1] if task["NodeID"] == gone]
    assert [task["DesiredState"] for task in left] == ["remove"]
    assert "is not down" not in one.docker("node", "rm", "--force", "host3").stderr
    within(5, "no task is on it", lambda: all(task["NodeID"] != gone for task in one.engine.call("GET", "/tasks")[1]))
    one.shoal("stack", "rm", "shop")
    within(15, "no task is left", lambda: not one.engine.call("GET", "/tasks")[1])
    within(15, "no container is left", lambda: not containers(one) and not containers(two))
    records = stored(one)
    assert clusters.swarm_info(one)["NodeID"] in records
    assert gone not in records


def stored(manager: Host) -> str:
    """All records of the only manager's store, while its engine is away."""
    manager.engine.kill()
    try:
        with contextlib.closing(sqlite3.connect(manager.engine.root / "swarm" / "cluster.db")) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return "\n".join(str(row) for table in tables for row in database.execute(f'SELECT * FROM "{table}"'))
    finally:
        manager.engine.start()
