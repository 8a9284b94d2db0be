"""What a command loads: the hot path stays free of the slow libraries, so that `shoal ps` stays quick."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_engine import Answer, FakeEngine
from tests.support.fake_swarm import WEB, FakeSwarm, service

#: each costs 5 to 400 ms
SLOW = {
    *("aiohttp", "asyncio", "pyroute2", "yaml", "rich", "msgspec", "uvloop", "dnslib", "zstandard", "isal", "ssl"),
    *("argparse", "dataclasses", "typing", "inspect", "logging", "subprocess", "http.client", "email", "tarfile"),
    *("threading", "concurrent", "datetime", "importlib.metadata", "pathlib", "shutil", "tempfile"),
    *("shoal.engine", "shoal.drivers", "shoal.contracts", "shoal.compose", "shoal.wire"),
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    with FakeEngine(tmp_path) as engine:
        engine.answers["GET /containers/json"] = Answer(body=[])
        engine.answers["POST /containers/create"] = Answer(201, {"Id": "c" * 64, "Warnings": []})
        engine.answers[f"POST /containers/{'c' * 64}/start"] = Answer(204)
        yield engine


def loaded(engine: FakeEngine, *words: str) -> set[str]:
    """Modules that a command imports."""
    env = {**os.environ, "SHOAL_HOST": engine.host}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "shoal.cli", *words],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


@pytest.mark.parametrize(
    "words", [("--help",), ("ps",), ("ps", "-a", "-q"), ("run", "-d", "busybox", "true"), ("run", "--help")]
)
def test_nothing_slow_is_loaded(engine: FakeEngine, words: tuple[str, ...]) -> None:
    modules = loaded(engine, *words)
    roots = {".".join(name.split(".")[:length]) for name in modules for length in (1, 2)}
    assert roots & SLOW == set()


@pytest.mark.parametrize(
    "words",
    [
        ("node", "ls"),
        ("service", "ls"),
        ("service", "ps", "web"),
        ("service", "create", "-d", "--no-resolve-image", "-p", "80:80", "-e", "A=1", "--replicas", "3", "img"),
        ("service", "create", "--no-resolve-image", "--replicas", "0", "img"),
        ("service", "scale", "-d", "web=5"),
        ("secret", "ls"),
        ("swarm", "init"),
    ],
)
def test_nothing_slow_is_loaded_for_a_cluster(tmp_path: Path, words: tuple[str, ...]) -> None:
    with FakeSwarm(tmp_path) as swarm:
        web = service(WEB, "web", {"Replicated": {"Replicas": 0}})
        if "create" in words:
            swarm.answers[f"GET /services/{WEB}"] = Answer(body=web)
            swarm.answers["GET /tasks"] = Answer(body=[])
        modules = loaded(swarm, *words)
    roots = {".".join(name.split(".")[:length]) for name in modules for length in (1, 2)}
    assert roots & SLOW == set()


def test_help_does_not_even_load_the_client(engine: FakeEngine) -> None:
    modules = loaded(engine, "--help")
    assert not {"socket", "json", "re"} & modules
    assert engine.asked == []


def test_run_d_is_two_requests(engine: FakeEngine) -> None:
    loaded(engine, "run", "-d", "busybox", "true")
    assert engine.asked_lines() == ["POST /containers/create", f"POST /containers/{'c' * 64}/start"]
