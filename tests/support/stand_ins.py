"""The stand-ins that stories run on, made once on a machine and kept as an archive that loads in seconds."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import shoal.stand_ins
from tests.support.engine import EngineProcess

IMAGES = ("python:alpine", "redis:alpine", "nginx:latest", "busybox:latest")
#: nothing answers there: images are made, whatever registry this machine could reach
_NO_REGISTRY = ("--registry-mirror", "http://127.0.0.1:9")
_MAKE_TIMEOUT_S = 900
_CACHE = Path(__file__).parents[2] / ".cache"


def stand_in_archive() -> Path:
    """An archive of IMAGES; the first call on a machine makes it, which takes a minute or two.

    It is made anew when a recipe, or what carries recipes out, has changed. Skips the test where none can be made.
    """
    _CACHE.mkdir(exist_ok=True)
    archive = _CACHE / f"stand-ins-{_recipes_digest()}.tar"
    with (_CACHE / "stand-ins.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            _make(archive)
    return archive


def _make(archive: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        pytest.skip("stand-ins need the package mmdebstrap")
    fresh = archive.with_suffix(".new")
    with EngineProcess(*_NO_REGISTRY) as engine:
        engine.shoal("image", "stand-in", *IMAGES, timeout_s=_MAKE_TIMEOUT_S)
        engine.shoal("save", "-o", str(fresh), *IMAGES)
    for old in archive.parent.glob("stand-ins-*.tar"):
        old.unlink()
    fresh.rename(archive)


def _recipes_digest() -> str:
    digest = hashlib.sha256(" ".join(IMAGES).encode())
    package = Path(shoal.stand_ins.__file__).parents[1]
    recipes = [path for path in (package / "stand_ins").rglob("*") if "__pycache__" not in path.parts]
    code = [package / name for name in ("engine/stand_ins.py", "engine/images/making.py", "drivers/bootstrap.py")]
    for path in sorted([*recipes, *code]):
        if path.is_file():
            digest.update(f"{path.relative_to(package)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@contextlib.contextmanager
def engine_with_stand_ins() -> Iterator[EngineProcess]:
    """A started engine that has IMAGES."""
    if os.geteuid() != 0:
        pytest.skip("needs root: real namespaces, mounts and networks")
    archive = stand_in_archive()
    with EngineProcess(*_NO_REGISTRY) as engine:
        engine.shoal("load", "--quiet", "-i", str(archive))
        yield engine
