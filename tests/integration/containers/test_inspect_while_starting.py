"""Looks at a container in the middle of its start."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.engine import engine_with_busybox, wait_for

CGROUPS = Path("/sys/fs/cgroup")


def test_who_sees_the_cgroup_of_a_container_is_told_that_it_runs() -> None:
    """As cAdvisor asks; dockerd too answers once the start has ended."""
    with engine_with_busybox() as engine:
        for _ in range(3):
            made = engine.shoal("create", "busybox", "sleep", "1000").stdout.strip()
            start = [sys.executable, "-m", "shoal.cli.main", "start", made]
            starting = subprocess.Popen(start, env=engine.env, stdout=subprocess.DEVNULL)
            wait_for("its cgroup", lambda made=made: [*CGROUPS.glob(f"*/*/{made}"), *CGROUPS.glob(f"*/{made}")])
            status, found = engine.call("GET", f"/containers/{made}/json")
            assert status == 200 and found["State"]["Running"], json.dumps(found["State"])
            assert starting.wait(30) == 0
            engine.shoal("rm", "-f", made)
