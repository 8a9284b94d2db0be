"""Compose and builds, timed."""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.bench.rows import Row, Sample, Scenario, Setup
from tests.bench.target import LABEL, Target
from tests.support.ports import free_port

COUNTER = Path(__file__).parents[2] / "examples" / "counter"
PAGE_S = 30.0
DOCKERFILE = """FROM busybox
WORKDIR /app
COPY a.txt .
RUN echo one > one
RUN echo two > two
CMD ["true"]
"""


def _folder(work: Path, target: Target, name: str) -> Path:
    """A folder of this target's own: both are up at the same time, and the folder names the project."""
    folder = work / f"{name}-{target.name}"
    folder.mkdir(exist_ok=True)
    return folder


def _project(work: Path, target: Target, services: int) -> Path:
    folder = _folder(work, target, f"bench{services}")
    lines = ["services:"]
    for number in range(services):
        lines += [f"  s{number}:", "    image: busybox", "    command: sleep 1000"]
    (folder / "compose.yaml").write_text("\n".join(lines) + "\n")
    return folder


@contextmanager
def _down_at_the_end(target: Target, folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        target.run("compose", "down", "-v", "-t", "0", cwd=folder)


def up_and_down(services: int) -> Setup:
    """`compose up -d` of one-process services, images there; then `compose down -t 0`."""

    @contextmanager
    def setup(target: Target, work: Path) -> Iterator[Sample]:
        folder = _project(work, target, services)

        def once() -> tuple[float, float]:
            up = target.time_run("compose", "up", "-d", cwd=folder)
            return up, target.time_run("compose", "down", "-t", "0", cwd=folder)

        with _down_at_the_end(target, folder):
            yield once

    return setup


@contextmanager
def compose_ps(target: Target, work: Path) -> Iterator[Sample]:
    """`compose ps` of 50 services."""
    folder = _project(work, target, 50)
    with _down_at_the_end(target, folder):
        target.run("compose", "up", "-d", cwd=folder)
        yield lambda: (target.time_run("compose", "ps", cwd=folder),)


@contextmanager
def counter_app(target: Target, work: Path) -> Iterator[Sample]:
    """`compose up -d` of the counter app until its page answers; images there."""
    folder = _folder(work, target, "counter")
    shutil.copytree(COUNTER, folder, dirs_exist_ok=True)
    file, port = folder / "docker-compose.yml", free_port()
    file.write_text(re.sub(r"published: \d+", f"published: {port}", file.read_text()))

    def once() -> tuple[float]:
        start = time.perf_counter()
        target.run("compose", "up", "-d", cwd=folder)
        _wait_for_page(port)
        took = time.perf_counter() - start
        target.run("compose", "down", "-t", "0", cwd=folder)
        return (took,)

    with _down_at_the_end(target, folder):
        target.run("compose", "build", cwd=folder)
        yield once


def _wait_for_page(port: int) -> None:
    deadline = time.perf_counter() + PAGE_S
    while time.perf_counter() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        with suppress(OSError, HTTPException):
            connection.request("GET", "/")
            if connection.getresponse().status == 200:
                return
        connection.close()
        time.sleep(0.002)
    raise RuntimeError(f"no page within {PAGE_S} s")


def build(*flags: str) -> Setup:
    """`build` of 5 steps, the whole command."""

    @contextmanager
    def setup(target: Target, work: Path) -> Iterator[Sample]:
        folder = _folder(work, target, "build")
        words = ("build", "-q", *flags, "--label", LABEL, "-t", "bench-build", ".")
        (folder / "a.txt").write_text("a")
        (folder / "Dockerfile").write_text(DOCKERFILE)
        try:
            yield lambda: (target.time_run(*words, cwd=folder),)
        finally:
            if target.has_image("bench-build"):
                target.call("DELETE", "/images/bench-build?force=1")
            target.prune_images()

    return setup


SCENARIOS = (
    Scenario((Row("build, nothing changed, 5 steps", 0.3),), build()),
    Scenario((Row("build --no-cache, 5 steps", 0.9),), build("--no-cache")),
    Scenario((Row("compose ps, 50 services", 0.3),), compose_ps),
    Scenario((Row("compose up -d, 10 services", 0.8), Row("compose down -t 0, 10 services", 0.6)), up_and_down(10)),
    Scenario((Row("compose up -d, counter app until HTTP 200", 0.6),), counter_app),
    Scenario((Row("compose up -d, 50 services", 4.0), Row("compose down -t 0, 50 services", 3.0)), up_and_down(50)),
)
