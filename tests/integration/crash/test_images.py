"""`kill -9` of the engine at each step of pull, push, load, import, commit and rmi."""

import asyncio
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crashing import CrashingEngine
from tests.support.images import BUSYBOX, entry, image_archive, tar_of
from tests.support.registry import RegistryProcess
from tests.support.traces import traces, wait_until_as

BASE = tar_of(
    entry("bin", type=tarfile.DIRTYPE),
    entry("bin/busybox", Path(BUSYBOX).read_bytes(), mode=0o755),
    *(entry(f"bin/{name}", type=tarfile.SYMTYPE, linkname="busybox") for name in ("sh", "cat", "wc", "echo")),
)
LAYERS = [BASE, tar_of(entry("one", b"1")), tar_of(entry("d/two", b"2"), entry("noise", os.urandom(3000)))]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    running = RegistryProcess(tmp_path_factory.mktemp("registry"))
    with asyncio.Runner() as runner:
        runner.run(running.__aenter__())
        yield running
        runner.run(running.__aexit__())


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path: Path = tmp_path_factory.mktemp("archive") / "app.tar"
    image_archive(path, "app:1", LAYERS)
    return path.read_bytes()


def tags(engine: CrashingEngine) -> set[str]:
    return {tag for image in engine.call("GET", "/images/json?all=1")[1] for tag in image["RepoTags"] or ["<none>"]}


def whole(engine: CrashingEngine, name: str) -> bool:
    """Whether the image is there; if so, all of it must be."""
    if name not in tags(engine):
        return False
    script = "cat /one /d/two; wc -c </noise"
    assert engine.docker("run", "--rm", "--network=none", name, "sh", "-c", script).stdout.strip() == "123000"
    return True


def pulled(engine: CrashingEngine, name: str) -> None:
    status, answer = engine.call("POST", f"/images/create?fromImage={name.removesuffix(':1')}&tag=1")
    assert status == 200 and b"errorDetail" not in bytes(str(answer), "utf8"), answer


@pytest.mark.parametrize(("steps", "stride"), [("calls", 1), ("effects", 13)])
def test_pull(crashing: CrashingEngine, registry: RegistryProcess, archive: bytes, steps: str, stride: int) -> None:
    name = f"{registry.host}/app:1"
    crashing.call("POST", "/images/load?quiet=1", archive)
    crashing.docker("tag", "app:1", name)
    crashing.docker("push", name)
    crashing.docker("rmi", name, "app:1")
    before = traces(crashing)
    path = f"/images/create?fromImage={registry.host}/app&tag=1"
    deaths = []
    for step in crashing.each_step(
        lambda: crashing.attempt("POST", path), steps=steps, stride=stride, twice=steps == "effects"
    ):
        deaths.append(step)
        assert tags(crashing) <= {"busybox:latest", name}
        whole(crashing, name)
        pulled(crashing, name)
        assert whole(crashing, name)
        crashing.docker("rmi", name)
        wait_until_as(crashing, before)
    assert len(deaths) > 5
    if steps == "calls":
        assert {"blobs.receive", "store.commit", ""} <= set(deaths)


def test_push(crashing: CrashingEngine, registry: RegistryProcess, archive: bytes) -> None:
    """An image that is pushed while the engine dies is as good as before, and the next push goes through."""
    name = f"{registry.host}/pushed:1"
    before = traces(crashing)
    crashing.call("POST", "/images/load?quiet=1", archive)
    crashing.docker("tag", "app:1", name)
    path = f"/images/{registry.host}/pushed/push?tag=1"
    for _ in crashing.each_step(lambda: crashing.attempt("POST", path, **{"X-Registry-Auth": "e30="})):
        assert whole(crashing, name)
    crashing.docker("push", name)
    crashing.docker("rmi", name, "app:1")
    pulled(crashing, name)
    assert whole(crashing, name)
    crashing.docker("rmi", name)
    wait_until_as(crashing, before)


@pytest.mark.parametrize(("steps", "stride"), [("calls", 2), ("effects", 17)])
def test_load(crashing: CrashingEngine, archive: bytes, steps: str, stride: int) -> None:
    before = traces(crashing)
    deaths = []
    for step in crashing.each_step(
        lambda: crashing.attempt("POST", "/images/load?quiet=1", archive), steps=steps, stride=stride
    ):
        deaths.append(step)
        assert tags(crashing) <= {"busybox:latest", "app:1"}
        whole(crashing, "app:1")
        assert crashing.call("POST", "/images/load?quiet=1", archive)[0] == 200
        assert whole(crashing, "app:1")
        crashing.docker("rmi", "app:1")
        wait_until_as(crashing, before)
    assert len(deaths) > 5


@pytest.mark.parametrize("steps", ["calls", "effects"])
def test_remove(crashing: CrashingEngine, archive: bytes, steps: str) -> None:
    before = traces(crashing)
    assert crashing.call("POST", "/images/load?quiet=1", archive)[0] == 200
    deaths = []
    for step in crashing.each_step(
        lambda: crashing.attempt("DELETE", "/images/app:1"), steps=steps, stride=2 if steps == "calls" else 9
    ):
        deaths.append(step)
        if whole(crashing, "app:1"):
            crashing.docker("rmi", "app:1")
        crashing.call("POST", "/images/prune")
        wait_until_as(crashing, before)
        assert crashing.call("POST", "/images/load?quiet=1", archive)[0] == 200
    assert whole(crashing, "app:1") and len(deaths) > 3
    crashing.docker("rmi", "app:1")


def test_commit_and_import(crashing: CrashingEngine, archive: bytes) -> None:
    before = traces(crashing)
    crashing.docker("run", "--name", "box", "--network=none", "busybox", "sh", "-c", "echo new >/made")
    with_container = traces(crashing)
    path = "/commit?container=box&repo=made&tag=1"
    for _ in crashing.each_step(lambda: crashing.attempt("POST", path, {}), stride=3):
        assert tags(crashing) <= {"busybox:latest", "made:1"}
        crashing.docker("commit", "box", "made:1")
        assert crashing.docker("run", "--rm", "--network=none", "made:1", "cat", "/made").stdout == "new\n"
        crashing.docker("rmi", "made:1")
        crashing.docker("image", "prune", "-f")  # the first try may have come through, and lost its name to the second
        wait_until_as(crashing, with_container)
    crashing.docker("rm", "box")
    path = "/images/create?fromSrc=-&repo=made"
    for _ in crashing.each_step(lambda: crashing.attempt("POST", path, LAYERS[0]), stride=2):
        assert tags(crashing) <= {"busybox:latest", "made:latest"}
        assert crashing.call("POST", "/images/create?fromSrc=-&repo=made", LAYERS[0])[0] == 200
        assert crashing.docker("run", "--rm", "--network=none", "made", "echo", "runs").stdout == "runs\n"
        crashing.docker("rmi", "made")
        crashing.docker("image", "prune", "-f")
        wait_until_as(crashing, before)
