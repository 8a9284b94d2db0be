"""examples/plugins: the one command that starts both and shows them at work."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deadlines import patient
from tests.support.engine import EngineProcess
from tests.support.images import busybox_archive
from tests.support.leftovers import new_folder
from tests.support.plugins import EXAMPLES, shared_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts and network namespaces")


@pytest.fixture
def base() -> Iterator[Path]:
    path = new_folder("pex")
    yield path
    shutil.rmtree(path)


def test_both_plugins_at_work(base: Path) -> None:
    sockets = base / "plugins"
    sockets.mkdir()
    with shared_folder(base / "state") as state:
        with EngineProcess("--plugin-dir", str(sockets), "--address-pool", "10.239.144.0/20:24") as engine:
            busybox_archive(base / "busybox.tar")
            engine.load(base / "busybox.tar")
            path = f"{Path(sys.executable).parent}:{engine.env['PATH']}"
            chosen = {"PLUGINS": str(sockets), "STATE": str(state), "SUBNET": "10.239.5.0/24", "PATH": path}
            try:
                done = subprocess.run(
                    [EXAMPLES / "start.sh"],
                    cwd=EXAMPLES,
                    env={**engine.env, **chosen},
                    capture_output=True,
                    text=True,
                    timeout=patient(60),
                    check=False,
                )
            finally:
                for pid in sockets.glob("*.pid"):
                    os.kill(int(pid.read_text()), signal.SIGTERM)
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"Volume":["boxes","local"]' in done.stdout and '"wires"' in done.stdout
        assert "/dev/loop" in done.stdout and "1 packets received" in done.stdout
        assert "default via 169.254.1.1" in done.stdout
        assert list((state / "boxes").iterdir()) == []
