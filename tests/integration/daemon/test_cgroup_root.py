"""An engine in a container of its own, as far as cgroups go: pure cgroup v2 alone has this."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import READY_S, EngineProcess, wait_for
from tests.support.images import busybox_archive

_TOP = Path("/sys/fs/cgroup")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not (_TOP / "cgroup.controllers").exists(), reason="needs root and pure cgroup v2"
)


class ContainedEngine(EngineProcess):
    """An engine that takes the cgroup it was started in for the root of the tree."""

    @property
    def cgroup(self) -> Path:
        """That cgroup, as the host sees it."""
        return _TOP / f"contained-{self.tag}"

    def start(self) -> "ContainedEngine":
        """Start it where a container runtime would have put it."""
        (_TOP / "cgroup.subtree_control").write_text("+cpu +memory +pids")
        self.cgroup.mkdir(exist_ok=True)
        engine = [sys.executable, "-m", self.module, "--root", str(self.root), "--run", str(self.run)]
        inside = f"umount -l {_TOP}; mount -t cgroup2 none {_TOP}; exec {shlex.join(engine)}"
        script = f"echo $$ >{self.cgroup}/cgroup.procs; exec unshare --cgroup --mount sh -c {shlex.quote(inside)}"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(["sh", "-c", script], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_for("shoald answers", self._answers, READY_S)
        return self


@pytest.fixture
def contained() -> Iterator[ContainedEngine]:
    engine = ContainedEngine()
    try:
        with engine:
            yield engine
    finally:
        for folder in (engine.cgroup / "init", engine.cgroup):
            wait_for(f"{folder} is empty", lambda folder=folder: not (folder / "cgroup.procs").read_text())
            folder.rmdir()


def test_limits_hold_below_a_cgroup_that_the_engine_was_started_in(contained: ContainedEngine) -> None:
    assert contained.process is not None
    archive = contained.base / "busybox.tar"
    busybox_archive(archive)
    contained.load(archive)
    script = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max"
    limits = ("-m", "64m", "--pids-limit", "20", "--cpus", "0.5")
    done = contained.shoal("run", "--rm", *limits, "busybox", "sh", "-c", script)
    assert done.stdout.split() == [str(64 << 20), "20", "50000", "100000"]
    engines = Path(f"/proc/{contained.process.pid}/cgroup").read_text()
    assert engines == f"0::/{contained.cgroup.name}/init\n"
