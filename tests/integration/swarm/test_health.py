"""A task with a health check runs when it is healthy, and is replaced when it is not."""

from typing import Any

from tests.support.engine import wait_for
from tests.support.swarm import SERVE, OneNode, container_id

MS = 1_000_000


def check(command: str, retries: int = 1, start_ms: int = 0) -> dict[str, Any]:
    test = ["CMD-SHELL", command]
    return {"Test": test, "Interval": 100 * MS, "Timeout": 2000 * MS, "Retries": retries, "StartPeriod": start_ms * MS}


def test_it_runs_when_it_is_healthy(node: OneNode) -> None:
    node.create("web", *SERVE, container={"Healthcheck": check("test -e /ready", retries=1000)})
    task = node.ended("web", "starting")
    found = wait_for("its container is there", lambda: node.containers(all=False))
    node.engine.shoal("exec", found[0]["Id"], "touch", "/ready")
    assert node.running("web", 1)[0]["ID"] == task["ID"]


def test_an_unhealthy_one_is_replaced(node: OneNode) -> None:
    node.create("web", *SERVE, container={"Healthcheck": check("test ! -e /sick", retries=2)})
    task = node.running("web", 1)[0]
    node.engine.shoal("exec", container_id(task), "touch", "/sick")
    ended = node.ended("web", "failed")
    assert ended["ID"] == task["ID"]
    assert ended["Status"]["Err"] == "task: unhealthy container"
    assert node.running("web", 1)[0]["ID"] != task["ID"]
    wait_for("the sick one has ended", lambda: not node.container(task)["State"]["Running"])
