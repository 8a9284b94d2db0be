"""The counter in a browser: as a Compose app, and as a stack of ten. The tools' own stories are in tests/e2e."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Error, Page

from tests.support.browser import keep
from tests.support.engine import EngineProcess, wait_for
from tests.support.examples import Example
from tests.support.stand_ins import engine_with_stand_ins
from tests.support.swarm import OneNode

NAME = "counter"


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with engine_with_stand_ins("python:alpine", "redis:alpine") as engine:
        yield engine


def visit(page: Page, port: int) -> tuple[int, str]:
    """The count and the container that a visit of the page shows."""
    wait_for("the page", lambda: went(page, f"http://127.0.0.1:{port}/"), 30)
    text = page.locator("body").inner_text()
    found = re.search(r"visited (\d+) times?\.\s+Answered by container ([0-9a-f]{12})\.", text)
    assert found, text
    return int(found[1]), found[2]


def went(page: Page, url: str) -> bool:
    """Whether a server answers; a container that has just been started does not listen yet."""
    try:
        return page.goto(url) is not None
    except Error:
        return False


def test_the_app_counts(engine: EngineProcess, page: Page, tmp_path: Path) -> None:
    counter = Example(engine, NAME, tmp_path)
    counter.start()
    try:
        own = counter.ids()["web-fe-1"][:12]
        visits = [visit(page, counter.port("web-fe", 5000)) for _ in range(3)]
        counts = [count for count, _ in visits]
        assert counts == sorted(set(counts)), "a browser may ask twice where a connection breaks off"
        assert {container for _, container in visits} == {own}
    finally:
        counter.down()


def test_ten_count_as_one(engine: EngineProcess, page: Page, tmp_path: Path) -> None:
    cluster = OneNode(engine)
    cluster.init()
    counter = Example(engine, NAME, tmp_path, files=("docker-stack.yml",))
    try:
        counter.deploy(NAME, "--detach=false")
        tasks = running(engine, "counter_web-fe")
        assert len(tasks) == 10
        port = counter.port("web-fe", 5000)
        visits = [visit(page, port) for _ in range(20)]
        counts, answered = [count for count, _ in visits], {container for _, container in visits}
        assert counts == sorted(set(counts)), "one count for all of them"
        assert len(answered) > 1 and answered <= tasks
        keep(page, NAME, "page")

        gone = answered.pop()
        engine.shoal("rm", "-f", gone)
        wait_for("ten again", lambda: len(now := running(engine, "counter_web-fe")) == 10 and gone not in now, 60)
        count, other = visit(page, port)
        assert count > counts[-1] and other != gone
    finally:
        engine.shoal("stack", "rm", "--detach=false", NAME)
        cluster.leave()


def running(engine: EngineProcess, service: str) -> set[str]:
    """Short ids of the running containers of a service."""
    filters = json.dumps({"label": [f"com.docker.swarm.service.name={service}"], "status": ["running"]})
    return {found["Id"][:12] for found in engine.call("GET", f"/containers/json?filters={quote(filters)}")[1]}
