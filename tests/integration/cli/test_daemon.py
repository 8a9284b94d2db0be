"""`shoal daemon`, without an engine and with one of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="shd", dir="/tmp"))
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
    started = daemon(place, "start").stdout
    socket = place / "run" / "shoal.sock"
    assert f"listening at unix://{socket}" in started
    assert "already running" in daemon(place, "start").stdout
    status = daemon(place, "status")
    assert "is running (pid " in status.stdout
    listed = subprocess.run(
        [sys.executable, "-m", "shoal.cli", "-H", f"unix://{socket}", "ps", "-q"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout == ""
    assert daemon(place, "stop").stdout == "shoald has stopped; containers run on\n"
    assert not socket.exists()
    assert daemon(place, "stop").stdout == "shoald is not running\n"
    assert (place / "root" / "shoald.log").stat().st_size > 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the engine does")
def test_an_engine_that_cannot_start_says_why(place: Path) -> None:
    done = daemon(place, "start", "--", "--no-such-option", check=False)
    assert done.returncode == 1
    assert "shoald ended with status" in done.stderr and "--no-such-option" in done.stderr
