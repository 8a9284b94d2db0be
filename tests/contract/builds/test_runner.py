"""RUN steps by a real crun: output, status, being killed, and what a dead engine leaves."""

import asyncio
import json
import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.drivers.builds.runner import CrunSteps
from shoal.drivers.mount import unmount
from shoal.drivers.runtime.crun import Crun
from shoal.errors import InvalidArgument
from tests.support.engine import wait_for
from tests.support.runtime import busybox_rootfs, enter_private_mount_namespace, oci_spec

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: runs containers")


class Steps:
    """A runner, a root file system, and what came out."""

    def __init__(self, base: Path) -> None:
        enter_private_mount_namespace()
        self.base = base
        self.rootfs = busybox_rootfs(base / "rootfs")
        self.runner = CrunSteps(base / "run")
        self.output = b""
        self.id = uuid.uuid4().hex
        self.cgroup = f"/shoaltest/{self.id}"

    def _take(self, piece: bytes) -> None:
        self.output += piece

    async def run(self, *args: str) -> int:
        return await self.runner.run(self.id, oci_spec(self.rootfs, self.cgroup, *args), self._take)

    def processes(self) -> list[str]:
        return [line for line in _processes() if self.id in line]

    def left(self) -> list[str]:
        folders = [path.name for name in ("steps", "crun") for path in (self.base / "run" / name).iterdir()]
        return (
            folders
            + self.processes()
            + [str(path) for depth in ("", "*/") for path in Path("/sys/fs/cgroup").glob(f"{depth}shoaltest/{self.id}")]
        )


def _processes() -> list[str]:
    return subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture
def steps(tmp_path: Path) -> Iterator[Steps]:
    steps = Steps(tmp_path)
    yield steps
    assert steps.left() == []
    unmount(str(tmp_path / "run"))


async def test_output_of_both_streams_and_the_status(steps: Steps):
    await steps.runner.open()
    assert await steps.run("sh", "-c", "echo out; echo err >&2; exit 3") == 3
    assert steps.output == b"out\nerr\n"


async def test_output_comes_as_it_is_made(steps: Steps):
    await steps.runner.open()
    running = asyncio.create_task(steps.run("sh", "-c", "echo now; sleep 100"))
    while steps.output != b"now\n":
        assert not running.done()
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_much_output_is_whole(steps: Steps):
    await steps.runner.open()
    assert await steps.run("sh", "-c", "seq 100000") == 0
    assert steps.output.split() == [b"%d" % number for number in range(1, 100_001)]


async def test_a_signal_is_a_status(steps: Steps):
    await steps.runner.open()
    assert await steps.run("sh", "-c", "kill -9 $$; sleep 1") in (137, 0)


@pytest.mark.parametrize(
    ("program", "wanted"),
    [("nope", "executable file not found in $PATH"), ("/etc/passwd", "permission denied")],
)
async def test_a_program_that_can_not_be_run(steps: Steps, program: str, wanted: str):
    await steps.runner.open()
    with pytest.raises(InvalidArgument) as caught:
        await steps.run(program)
    assert wanted in caught.value.message


async def test_cancelling_kills_at_once_whenever_it_comes(steps: Steps):
    await steps.runner.open()
    for delay_s in (0, 0.005, 0.02, 0.2):
        running = asyncio.create_task(steps.run("sleep", "1000"))
        await asyncio.sleep(delay_s)
        began = time.monotonic()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert time.monotonic() - began < 5
        assert steps.left() == []


async def test_the_steps_of_a_dead_engine_are_killed_at_the_next_start(steps: Steps):
    await steps.runner.open()
    bundle = steps.base / "run/steps" / steps.id
    bundle.mkdir()
    spec = oci_spec(steps.rootfs, steps.cgroup, "sleep", "1000")
    (bundle / "config.json").write_text(json.dumps(spec))
    crun = Crun("crun", steps.base / "run/crun")
    argv = ["crun", *crun.arguments, "run", "--detach", f"--bundle={bundle}", steps.id]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    await asyncio.to_thread(subprocess.run, argv, check=True, **quiet)
    assert wait_for("it runs", lambda: any("sleep 1000" in line for line in _processes()))
    await CrunSteps(steps.base / "run").open()
