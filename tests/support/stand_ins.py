"""The stand-ins that stories run on, made once on a machine and kept as archives that load in seconds."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import shoal.stand_ins
from shoal.stand_ins import require_recipe
from tests.support.engine import EngineProcess

#: one archive, which most stories run on, and which other stand-ins are made from
IMAGES = ("python:alpine", "redis:alpine", "nginx:latest", "busybox:latest")
#: nothing answers there: images are made, whatever registry this machine could reach
_NO_REGISTRY = ("--registry-mirror", "http://127.0.0.1:9", "--stand-ins")
#: small ones: many engines that are tested at once leave no large subnet free
_POOLS = ("--address-pool", "10.199.0.0/16:24")
_MAKE_TIMEOUT_S = 1800
_CACHE = Path(__file__).parents[2] / ".cache"
_PACKAGE = Path(shoal.stand_ins.__file__).parent
_CODE = ("engine/stand_ins.py", "engine/images/making.py", "drivers/bootstrap.py")
_FROM = re.compile(r"^(?:FROM|COPY --from=)\s*([a-z0-9][a-z0-9./:_-]*)", re.MULTILINE)


def stand_in_archive() -> Path:
    """An archive of IMAGES and their base; the first call on a machine makes it, which takes a minute or two.

    It is made anew when a recipe, or what carries recipes out, has changed. Skips the test where none can be made.
    """
    return _archive("stand-ins", ("debian:bookworm-slim", *IMAGES))


def stand_in_archives(*names: str) -> list[Path]:
    """Archives that together hold these stand-ins, each made when it is first asked for on this machine."""
    others = [name for name in names if name not in IMAGES]
    common = [stand_in_archive()] if len(others) < len(names) else []
    return [*common, *(_archive(f"stand-in-{re.sub(r'[^a-z0-9.]+', '-', name)}", (name,)) for name in others)]


def _archive(stem: str, names: tuple[str, ...]) -> Path:
    _CACHE.mkdir(exist_ok=True)
    archive = _CACHE / f"{stem}-{_digest(names)}.tar"
    with (_CACHE / f"{stem}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            _make(archive, stem, names)
    return archive


def _make(archive: Path, stem: str, names: tuple[str, ...]) -> None:
    if shutil.which("mmdebstrap") is None:
        pytest.skip("stand-ins need the package mmdebstrap")
    fresh = archive.with_suffix(".new")
    with EngineProcess(*_NO_REGISTRY, *_POOLS) as engine:
        if names[1:] != IMAGES:
            engine.shoal("load", "--quiet", "-i", str(stand_in_archive()))
        engine.shoal("image", "stand-in", *names, timeout_s=_MAKE_TIMEOUT_S)
        engine.shoal("save", "-o", str(fresh), *names)
    for old in archive.parent.glob(f"{stem}-{'?' * 12}.tar"):
        old.unlink()
    fresh.rename(archive)


def _digest(names: tuple[str, ...]) -> str:
    digest = hashlib.sha256(" ".join(names).encode())
    for path in (_PACKAGE.parent / name for name in _CODE):
        digest.update(path.read_bytes())
    for folder in sorted({folder for name in names for folder in _folders(name)}):
        for path in sorted((_PACKAGE / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(_PACKAGE)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _folders(name: str) -> set[str]:
    """Of the recipe of this image, and of those that it begins with."""
    recipe = require_recipe(name).name
    text = (_PACKAGE / recipe / "Dockerfile").read_text() if recipe != "debian" else ""
    bases = {base for base in _FROM.findall(text) if shoal.stand_ins.find_recipe(base) and base != name}
    return {"shared", recipe}.union(*(_folders(base) for base in bases))


@contextlib.contextmanager
def engine_with_stand_ins(*names: str, flags: tuple[str, ...] = ()) -> Iterator[EngineProcess]:
    """A started engine that has these stand-ins, IMAGES where none is named. No registry answers it.

    flags: further ones of shoald
    """
    if os.geteuid() != 0:
        pytest.skip("needs root: real namespaces, mounts and networks")
    archives = stand_in_archives(*(names or IMAGES))
    with EngineProcess(*_NO_REGISTRY[:2], *flags) as engine:
        for archive in archives:
            engine.shoal("load", "--quiet", "-i", str(archive))
        yield engine
