"""Beside systemd, which keeps the cgroup tree of a machine that it has booted: pure cgroup v2 alone has this."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.engine import EngineProcess

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0
    or Path("/proc/1/comm").read_text() != "systemd\n"
    or not Path("/sys/fs/cgroup/cgroup.controllers").exists(),
    reason="needs root, systemd and pure cgroup v2",
)
LIMITS = ("-m", "64m", "--cpus", "0.5", "--cpuset-cpus", "0", "--pids-limit", "20", "--blkio-weight", "500")
SHOW = "cd /sys/fs/cgroup; cat memory.max cpu.max cpuset.cpus pids.max io.weight"
WANTED = [str(64 << 20), "50000", "100000", "0", "20", "default", "4950"]


def test_systemd_leaves_limits_alone(engine: EngineProcess) -> None:
    """It takes back the controllers that no unit of its own needs, but none that is given on below the engine's."""
    engine.shoal("run", "-d", "--name", "box", *LIMITS, "busybox", "sleep", "1000")
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    subprocess.run(["systemd-run", "--wait", "--quiet", "true"], check=True)
    assert engine.shoal("exec", "box", "sh", "-c", SHOW).stdout.split() == WANTED
    assert engine.shoal("run", "--rm", *LIMITS, "busybox", "sh", "-c", SHOW).stdout.split() == WANTED
