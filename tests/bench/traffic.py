"""Requests to a service while it changes: how many fail."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.bench.resources import WEB_IMAGE
from tests.bench.rows import Row, Sample, Scenario, Setup
from tests.bench.services import SERVICE, cluster, remove, running, until
from tests.bench.target import LABEL, Target
from tests.support.ports import free_port

REPLICAS = 5
LOAD_S = 12
REQUESTS = 100_000
CONNECTIONS = 16


def web(port: int, colour: str) -> dict[str, Any]:
    """A service of servers; a new colour is a new version. Whoever is connected may finish for a minute."""
    health = {"Test": ["CMD-SHELL", "kill -0 1"], "Interval": 200_000_000, "Retries": 20}
    container = {
        "Image": WEB_IMAGE,
        "Env": [f"COLOUR={colour}"],
        "StopSignal": "SIGQUIT",
        "StopGracePeriod": 60_000_000_000,
        "Healthcheck": health,
    }
    return {
        "Name": SERVICE,
        "Labels": {LABEL: "1"},
        "TaskTemplate": {"ContainerSpec": container},
        "Mode": {"Replicated": {"Replicas": REPLICAS}},
        "UpdateConfig": {"Parallelism": 1, "Order": "start-first", "Monitor": 100_000_000},
        "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": port, "Protocol": "tcp"}]},
    }


def load(port: int, *flags: str) -> "subprocess.Popen[str]":
    """wrk against the published port."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{LOAD_S}s", *flags, f"http://127.0.0.1:{port}/"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def failures(report: str) -> tuple[int, int]:
    """(failed requests, requests) of wrk's report."""
    asked = re.search(r"(\d+) requests in", report)
    if asked is None:
        raise RuntimeError(f"wrk said: {report[-300:]}")
    failed = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", report)))
    failed += sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", report)))
    return failed, int(asked[1])


def under_load(port: int, act: Callable[[], None], *flags: str) -> int:
    """Failed requests while `act` runs, loaded again until there were enough requests."""
    failed = asked = 0
    while asked < REQUESTS:
        running_load = load(port, *flags)
        time.sleep(0.5)
        act()
        report, _ = running_load.communicate(timeout=LOAD_S + 60)
        more_failed, more_asked = failures(report)
        failed, asked = failed + more_failed, asked + more_asked
    return failed


def update(*flags: str) -> Setup:
    """A rolling update of 5 servers under load."""

    @contextmanager
    def setup(target: Target, work: Path) -> Iterator[Sample]:
        port, versions = free_port(), iter(range(1000))

        def change() -> None:
            known = target.call("GET", f"/services/{SERVICE}")
            body = web(port, str(next(versions)))
            before = set(running(target))
            target.call("POST", f"/services/{SERVICE}/update?version={known['Version']['Index']}", body)
            until("every task is a new one", lambda: len(set(running(target)) - before) == REPLICAS)

        with cluster(target):
            target.call("POST", "/services/create", web(port, "first"))
            until("all servers run", lambda: len(running(target)) == REPLICAS)
            try:
                yield lambda: (under_load(port, change, *flags),)
            finally:
                with suppress(RuntimeError):
                    remove(target)

    return setup


SCENARIOS = (
    Scenario((Row("failed of 100,000 requests, rolling update, keep-alive", 0, "failed"),), update(), runs=1),
    Scenario(
        (Row("failed of 100,000 requests, rolling update, fresh connections", 0, "failed"),),
        update("-H", "Connection: close"),
        runs=1,
    ),
)
