"""What a killed engine leaves is taken away by the next engine once nobody can want it any more, and not before."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.daemon.abandoned import FOLDER, EngineNotes
from shoal.drivers.network.nftables import Nftables
from shoal.drivers.runtime.cgroups import Cgroups, host_mounts
from tests.support.engine import EngineProcess, engine_with_busybox, wait_for
from tests.support.running import Node
from tests.support.runtime import enter_private_mount_namespace

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: real networks")
POOL = ("--address-pool", "10.128.0.0/10:24")


@pytest.fixture
def notes() -> EngineNotes:
    return EngineNotes(Cgroups(host_mounts()), Nftables())


@pytest.fixture
def lost() -> Iterator[EngineProcess]:
    """An engine whose directories a test may take away."""
    engine = EngineProcess(*POOL).start()
    yield engine
    if engine.process is not None and engine.process.poll() is None:
        engine.kill()
    shutil.rmtree(engine.base, ignore_errors=True)


def on_host(engine: EngineProcess) -> list[str]:
    """Links and firewall tables (its processes and directories are another matter)."""
    return [line for line in engine.leftovers() if line.startswith(("link", "nft"))]


def test_the_next_engine_takes_away_what_is_left(lost: EngineProcess) -> None:
    assert lost.call("POST", "/networks/create", {"Name": "app"})[0] == 201
    lost.kill()
    shutil.rmtree(lost.base)
    assert len(on_host(lost)) == 4, "two bridges, two tables"
    with EngineProcess(*POOL) as living:
        wait_for("all is gone", lambda: not lost.leftovers())
        assert on_host(living) and not (FOLDER / lost.tag).exists()


def test_cgroups_of_its_containers_are_taken_away_too(notes: EngineNotes) -> None:
    enter_private_mount_namespace()  # where crun's files in place of a hidden cgroup v2 are seen
    with engine_with_busybox(*POOL) as engine:
        node = Node(engine)
        pid = node.state(node.run("sleep", "1000"))["Pid"]
        engine.kill()
        os.kill(pid, signal.SIGKILL)
        wait_for("its supervisor has ended", lambda: not [left for left in engine.leftovers() if "conmon" in left])
        aside = engine.base / "aside"
        engine.root.rename(aside)
        assert [left for left in engine.leftovers() if left.startswith("cgroup")]
        assert str(engine.root) in notes.clear_abandoned()
        assert not [left for left in engine.leftovers() if left.startswith("cgroup")]
        aside.rename(engine.root)


def test_an_engine_that_may_come_back_is_let_alone(lost: EngineProcess, notes: EngineNotes) -> None:
    aside = lost.base / "aside"
    lost.root.rename(aside)
    there = on_host(lost)
    assert there and str(lost.root) not in notes.clear_abandoned(), "it lives"
    aside.rename(lost.root)
    lost.kill()
    assert str(lost.root) not in notes.clear_abandoned(), "its root is there"
    assert on_host(lost) == there
    lost.start()
    assert lost.stop() == 0
    assert lost.leftovers() == []


def test_containers_that_run_on_keep_what_they_have(notes: EngineNotes) -> None:
    with engine_with_busybox(*POOL) as engine:
        node = Node(engine)
        pid = node.state(node.run("sleep", "1000"))["Pid"]
        engine.kill()
        aside = engine.base / "aside"
        engine.root.rename(aside)
        there = on_host(engine)
        assert str(engine.root) not in notes.clear_abandoned()
        assert on_host(engine) == there and Path(f"/proc/{pid}").exists()
        aside.rename(engine.root)
        engine.start()
        os.kill(pid, signal.SIGKILL)


def network_of(process: int | str) -> int:
    return os.stat(f"/proc/{process}/ns/net").st_ino


def write_note(folder: Path, network: int) -> None:
    """Of an engine that is gone for good."""
    note = {"instance": "shoalabcdef", "root": f"{folder}/none", "run": f"{folder}/run", "network": network}
    (folder / "abcdef").write_text(json.dumps(note))


def test_an_engine_of_another_network_is_left_to_those_who_live_there(tmp_path: Path) -> None:
    """Its links and tables are seen from there alone: without its note, nobody would ever take them away."""
    notes = EngineNotes(Cgroups(host_mounts()), Nftables(), tmp_path)
    with subprocess.Popen(["unshare", "--net", "sleep", "1000"]) as there:
        try:
            wait_for("it has a network of its own", lambda: network_of(there.pid) != network_of("self"))
            write_note(tmp_path, network_of(there.pid))
            assert notes.clear_abandoned() == []
        finally:
            there.kill()
    assert notes.clear_abandoned() == [f"{tmp_path}/none"], "nobody is left there"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"instance": "shoal", "root": "/none", "run": "/none", "network": 1}']
)
def test_a_note_that_tells_no_engine_is_ignored(tmp_path: Path, text: str) -> None:
    notes = EngineNotes(Cgroups(host_mounts()), Nftables(), tmp_path)
    (tmp_path / "abcdef").write_text(text)
    assert notes.clear_abandoned() == []
    write_note(tmp_path, network_of("self"))
    assert notes.clear_abandoned(lambda: True) == []
    assert notes.clear_abandoned() == [f"{tmp_path}/none"] and not (tmp_path / "abcdef").exists()
