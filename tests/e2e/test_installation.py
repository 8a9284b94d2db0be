"""Shoal as a user installs it: `pip install .` into a fresh environment, not this checkout."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import wait_for

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the engine does")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A short folder: the path of a UNIX socket ends at 108 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="shi", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def programs(place: Path) -> Path:
    """The folder with `shoal` and `shoald`, installed from a copy: pip leaves a build folder where it builds."""
    source = place / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source / name)
    subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True, timeout=120)
    pip = [str(place / "venv/bin/pip"), "install", "--quiet", "--disable-pip-version-check", str(source)]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(source)
    return place / "venv" / "bin"


def run(place: Path, program: Path, *args: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
    settings = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SHOAL", "DOCKER"))}
    done = subprocess.run(
        [str(program), *args],
        cwd=place,
        env={**settings, "SHOAL_HOST": f"unix://{place}/run/shoal.sock", **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not check or done.returncode == 0, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def test_everything_that_belongs_to_the_package_is_there(place: Path, programs: Path) -> None:
    where = run(place, programs / "python", "-c", "import shoal; print(shoal.__path__[0])").stdout.strip()
    assert where.startswith(str(place)), "this checkout was imported"
    source = ROOT / "src" / "shoal"
    wanted = [path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    missing = [path for path in wanted if not (Path(where) / path.relative_to(source)).is_file()]
    assert len(wanted) > 100 and not missing


def test_an_engine_runs_containers(place: Path, programs: Path) -> None:
    """Needs what is no module: the seccomp profile, the recipe of busybox."""
    shoal = programs / "shoal"
    places = ("--root", str(place / "root"), "--run", str(place / "run"))
    run(place, shoal, "daemon", "start", *places)
    try:
        assert "is running" in run(place, shoal, "daemon", "status", *places).stdout
        run(place, shoal, "image", "stand-in", "busybox")
        read = ("run", "--rm", "--network", "none", "busybox", "grep", "Seccomp:", "/proc/self/status")
        assert run(place, shoal, *read).stdout.split() == ["Seccomp:", "2"]
        run(place, shoal, "run", "-d", "--name", "one", "--network", "none", "busybox", "sleep", "600")
        assert run(place, shoal, "daemon", "stop", *places).stdout == "shoald has stopped; 1 container runs on\n"
        run(place, shoal, "daemon", "start", *places)
        assert run(place, shoal, "ps", "--format", "{{.Names}}").stdout == "one\n"
        run(place, shoal, "rm", "-f", "one")
    finally:
        run(place, shoal, "daemon", "stop", *places)


def test_the_unit_is_right_and_starts_this_installation(place: Path, programs: Path) -> None:
    unit = place / "shoal.service"
    unit.write_text(run(place, programs / "shoal", "daemon", "unit").stdout)
    command = next(line for line in unit.read_text().splitlines() if line.startswith("ExecStart="))
    started = command.removeprefix("ExecStart=").split()
    assert started[0].startswith(str(programs))
    assert run(place, Path(started[0]), *started[1:], "--version").stdout.startswith("shoald ")
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: the unit's syntax was not checked")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_is_told_when_the_engine_is_ready(place: Path, programs: Path) -> None:
    """The unit says Type=notify: without the message the start would time out."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(place / "notify"))
        notified.settimeout(30)
        command = [programs / "shoald", "--root", place / "root", "--run", place / "run"]
        env = {**os.environ, "NOTIFY_SOCKET": str(place / "notify")}
        log = place / "shoald.log"
        with log.open("wb") as output:
            engine = subprocess.Popen(command, env=env, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            assert b"READY=1" in notified.recv(4096), log.read_text()
            assert run(place, programs / "shoal", "ps", "-q").stdout == ""  # ready means: it answers
        finally:
            engine.terminate()
            assert engine.wait(30) == 0
        wait_for("what belonged to the engine is gone", lambda: not (place / "run" / "shoal.sock").exists())


def test_doctor_names_what_is_missing_and_the_command_that_installs_it(place: Path, programs: Path) -> None:
    tools = place / "tools"
    tools.mkdir()
    (tools / "apt-get").symlink_to("/bin/true")
    bare = run(place, programs / "shoal", "doctor", check=False, PATH=str(tools))
    assert bare.returncode == 1
    lines = bare.stdout.splitlines()
    for name in ("crun", "conmon"):
        assert any(line.startswith("MISSING") and f" {name} " in line for line in lines), bare.stdout
    assert "  apt-get install -y crun conmon mmdebstrap" in lines
    assert lines[-1] == "2 essential things are missing: the engine can't run here yet."
    whole = run(place, programs / "shoal", "doctor")
    assert whole.stdout.splitlines()[-1].startswith("The engine can run here")


def test_an_engine_without_its_parts_says_what_to_install(place: Path, programs: Path) -> None:
    empty = place / "empty"
    empty.mkdir()
    places = ("--root", str(place / "root2"), "--run", str(place / "run"))
    done = run(place, programs / "shoal", "daemon", "start", *places, check=False, PATH=str(empty))
    assert done.returncode == 1
    assert "missing on this host: crun, conmon" in done.stderr and "apt-get install -y crun conmon" in done.stderr
    assert "Traceback" not in done.stderr
