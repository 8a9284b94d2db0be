"""One real engine for the tests of this folder; each test has a project of its own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.apps import App
from tests.support.engine import EngineProcess, engine_with_busybox

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with engine_with_busybox() as started:
        yield started


@pytest.fixture
def app(engine: EngineProcess, tmp_path: Path) -> Iterator[App]:
    made = App(engine, tmp_path, f"p{next(_numbers)}")
    yield made
    if (tmp_path / "compose.yaml").exists():
        made.down()
        assert made.containers() == []
