"""What a manager with its store and a worker take of their machine's memory."""

import re
from pathlib import Path

from tests.support import clusters
from tests.support.engine import wait_for
from tests.support.hosts import Host, hosts

MANAGER_MIB = 250
WORKER_MIB = 90e6 / 2**20


def rss_mib(pid: int) -> float:
    found = re.search(r"^Rss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    return int(found[1]) / 1024 if found else 0.0


def own(host: Host) -> dict[str, float]:
    """{name of a program: RSS} of what Shoal runs on this host beside tasks."""
    found = {}
    for pid in host.processes():
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        for name in (b"shoal.daemon", b"shoal.drivers.netd", b"etcd"):
            if name in command.split(b" --root ")[0].split(b" --name=")[0]:
                found[name.decode()] = rss_mib(pid)
    return found


def test_a_manager_of_two_and_a_worker_stay_small() -> None:
    with hosts(3) as farm:
        manager, _, worker = farm
        clusters.found(manager, managers=[farm[1]], workers=[worker])
        clusters.create_service(manager, "web", 6)
        clusters.wait_running(manager, "web", 6)
        of_manager, of_worker = own(manager), own(worker)
        print(of_manager, of_worker)
        assert set(of_manager) == {"shoal.daemon", "shoal.drivers.netd", "etcd"}
        assert set(of_worker) == {"shoal.daemon", "shoal.drivers.netd"}
        assert sum(of_manager.values()) <= MANAGER_MIB, of_manager
        # What only joining needs is not here: not the pages of its library, not what it has left on the heap.
        wait_for("who has joined and its netd are small", lambda: sum(own(worker).values()) <= WORKER_MIB, 30)
        assert worker.engine.process is not None
        assert "cryptography" not in Path(f"/proc/{worker.engine.process.pid}/maps").read_text()
        worker.engine.kill()
        worker.engine.start()
        clusters.wait_running(manager, "web", 6)
        wait_for("worker and netd are small", lambda: sum(own(worker).values()) <= WORKER_MIB, 30)
