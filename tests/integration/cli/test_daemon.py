"""`shoal daemon`, without an engine and with one of its own."""

import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.leftovers import new_folder
from tests.support.ports import free_port


@pytest.fixture
def place() -> Iterator[Path]:
    folder = new_folder("shd")
    yield folder
    daemon(folder, "stop", check=False)
    shutil.rmtree(folder, ignore_errors=True)


def daemon(place: Path, verb: str, *more: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    words = [
        sys.executable,
        "-m",
        "shoal.cli",
        "daemon",
        verb,
        "--root",
        str(place / "root"),
        "--run",
        str(place / "run"),
    ]
    return subprocess.run([*words, *more], capture_output=True, text=True, check=check, timeout=60)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the engine does")
def test_start_status_stop(place: Path) -> None:
    assert daemon(place, "status", check=False).returncode == 3
    address = f"tcp://127.0.0.1:{free_port()}"
    started = daemon(place, "start", "--", "--host", address).stdout
    socket = place / "run" / "shoal.sock"
    assert f"listening at unix://{socket}" in started
    assert "already running" in daemon(place, "start").stdout
    status = daemon(place, "status")
    assert "is running (pid " in status.stdout
    for host in (f"unix://{socket}", address):
        words = [sys.executable, "-m", "shoal.cli", "-H", host, "ps", "-q"]
        assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == ""
    assert daemon(place, "stop").stdout == "shoald has stopped\n"
    assert not socket.exists()
    assert daemon(place, "stop").stdout == "shoald is not running\n"
    assert (place / "root" / "shoald.log").stat().st_size > 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the engine does")
def test_an_engine_that_cannot_start_says_why(place: Path) -> None:
    done = daemon(place, "start", "--", "--no-such-option", check=False)
    assert done.returncode == 1
    assert "shoald ended with status" in done.stderr and "--no-such-option" in done.stderr


def test_the_unit_starts_this_installation() -> None:
    words = [sys.executable, "-m", "shoal.cli", "daemon", "unit"]
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    assert unit["Service"]["ExecStart"] == f"{sys.executable} -m shoal.daemon"
    assert unit["Service"]["KillMode"] == "process"  # else a restart of the engine would end the containers
    assert unit["Service"]["Type"] == "notify"
