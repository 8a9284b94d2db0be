"""What is measured. A scenario prepares, is sampled any number of times, and cleans up."""

import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.target import Target

Sample = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Scenario:
    """goal_s: what Shoal wants to reach; runs: samples for the median."""

    name: str
    goal_s: float
    setup: Callable[[Target, Path], "Iterator[Sample]"]
    runs: int = 20


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


@contextmanager
def api_create_start(target: Target, work: Path) -> Iterator[Sample]:
    """create + start over the API, on a bridge network."""
    target.call("POST", "/networks/create", {"Name": "bench-net"})

    def once() -> float:
        body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "bench-net"}}
        start = time.perf_counter()
        made = target.call("POST", "/containers/create", body)["Id"]
        target.call("POST", f"/containers/{made}/start")
        took = time.perf_counter() - start
        target.call("DELETE", f"/containers/{made}?force=1")
        return took

    try:
        yield once
    finally:
        target.remove_all()
        target.call("DELETE", "/networks/bench-net")


@contextmanager
def run_detached(target: Target, work: Path) -> Iterator[Sample]:
    """`run -d` on a bridge network, the whole command."""
    target.call("POST", "/networks/create", {"Name": "bench-net"})

    def once() -> float:
        took = target.time_run("run", "-d", "--name", "bench", "--network", "bench-net", "busybox", "sleep", "1000")
        target.call("DELETE", "/containers/bench?force=1")
        return took

    try:
        yield once
    finally:
        target.remove_all()
        target.call("DELETE", "/networks/bench-net")


@contextmanager
def run_rm(target: Target, work: Path) -> Iterator[Sample]:
    """`run --rm busybox true`, the whole command."""
    yield lambda: target.time_run("run", "--rm", "busybox", "true")


@contextmanager
def exec_true(target: Target, work: Path) -> Iterator[Sample]:
    """`exec C true`, the whole command."""
    target.run("run", "-d", "--name", "bench", "busybox", "sleep", "1000")
    try:
        yield lambda: target.time_run("exec", "bench", "true")
    finally:
        target.remove_all()


@contextmanager
def ps(target: Target, work: Path) -> Iterator[Sample]:
    """`ps`, the whole process."""
    yield lambda: target.time_run("ps")


@contextmanager
def help_text(target: Target, work: Path) -> Iterator[Sample]:
    """`--help`, the whole process."""
    yield lambda: target.time_run("--help")


def _project(work: Path, services: int) -> Path:
    folder = work / f"services{services}"
    folder.mkdir(exist_ok=True)
    lines = ["services:"]
    for number in range(services):
        lines += [f"  s{number}:", "    image: busybox", "    command: sleep 1000"]
    (folder / "compose.yaml").write_text("\n".join(lines) + "\n")
    return folder


def compose_up(services: int) -> Callable[[Target, Path], "Iterator[Sample]"]:
    """`compose up -d` of one-process services; images there."""

    @contextmanager
    def setup(target: Target, work: Path) -> Iterator[Sample]:
        folder = _project(work, services)

        def once() -> float:
            took = target.time_run("compose", "up", "-d", cwd=folder)
            target.run("compose", "down", "-t", "0", cwd=folder)
            return took

        yield once

    return setup


def compose_down(services: int) -> Callable[[Target, Path], "Iterator[Sample]"]:
    """`compose down -t 0`."""

    @contextmanager
    def setup(target: Target, work: Path) -> Iterator[Sample]:
        folder = _project(work, services)

        def once() -> float:
            target.run("compose", "up", "-d", cwd=folder)
            return target.time_run("compose", "down", "-t", "0", cwd=folder)

        yield once

    return setup


@contextmanager
def compose_ps(target: Target, work: Path) -> Iterator[Sample]:
    """`compose ps` of 50 services."""
    folder = _project(work, 50)
    target.run("compose", "up", "-d", cwd=folder)
    try:
        yield lambda: target.time_run("compose", "ps", cwd=folder)
    finally:
        target.run("compose", "down", "-t", "0", cwd=folder)


@contextmanager
def counter_app(target: Target, work: Path) -> Iterator[Sample]:
    """`compose up -d` of the counter app until its page answers; images there."""
    folder = Path("examples/counter").resolve()
    target.run("compose", "up", "-d", cwd=folder)
    target.run("compose", "down", "-t", "0", cwd=folder)

    def once() -> float:
        start = time.perf_counter()
        target.run("compose", "up", "-d", cwd=folder)
        _wait_for_page("http://127.0.0.1:5000/")
        took = time.perf_counter() - start
        target.run("compose", "down", "-t", "0", cwd=folder)
        return took

    yield once


def _wait_for_page(url: str, timeout_s: float = 30) -> None:
    deadline = time.perf_counter() + timeout_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                answer.read()
                return
        except OSError:
            if time.perf_counter() > deadline:
                raise
            time.sleep(0.005)


_DOCKERFILE = """FROM busybox
WORKDIR /app
COPY a.txt .
RUN echo one > one
RUN echo two > two
{last}
"""


@contextmanager
def rebuild(target: Target, work: Path) -> Iterator[Sample]:
    """`build` of 5 steps with nothing changed, the whole command."""
    folder = work / "build"
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text("a")
    (folder / "Dockerfile").write_text(_DOCKERFILE.format(last='CMD ["true"]'))
    target.run("build", "-q", "-t", "bench-build", ".", cwd=folder)
    yield lambda: target.time_run("build", "-q", "-t", "bench-build", ".", cwd=folder)


@contextmanager
def cold_build(target: Target, work: Path) -> Iterator[Sample]:
    """`build --no-cache` of 5 steps, the whole command."""
    folder = work / "build"
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text("a")
    (folder / "Dockerfile").write_text(_DOCKERFILE.format(last='CMD ["true"]'))
    yield lambda: target.time_run("build", "-q", "--no-cache", "-t", "bench-build", ".", cwd=folder)


SCENARIOS = (
    Scenario("API create + start, bridge network", 0.060, api_create_start, 40),
    Scenario("run -d, bridge network", 0.120, run_detached, 30),
    Scenario("run --rm busybox true", 0.180, run_rm, 30),
    Scenario("exec C true", 0.080, exec_true, 30),
    Scenario("ps", 0.090, ps, 30),
    Scenario("--help", 0.070, help_text, 30),
    Scenario("compose up -d, counter app until HTTP 200", 0.6, counter_app),
    Scenario("compose up -d, 10 services", 0.8, compose_up(10)),
    Scenario("compose up -d, 50 services", 4.0, compose_up(50)),
    Scenario("compose down -t 0, 10 services", 0.6, compose_down(10)),
    Scenario("compose down -t 0, 50 services", 3.0, compose_down(50)),
    Scenario("compose ps, 50 services", 0.3, compose_ps),
    Scenario("build, nothing changed, 5 steps", 0.3, rebuild),
    Scenario("build --no-cache, 5 steps", 0.9, cold_build),
)
