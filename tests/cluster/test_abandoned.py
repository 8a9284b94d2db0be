"""What a manager's engine leaves on a host when it is gone for good: no member of the store, no tunnel."""

import os
import shutil
from pathlib import Path

from shoal.daemon.abandoned import FOLDER, EngineNotes
from shoal.drivers.network.nftables import Nftables
from shoal.drivers.runtime.cgroups import Cgroups, host_mounts
from shoal.drivers.runtime.processes import command_line
from tests.support import clusters
from tests.support.engine import wait_for
from tests.support.hosts import Host, hosts


def members(host: Host) -> list[int]:
    """Pids of its etcd."""
    wanted = f"--data-dir={host.engine.root}/swarm/etcd"
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and wanted in command_line(int(pid))]


def test_a_manager_whose_root_is_gone_leaves_nothing(tmp_path: Path) -> None:
    with hosts(2) as farm:
        one, two = farm
        clusters.found(one, managers=[two])
        wait_for("each has its member", lambda: len(members(one)) == len(members(two)) == 1)
        device = f"shoal{one.engine.tag}-vx"
        wait_for("its tunnel leads to the other one", lambda: "fwmark" in one.exec("ip", "rule").stdout)
        assert device in one.exec("ip", "link").stdout
        one.engine.kill()
        shutil.copy(FOLDER / one.engine.tag, tmp_path / one.engine.tag)  # an engine elsewhere may take the other note
        shutil.rmtree(one.engine.root)
        with one.entered():
            cleared = EngineNotes(Cgroups(host_mounts()), Nftables(), tmp_path).clear_abandoned()
        assert cleared == [str(one.engine.root)]
        wait_for("its member has ended", lambda: not members(one))
        assert len(members(two)) == 1
        for command in (("ip", "link"), ("ip", "rule"), ("ip", "-6", "rule"), ("nft", "list", "tables")):
            left = one.exec(*command).stdout
            assert one.engine.tag not in left and "fwmark" not in left and "5300:" not in left, command
