"""The engine of a node is killed: its tasks run on, and it is in control again at once."""

import os
import signal
import time

from tests.support.deadlines import patient
from tests.support.engine import wait_for
from tests.support.swarm import OneNode, container_id


def test_tasks_run_on_and_none_is_started_again(node: OneNode) -> None:
    node.create("web", replicas=5)
    before = {task["ID"]: node.container(task)["State"]["StartedAt"] for task in node.running("web", 5)}
    node.engine.kill()
    node.engine.start()
    began = time.monotonic()
    after = {task["ID"]: node.container(task)["State"]["StartedAt"] for task in node.running("web", 5)}
    assert after == before
    node.scale("web", 6)
    node.running("web", 6)
    assert time.monotonic() - began < patient(3)
    assert before.keys() < {task["ID"] for task in node.running("web", 6)}
    assert len(node.containers()) == 6


def test_what_ended_meanwhile_is_replaced(node: OneNode) -> None:
    node.create("web", replicas=2)
    first, second = node.running("web", 2)
    pid = node.container(first)["State"]["Pid"]
    node.engine.kill()
    os.kill(pid, signal.SIGKILL)
    node.engine.start()
    wait_for("the manager knows", lambda: first["ID"] not in {task["ID"] for task in node.tasks("web", "running")})
    after = {task["ID"] for task in node.running("web", 2)}
    assert second["ID"] in after


def test_what_was_told_to_go_when_the_engine_was_killed_goes(node: OneNode) -> None:
    node.create("web", "sh", "-c", "trap '' TERM; while :; do sleep 1; done", container={"StopGracePeriod": 10**9})
    task = node.running("web", 1)[0]
    node.remove("web")
    node.engine.kill()
    node.engine.start()
    wait_for("it is gone", lambda: not node.containers(), 20)
    assert node.engine.call("GET", f"/containers/{container_id(task)}/json")[0] == 404
