"""Networks of the plugin of examples/plugins/wires, seen by the docker CLI."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.engine import EngineProcess, wait_for
from tests.support.images import busybox_archive
from tests.support.leftovers import new_folder
from tests.support.plugins import PluginProcess

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces")
SUBNET = "10.239.77.0/24"
POOL = "10.239.96.0/20:24"  #: others on this machine use up the default ones


@dataclass
class Setup:
    engine: EngineProcess
    wires: PluginProcess
    root: Path

    def docker(self, *args: str) -> str:
        return self.engine.docker(*args).stdout.strip()

    def start(self, name: str, *args: str) -> str:
        return self.docker("run", "-d", "--name", name, *args, "busybox", "sleep", "600")

    def reaches(self, who: str, whom: str) -> bool:
        return "1 packets received" in self.engine.docker("exec", who, "ping", "-c1", "-W2", whom, check=False).stdout

    def endpoints(self) -> list[str]:
        """Addresses of the lines that the plugin knows."""
        state = json.loads((self.root / "state.json").read_text())
        return sorted(endpoint["address"] for endpoint in state["endpoints"].values())


@pytest.fixture(scope="module")
def everything() -> Iterator[Setup]:
    base = new_folder("wir")
    (base / "plugins").mkdir()
    plugin = PluginProcess("wires", base / "plugins", "--root", str(base / "state"))
    with plugin, EngineProcess("--plugin-dir", str(base / "plugins"), "--address-pool", POOL) as engine:
        busybox_archive(base / "busybox.tar")
        engine.load(base / "busybox.tar")
        yield Setup(engine, plugin, base / "state")
    shutil.rmtree(base)


@pytest.fixture
def setup(everything: Setup) -> Iterator[Setup]:
    """The plugin runs and has one network, `lines`."""
    everything.docker("network", "create", "-d", "wires", "--subnet", SUBNET, "-o", "mtu=1300", "lines")
    yield everything
    everything.wires.end(signal.SIGKILL)
    everything.wires.start()
    everything.engine.remove_everything()
    assert everything.endpoints() == []


def test_containers_reach_each_other_over_the_host_by_name(setup: Setup) -> None:
    assert "wires" in setup.docker("info", "--format", "{{.Plugins.Network}}")
    setup.start("one", "--network", "lines")
    setup.start("two", "--network", "lines")
    assert setup.reaches("one", "two") and setup.reaches("two", "one")
    text = setup.docker("exec", "one", "ip", "addr", "show", "eth0")
    assert "mtu 1300" in text and "10.239.77.2/24" in text
    assert "default via 169.254.1.1 dev eth0" in setup.docker("exec", "one", "ip", "route")
    told = json.loads(setup.docker("network", "inspect", "lines"))[0]
    assert (told["Driver"], told["Scope"], told["Options"]) == ("wires", "local", {"mtu": "1300"})
    assert {c["Name"] for c in told["Containers"].values()} == {"one", "two"}
    setup.docker("rm", "-f", "one", "two")
    assert setup.endpoints() == []


def test_beside_a_bridge_and_while_it_runs(setup: Setup) -> None:
    setup.start("one", "--network", "lines")
    setup.start("two", "--network", "bridge")
    setup.docker("network", "connect", "lines", "two")
    assert setup.reaches("two", "one")
    assert "eth0" in setup.docker("exec", "two", "ip", "route", "show", "default"), "bridge comes first by its name"
    setup.docker("network", "disconnect", "bridge", "two")
    assert "169.254.1.1" in setup.docker("exec", "two", "ip", "route", "show", "default")
    setup.docker("network", "disconnect", "lines", "two")
    assert not setup.reaches("one", "10.239.77.3") and setup.endpoints() == ["10.239.77.2"]


def test_lines_outlive_an_engine_and_those_that_ended_meanwhile_are_given_back(setup: Setup) -> None:
    setup.start("one", "--network", "lines")
    ended = setup.start("two", "--network", "lines")
    pid = int(setup.docker("inspect", "--format", "{{.State.Pid}}", ended))
    setup.engine.kill()
    os.kill(pid, signal.SIGKILL)
    setup.engine.start()
    wait_for("the line is given back", lambda: setup.endpoints() == ["10.239.77.2"])
    setup.docker("start", "two")
    assert setup.reaches("one", "two")


def test_a_dead_plugin_is_a_clear_error_and_keeps_nobody_waiting(setup: Setup) -> None:
    engine = setup.engine
    setup.start("one", "--network", "lines")
    setup.wires.end(signal.SIGKILL)
    assert "wires" not in setup.docker("info", "--format", "{{.Plugins.Network}}")
    engine.docker("rm", "-f", "one", timeout_s=15)
    refused = engine.docker("network", "create", "-d", "wires", "more", check=False, timeout_s=30)
    assert "connect: connection refused" in refused.stderr
    setup.wires.start()
    setup.start("one", "--network", "lines")
    setup.wires.end(signal.SIGKILL)
    engine.docker("rm", "-f", "one", timeout_s=15)
    engine.docker("network", "rm", "lines", timeout_s=15)
    setup.wires.start()
    assert setup.endpoints() == [], "what could not be given back is swept away by the plugin"


def test_what_is_wrong_is_said_in_the_plugins_words(setup: Setup) -> None:
    refused = setup.engine.docker(
        "network", "create", "-d", "wires", "--subnet", "10.239.79.0/24", "-o", "mtu=12", "more", check=False
    )
    assert "mtu: expected a number from 1280 to 9000, got 12" in refused.stderr
    refused = setup.engine.docker("network", "create", "-d", "weave", "more", check=False)
    assert 'could not find plugin weave: plugin "weave" not found' in refused.stderr
    assert setup.docker("network", "ls", "-q", "--filter", "name=more") == ""


def test_compose_makes_it_with_driver_and_driver_opts(setup: Setup, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  web:\n    image: busybox\n    command: sleep 600\n    networks: [net]\n    stop_signal: SIGKILL\n"
        "  app:\n    image: busybox\n    command: ping -c1 -W2 web\n    networks: [net]\n    depends_on: [web]\n"
        "networks:\n  net:\n    driver: wires\n    driver_opts:\n      mtu: 1400\n"
        "    ipam: {config: [{subnet: 10.239.78.0/24}]}\n"
    )
    run = setup.engine.shoal("compose", "-p", "wired", "run", "--rm", "app", cwd=tmp_path)
    assert "1 packets received" in run.stdout
    setup.engine.shoal("compose", "-p", "wired", "down", cwd=tmp_path)
