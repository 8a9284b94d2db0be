"""Where /metrics is served beside the API."""

import re
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.support.engine import EngineProcess, engine_with_busybox
from tests.support.ports import free_port

POOL = ("--address-pool", "10.79.0.0/16:24")


def test_containers_reach_the_host_gateway_from_the_first_one_on() -> None:
    port = free_port()
    with engine_with_busybox("--metrics-addr", f"host-gateway:{port}", *POOL) as engine:
        engine.shoal("network", "create", "other")
        url = f"http://host.docker.internal:{port}"
        for network in ("bridge", "other"):
            asked = ("--network", network, "--add-host", "host.docker.internal:host-gateway", "busybox")
            # It may ask before the engine has noted that it runs.
            shown = "wget -q -O /page $0 && grep -q '^shoal_container_state.*running.* 1$' /page"
            script = f"until {shown}; do :; done; cat /page"
            page = engine.shoal("run", "--rm", *asked, "sh", "-c", script, f"{url}/metrics").stdout
            assert re.search(
                r'shoal_container_state\{id="[0-9a-f]{12}",name="\w+",image="busybox",state="running"\} 1', page
            )
            refused = engine.shoal("run", *asked, "wget", "-q", "-O", "-", f"{url}/info", check=False)
            assert refused.returncode != 0 and "404" in refused.stderr


def test_what_has_happened_is_counted(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN exit 3\n")
    port = free_port()
    with engine_with_busybox("--metrics-addr", f"127.0.0.1:{port}", *POOL) as engine:
        assert engine.shoal("build", str(tmp_path), check=False).returncode != 0
        (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN true\n")
        engine.shoal("build", str(tmp_path))
        engine.shoal("run", "--name", "gone", "busybox", "sh", "-c", "exit 7", check=False)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
    for line in (
        'shoal_builds_total{result="failed"} 1',
        'shoal_builds_total{result="succeeded"} 1',
        'shoal_events_total{type="container",action="die"} 1',
        'shoal_containers{state="stopped"} 1',
    ):
        assert line in lines
    assert any(line.startswith("shoal_container_exit_code{") and line.endswith('image="busybox"} 7') for line in lines)
    resident = next(float(line.split()[1]) for line in lines if line.startswith("process_resident_memory_bytes "))
    assert 10e6 < resident < 1e9


def test_an_address_that_another_program_has_is_told() -> None:
    port = free_port()
    with EngineProcess("--metrics-addr", f"127.0.0.1:{port}", *POOL) as engine:
        other = engine.base / "other"
        argv = [sys.executable, "-m", "shoal.daemon", "--root", str(other), "--run", str(other / "run")]
        argv += ["--metrics-addr", f"127.0.0.1:{port}"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert f'cannot listen on "127.0.0.1:{port}": ' in done.stderr and "in use" in done.stderr
