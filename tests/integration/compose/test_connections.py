"""Requests of one command share connections."""

import subprocess
import sys
from pathlib import Path

from tests.support.fake_docker import FakeDocker, serve


def test_an_up_of_many_services_opens_few_connections(tmp_path: Path) -> None:
    services = "".join(f"  s{number}: {{image: busybox}}\n" for number in range(40))
    (tmp_path / "compose.yaml").write_text(f"name: many\nservices:\n{services}")
    docker = FakeDocker(("busybox",))
    with serve(docker, tmp_path / "docker.sock") as server:
        argv = [sys.executable, "-m", "shoal.cli.main", "-H", f"unix://{tmp_path}/docker.sock", "compose"]
        subprocess.run(
            [*argv, "--parallel", "4", "up", "-d"], cwd=tmp_path, check=True, capture_output=True, timeout=60
        )
        assert len(docker.containers) == 40
        assert len(docker.calls) == 4 + 1 + 40 + 40
        assert server.connections <= 4
