"""Commands and calls that start, look at and end containers, timed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.rows import Row, Sample, Scenario, Setup
from tests.bench.target import LABEL, Target

NETWORK = "bench-net"


@contextmanager
def network(target: Target) -> Iterator[str]:
    """A bridge network; it and the bench's containers are removed at the end."""
    target.call("POST", "/networks/create", {"Name": NETWORK, "Labels": {LABEL: "1"}})
    try:
        yield NETWORK
    finally:
        target.remove_all()


@contextmanager
def api_create_start(target: Target, work: Path) -> Iterator[Sample]:
    """create + start over the API, on a bridge network."""
    with network(target) as name:

        def once() -> tuple[float]:
            start = time.perf_counter()
            made = target.start("busybox", "sleep", "1000", NetworkMode=name)
            took = time.perf_counter() - start
            target.remove(made)
            return (took,)

        yield once


@contextmanager
def run_detached(target: Target, work: Path) -> Iterator[Sample]:
    """`run -d` on a bridge network, the whole command."""
    words = ("run", "-d", "--label", LABEL, "--name", "bench", "--network", NETWORK, "busybox", "sleep", "1000")
    with network(target):

        def once() -> tuple[float]:
            took = target.time_run(*words)
            target.remove("bench")
            return (took,)

        yield once


@contextmanager
def exec_true(target: Target, work: Path) -> Iterator[Sample]:
    """`exec C true`, the whole command."""
    made = target.start("busybox", "sleep", "1000")
    try:
        yield lambda: (target.time_run("exec", made, "true"),)
    finally:
        target.remove_all()


def command(*words: str) -> Setup:
    """A whole command that needs nothing before and leaves nothing behind."""

    @contextmanager
    def setup(target: Target, work: Path) -> Iterator[Sample]:
        yield lambda: (target.time_run(*words),)

    return setup


SCENARIOS = (
    Scenario((Row("API create + start, bridge network", 0.060),), api_create_start, 40),
    Scenario((Row("run -d, bridge network", 0.120),), run_detached, 30),
    Scenario((Row("run --rm busybox true", 0.180),), command("run", "--rm", "busybox", "true"), 30),
    Scenario((Row("exec C true", 0.080),), exec_true, 30),
    Scenario((Row("ps", 0.090),), command("ps"), 30),
    Scenario((Row("--help", 0.070),), command("--help"), 30),
)
