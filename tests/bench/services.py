"""Services and stacks of a cluster of one node, timed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.bench.rows import Row, Sample, Scenario
from tests.bench.target import LABEL, Target
from tests.support.ports import free_port

WAIT_S = 60.0
SERVICE = "bench-service"
STACK = "benchstack"


@contextmanager
def cluster(target: Target) -> Iterator[None]:
    """The engine is a manager; it leaves at the end what it founded here."""
    state = target.call("GET", "/info")["Swarm"]["LocalNodeState"]
    if state == "inactive":
        port = free_port()
        target.call("POST", "/swarm/init", {"ListenAddr": f"127.0.0.1:{port}", "AdvertiseAddr": f"127.0.0.1:{port}"})
    try:
        yield
    finally:
        with suppress(RuntimeError):
            target.call("DELETE", f"/services/{SERVICE}")
        if state == "inactive":
            target.call("POST", "/swarm/leave?force=1")


def spec(replicas: int, name: str = SERVICE) -> dict[str, Any]:
    """Of a service that sleeps."""
    container = {"Image": "busybox", "Command": ["sleep", "1000"], "Labels": {LABEL: "1"}, "StopGracePeriod": 0}
    return {
        "Name": name,
        "Labels": {LABEL: "1"},
        "TaskTemplate": {"ContainerSpec": container},
        "Mode": {"Replicated": {"Replicas": replicas}},
    }


def running(target: Target, service: str = SERVICE) -> list[str]:
    """Ids of the tasks that run and are to."""
    found = target.call("GET", f'/tasks?filters={{"service":{{"{service}":true}},"desired-state":{{"running":true}}}}')
    return [task["ID"] for task in found if task["Status"]["State"] == "running"]


def containers(target: Target) -> list[str]:
    """Ids of the containers of tasks, running or not."""
    found = target.call("GET", '/containers/json?all=1&filters={"label":{"com.docker.swarm.task.id":true}}')
    return [container["Id"] for container in found]


def until(what: str, check: Callable[[], bool]) -> None:
    """Raises: RuntimeError when it does not come to that"""
    deadline = time.perf_counter() + WAIT_S
    while not check():
        if time.perf_counter() > deadline:
            raise RuntimeError(f"not within {WAIT_S:.0f} s: {what}")
        time.sleep(0.005)


def scale(target: Target, replicas: int) -> None:
    """Ask for so many."""
    known = target.call("GET", f"/services/{SERVICE}")
    target.call("POST", f"/services/{SERVICE}/update?version={known['Version']['Index']}", spec(replicas))


def remove(target: Target) -> None:
    """Gone, with its containers."""
    target.call("DELETE", f"/services/{SERVICE}")
    until("no container is left", lambda: not containers(target))


@contextmanager
def one_replica(target: Target, work: Path) -> Iterator[Sample]:
    """`POST /services/create` until its task runs; then its container is killed until the next one runs."""

    def once() -> tuple[float, float]:
        start = time.perf_counter()
        target.call("POST", "/services/create", spec(1))
        until("the task runs", lambda: len(running(target)) == 1)
        made = time.perf_counter() - start
        first = running(target)
        start = time.perf_counter()
        target.call("POST", f"/containers/{containers(target)[0]}/kill")
        until("another task runs", lambda: len(running(target)) == 1 and running(target) != first)
        replaced = time.perf_counter() - start
        remove(target)
        return made, replaced

    with cluster(target):
        yield once


@contextmanager
def fifty(target: Target, work: Path) -> Iterator[Sample]:
    """1 replica to 50 until all run; the service removed until all are gone."""

    def once() -> tuple[float, float]:
        target.call("POST", "/services/create", spec(1))
        until("the first task runs", lambda: len(running(target)) == 1)
        start = time.perf_counter()
        scale(target, 50)
        until("50 tasks run", lambda: len(running(target)) == 50)
        scaled = time.perf_counter() - start
        start = time.perf_counter()
        remove(target)
        return scaled, time.perf_counter() - start

    with cluster(target):
        yield once


@contextmanager
def stack(target: Target, work: Path) -> Iterator[Sample]:
    """`stack deploy` of 10 services until all run; `stack rm` until no container is left."""
    file = work / f"stack-{target.name}.yaml"
    lines = ["services:"]
    for number in range(10):
        lines += [f"  s{number}:", "    image: busybox", "    command: sleep 1000", "    stop_grace_period: 0s"]
    file.write_text("\n".join(lines) + "\n")

    def services() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = target.call(
            "GET", f'/services?status=true&filters={{"label":{{"com.docker.stack.namespace={STACK}":true}}}}'
        )
        return found

    def once() -> tuple[float, float]:
        start = time.perf_counter()
        target.run("stack", "deploy", "--detach", "-c", str(file), STACK)
        until("10 services run", lambda: sum(s["ServiceStatus"]["RunningTasks"] for s in services()) == 10)
        up = time.perf_counter() - start
        start = time.perf_counter()
        target.run("stack", "rm", STACK)
        until("no container is left", lambda: not containers(target))
        return up, time.perf_counter() - start

    with cluster(target):
        yield once


SCENARIOS = (
    Scenario(
        (Row("service create until 1 replica runs", 0.3), Row("task killed until the next one runs", 0.7)), one_replica
    ),
    Scenario((Row("stack of 10 services until all run", 1.2), Row("stack rm until all is gone", 2.0)), stack, runs=5),
    Scenario((Row("scale 1 to 50 until all run", 3.0), Row("service rm of 50 until all is gone", 2.0)), fifty, runs=5),
)
