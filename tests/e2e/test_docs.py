"""What the documentation tells people to type must work as it stands there."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.counter import Counter
from tests.support.engine import EngineProcess
from tests.support.ports import free_port
from tests.support.stand_ins import engine_with_stand_ins

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with engine_with_stand_ins() as engine:
        yield engine


@pytest.fixture(autouse=True)
def _clean(engine: EngineProcess) -> Iterator[None]:
    yield
    engine.remove_everything()


def block(page: str, start: str) -> str:
    """The one block of a page that begins with `start`."""
    found = [text for text in _BLOCK.findall((DOCS / page).read_text()) if text.startswith(start)]
    assert len(found) == 1, f"{page}: {len(found)} blocks begin with {start!r}"
    return str(found[0])


def type_in(engine: EngineProcess, text: str, folder: Path) -> str:
    """What a shell prints that is given the block; the first command that fails ends it."""
    path = f"{Path(sys.executable).parent}:{engine.env['PATH']}"
    done = subprocess.run(
        ["bash", "-exc", text],
        input="y\n",  # to the question of a prune
        cwd=folder,
        env={**engine.env, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_quick_start_runs_something(engine: EngineProcess, tmp_path: Path) -> None:
    text = block("quick-start.md", "shoal run").replace("8080", str(free_port()))
    # nginx needs a moment, a reader takes one
    text = text.replace("curl ", "curl -sS --retry 20 --retry-delay 1 --retry-all-errors ")
    said = type_in(engine, text, tmp_path)
    assert said.startswith("hello\n")
    assert "Welcome to nginx!" in said
    assert '"GET / HTTP/1.1" 200' in said


def test_quick_start_brings_an_app_up(engine: EngineProcess, tmp_path: Path) -> None:
    app = Counter(engine, tmp_path / "examples")
    text = block("quick-start.md", "cd examples/counter").replace("5000", str(app.port))
    text = text.replace("curl ", "curl -sS --retry 20 --retry-delay 1 --retry-all-errors ")
    said = type_in(engine, text, tmp_path)
    assert "This page was visited 1 time." in said
    assert "counter-web-fe-1" in said
    assert app.containers() == []


def test_volumes(engine: EngineProcess, tmp_path: Path) -> None:
    said = type_in(engine, block("volumes.md", "shoal volume create data"), tmp_path)
    assert "localhost" in said and "/scratch" in said
    more = block("volumes.md", "shoal volume create --opt type=nfs").replace("/srv/data", str(tmp_path))
    assert type_in(engine, more, tmp_path).split() == ["shared", "scratch", "bound"]
    (tmp_path / "file").write_text("from the host")
    assert engine.shoal("run", "--rm", "-v", "bound:/b", "busybox", "cat", "/b/file").stdout == "from the host"
