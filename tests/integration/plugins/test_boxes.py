"""Volumes of the plugin of examples/plugins/boxes, seen by the docker CLI."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shoal.drivers.mount import MS_BIND, MS_PRIVATE, mount, unmount
from tests.support.engine import EngineProcess, wait_for
from tests.support.images import busybox_archive
from tests.support.leftovers import new_folder
from tests.support.plugins import PluginProcess, shared_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts")
POOL = "10.239.112.0/20:24"  #: others on this machine use up the default ones


@dataclass
class Setup:
    engine: EngineProcess
    boxes: PluginProcess
    root: Path

    def run(self, *args: str, check: bool = True) -> str:
        done = self.engine.docker("run", "--rm", *args, check=check)
        return done.stdout if check else done.stderr

    def docker_volume(self, name: str) -> None:
        self.engine.docker("volume", "create", "-d", "boxes", "-o", "size=8m", name)

    def users(self, name: str) -> list[str]:
        found: list[str] = json.loads((self.root / name / "box.json").read_text())["users"]
        return found

    def is_mounted(self, name: str) -> bool:
        return os.path.ismount(self.root / name / "content")


@pytest.fixture(scope="module")
def everything() -> Iterator[Setup]:
    base = new_folder("box")
    (base / "plugins").mkdir()
    with shared_folder(base / "boxes") as root:
        plugin = PluginProcess("boxes", base / "plugins", "--root", str(root))
        with plugin, EngineProcess("--plugin-dir", str(base / "plugins"), "--address-pool", POOL) as engine:
            busybox_archive(base / "busybox.tar")
            engine.load(base / "busybox.tar")
            yield Setup(engine, plugin, root)
    shutil.rmtree(base)


@pytest.fixture
def setup(everything: Setup) -> Iterator[Setup]:
    """The plugin runs and has nothing."""
    yield everything
    everything.boxes.end(signal.SIGKILL)
    everything.boxes.start()
    everything.engine.remove_everything()
    for name in everything.engine.docker("volume", "ls", "-q").stdout.split():
        everything.engine.docker("volume", "rm", "-f", name)


def test_a_volume_of_a_plugin_from_create_to_remove(setup: Setup) -> None:
    docker = setup.engine.docker
    assert "boxes" in docker("info", "--format", "{{.Plugins.Volume}}").stdout
    assert docker("volume", "create", "-d", "boxes", "-o", "size=8m", "small").stdout == "small\n"
    setup.run("-v", "small:/data", "busybox", "sh", "-c", "echo kept > /data/file")
    assert setup.run("-v", "small:/data:ro", "busybox", "cat", "/data/file") == "kept\n"
    told = json.loads(docker("volume", "inspect", "small").stdout)[0]
    assert (told["Driver"], told["Scope"], told["Options"]) == ("boxes", "local", {"size": "8m"})
    assert told["Mountpoint"] == str(setup.root / "small" / "content") and told["Status"]["users"] == 0
    fill = ("dd", "if=/dev/zero", "of=/data/big", "bs=1M", "count=9")
    assert "No space left on device" in setup.run("-v", "small:/data", "busybox", *fill, check=False)
    assert not setup.is_mounted("small")
    docker("volume", "rm", "small")
    assert not (setup.root / "small").exists()
    assert "small" not in docker("volume", "ls", "-q").stdout


def test_it_is_mounted_once_for_each_container_and_unmounted_after_the_last(setup: Setup) -> None:
    docker = setup.engine.docker
    asked = "type=volume,source=shared,target=/data,volume-driver=boxes,volume-opt=size=8m"
    ids = [
        docker("run", "-d", "--mount", asked, "-v", "shared:/again", "busybox", "sleep", "600").stdout.strip()
        for _ in range(2)
    ]
    assert setup.users("shared") == sorted(ids) and setup.is_mounted("shared")
    docker("exec", ids[0], "touch", "/data/here")
    assert docker("exec", ids[1], "ls", "/again").stdout == "here\n"
    refused = docker("volume", "rm", "shared", check=False)
    assert "volume is in use" in refused.stderr
    docker("rm", "-f", ids[0])
    assert setup.users("shared") == [ids[1]] and setup.is_mounted("shared")
    docker("rm", "-f", ids[1])
    assert setup.users("shared") == [] and not setup.is_mounted("shared")


def test_the_content_of_the_image_fills_an_empty_one(setup: Setup) -> None:
    listed = setup.run("-v", "filled:/etc", "--volume-driver", "boxes", "busybox", "ls", "/etc")
    assert "passwd" in listed
    assert "boxes" in setup.engine.docker("volume", "ls").stdout


def test_an_engine_that_was_killed_gives_back_what_its_containers_had(setup: Setup) -> None:
    docker = setup.engine.docker
    setup.docker_volume("kept")
    living, ending = (docker("run", "-d", "-v", "kept:/data", "busybox", "sleep", "600").stdout.strip() for _ in "ab")
    pid = int(docker("inspect", "--format", "{{.State.Pid}}", ending).stdout)
    setup.engine.kill()
    os.kill(pid, signal.SIGKILL)
    setup.engine.start()
    wait_for("the one that ended is given back", lambda: setup.users("kept") == [living])
    docker("exec", living, "touch", "/data/still")
    setup.run("-v", "kept:/data", "busybox", "ls", "/data/still")
    docker("rm", "-f", living)
    assert setup.users("kept") == [] and not setup.is_mounted("kept")


def test_a_plugin_that_is_started_again_goes_on(setup: Setup) -> None:
    docker = setup.engine.docker
    setup.docker_volume("kept")
    first = docker("run", "-d", "-v", "kept:/data", "busybox", "sleep", "600").stdout.strip()
    setup.boxes.end(signal.SIGKILL)
    setup.boxes.start()
    setup.run("-v", "kept:/data", "busybox", "touch", "/data/x")
    docker("rm", "-f", first)
    assert setup.users("kept") == []


def test_a_dead_plugin_is_a_clear_error_and_keeps_nobody_waiting(setup: Setup) -> None:
    docker = setup.engine.docker
    setup.docker_volume("lost")
    docker("create", "--name", "user", "-v", "lost:/data", "busybox", "true")
    setup.boxes.end(signal.SIGKILL)
    refused = docker("volume", "inspect", "lost", check=False, timeout_s=5)
    assert 'error while checking if volume "lost" exists in driver "boxes"' in refused.stderr
    assert "connect: connection refused" in refused.stderr
    assert "lost" in docker("volume", "ls", "-q", timeout_s=5).stdout
    assert "boxes" not in docker("info", "--format", "{{.Plugins.Volume}}", timeout_s=5).stdout
    refused = docker("start", "user", check=False, timeout_s=30)
    assert "error while mounting volume" in refused.stderr and "connection refused" in refused.stderr
    docker("rm", "user", timeout_s=10)
    assert docker("volume", "rm", "lost", check=False, timeout_s=10).returncode == 1
    docker("volume", "rm", "-f", "lost", timeout_s=10)


def test_what_is_wrong_is_said_in_dockers_words(setup: Setup) -> None:
    def refused(*args: str) -> str:
        words = setup.engine.docker(*args, check=False).stderr
        assert "Error response from daemon: " in words, words
        return words.partition("Error response from daemon: ")[2].strip()

    assert refused("volume", "create", "-d", "none", "x") == (
        'create x: error looking up volume plugin none: plugin "none" not found'
    )
    assert refused("volume", "create", "-d", "boxes", "-o", "colour=red", "xx") == (
        "create xx: unknown option: colour (there are size, mode)"
    )
    setup.engine.docker("volume", "create", "xx")
    assert refused("volume", "create", "-d", "boxes", "xx") == (
        "create xx: driver 'local' already has volume 'xx': volume name must be unique"
    )
    assert 'plugin "none" not found' in refused("run", "-v", "nn:/x", "--volume-driver", "none", "busybox", "true")


def test_what_a_plugin_has_already_is_found_by_its_name(setup: Setup) -> None:
    docker = setup.engine.docker
    setup.docker_volume("old")
    docker("volume", "rm", "-f", "old")
    os.makedirs(setup.root / "old" / "content")
    with open(setup.root / "old" / "box", "wb") as box:
        box.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(setup.root / "old" / "box")], check=True)
    note = {"size": "8m", "mode": 0o755, "created": "2026-01-02T03:04:05+00:00", "users": []}
    (setup.root / "old" / "box.json").write_text(json.dumps(note))
    assert "old" in docker("volume", "ls", "-q", "--filter", "driver=boxes").stdout
    assert docker("volume", "inspect", "--format", "{{.Driver}}", "old").stdout == "boxes\n"
    setup.run("-v", "old:/data", "busybox", "touch", "/data/x")
    docker("volume", "prune", "-af")
    assert (setup.root / "old").exists(), "Docker's prune does not touch what plugins have, nor ours"
    docker("volume", "rm", "old")


def test_compose_makes_it_with_driver_and_driver_opts(setup: Setup, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  app:\n    image: busybox\n    command: df -k /data\n    volumes: [data:/data]\n"
        "volumes:\n  data:\n    driver: boxes\n    driver_opts:\n      size: 8m\n"
    )
    out = setup.engine.shoal("compose", "-p", "boxed", "up", cwd=tmp_path).stdout
    assert "/dev/loop" in out
    setup.engine.shoal("compose", "-p", "boxed", "down", "-v", cwd=tmp_path)
    assert not (setup.root / "boxed_data").exists()


def test_what_a_plugin_mounted_where_the_engine_can_not_see_it_is_an_error(setup: Setup) -> None:
    """A mount that is private: nothing that is mounted below it gets through."""
    hidden = setup.root.parent / "hidden"
    hidden.mkdir()
    mount(str(hidden), str(hidden), flags=MS_BIND)
    mount("", str(hidden), flags=MS_PRIVATE)
    setup.boxes.end()
    try:
        with PluginProcess("boxes", setup.boxes.socket.parent, "--root", str(hidden)):
            setup.docker_volume("unseen")
            refused = setup.run("-v", "unseen:/data", "busybox", "true", check=False)
            assert "does not reach the engine" in refused
            note = json.loads((hidden / "unseen" / "box.json").read_text())
            assert note["users"] == [] and not os.path.ismount(hidden / "unseen" / "content")
            setup.engine.docker("volume", "rm", "unseen")
    finally:
        unmount(str(hidden))
        hidden.rmdir()
