"""Cgroup readers on trees of plain files, as they look on v1 and on v2."""

from pathlib import Path

import pytest

from shoal.drivers.runtime.cgroups import Cgroups, Mounts, parse_blkio, parse_io_stat, parse_mounts
from shoal.drivers.runtime.usage import parse_net_dev, parse_system_cpu
from shoal.errors import DriverError
from shoal.model.usage import BlockUsage

V1 = """\
24 18 0:21 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
25 24 0:22 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
26 24 0:23 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
27 24 0:24 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
28 24 0:25 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
"""
V2 = "24 18 0:21 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_hierarchies_of_a_hybrid_tree_are_v1():
    assert parse_mounts(V1) == Mounts(
        v1={
            "cpu": Path("/sys/fs/cgroup/cpu,cpuacct"),
            "cpuacct": Path("/sys/fs/cgroup/cpu,cpuacct"),
            "memory": Path("/sys/fs/cgroup/memory"),
            "name=systemd": Path("/sys/fs/cgroup/systemd"),
        }
    )


def test_unified_hierarchy():
    assert parse_mounts(V2) == Mounts(unified=Path("/sys/fs/cgroup"))


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.fixture
def v1(tmp_path: Path) -> Cgroups:
    names = ("cpu", "cpuacct", "memory", "pids", "blkio", "freezer", "devices")
    mounts = {name: tmp_path / ("cpu,cpuacct" if name in ("cpu", "cpuacct") else name) for name in names}
    write(
        mounts["cpu"] / "s/c",
        cpu__stat="nr_periods 5\nnr_throttled 2\nthrottled_time 700\n",
        cpuacct__usage="123456\n",
        cpuacct__usage_user="100000\n",
        cpuacct__usage_sys="23456\n",
        cpuacct__usage_percpu="100000 23456 \n",
    )
    write(
        mounts["memory"] / "s/c",
        memory__usage_in_bytes="4096\n",
        memory__max_usage_in_bytes="8192\n",
        memory__limit_in_bytes="9223372036854771712\n",
        memory__failcnt="3\n",
        memory__stat="cache 10\ntotal_inactive_file 20\n",
        memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    )
    write(mounts["pids"] / "s/c", pids__current="3\n", pids__max="max\n", cgroup__procs="30\n10\n")
    write(mounts["pids"] / "s/c/below", cgroup__procs="20\n")
    write(mounts["blkio"] / "s/c", **{"blkio__throttle__io_service_bytes_recursive": "8:0 Read 4096\nTotal 4096\n"})
    write(mounts["freezer"] / "s/c", freezer__state="FROZEN\n")
    return Cgroups(Mounts(v1=mounts))


@pytest.fixture
def v2(tmp_path: Path) -> Cgroups:
    write(
        tmp_path / "s/c",
        cpu__stat="usage_usec 123\nuser_usec 100\nsystem_usec 23\nnr_periods 5\nnr_throttled 2\nthrottled_usec 7\n",
        memory__current="4096\n",
        memory__max="65536\n",
        memory__stat="inactive_file 20\nanon 5\n",
        memory__events="low 0\nhigh 0\nmax 4\noom 1\noom_kill 1\n",
        pids__current="3\n",
        pids__max="50\n",
        io__stat="8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n",
        cgroup__procs="10\n",
        cgroup__events="populated 1\nfrozen 1\n",
    )
    return Cgroups(Mounts(unified=tmp_path))


def test_v1_counters(v1: Cgroups):
    cpu, memory = v1.cpu("/s/c"), v1.memory("/s/c")
    assert v1.version == 1
    assert (cpu.total_ns, cpu.user_ns, cpu.system_ns, cpu.per_cpu_ns) == (123456, 100000, 23456, (100000, 23456))
    assert (cpu.periods, cpu.throttled_periods, cpu.throttled_ns) == (5, 2, 700)
    assert (memory.usage_bytes, memory.max_usage_bytes, memory.limit_bytes, memory.failures) == (4096, 8192, 0, 3)
    assert memory.details == {"cache": 10, "total_inactive_file": 20}
    assert v1.pids("/s/c") == (3, 0)
    assert v1.blocks("/s/c") == ((BlockUsage(8, 0, "read", 4096),), ())
    assert v1.oom_kills("/s/c") == 1
    assert v1.processes("/s/c") == [10, 20, 30]
    assert v1.is_frozen("/s/c")


def test_v2_counters(v2: Cgroups):
    cpu, memory = v2.cpu("/s/c"), v2.memory("/s/c")
    assert v2.version == 2
    assert (cpu.total_ns, cpu.user_ns, cpu.system_ns, cpu.throttled_ns) == (123_000, 100_000, 23_000, 7_000)
    assert (memory.usage_bytes, memory.limit_bytes, memory.failures) == (4096, 65536, 4)
    assert v2.pids("/s/c") == (3, 50)
    assert v2.blocks("/s/c")[1] == (BlockUsage(8, 0, "read", 1), BlockUsage(8, 0, "write", 2))
    assert v2.oom_kills("/s/c") == 1
    assert v2.processes("/s/c") == [10]
    assert v2.is_frozen("/s/c")


def test_freezing_writes_what_the_version_wants(v1: Cgroups, v2: Cgroups, tmp_path: Path):
    v1.thaw("/s/c")
    v2.thaw("/s/c")
    assert (tmp_path / "freezer/s/c/freezer.state").read_text() == "THAWED"
    assert (tmp_path / "s/c/cgroup.freeze").read_text() == "0"


def test_a_cgroup_that_is_gone_reads_as_nothing(v1: Cgroups):
    assert v1.cpu("/s/other").total_ns == 0 and v1.memory("/s/other").usage_bytes == 0
    assert v1.processes("/s/other") == [] and v1.pids("/s/other") == (0, 0) and not v1.is_frozen("/s/other")


def test_a_limit_below_what_can_t_be_given_back_is_refused_on_v2(v2: Cgroups):
    high = v2.dirs("/s/c")[0] / "memory.high"
    v2.make_room("/s/c", 4096)
    assert not high.exists()
    high.write_text("7777\n")
    with pytest.raises(DriverError, match=r"^unable to set memory limit to 4095 \(current usage: 4096\)$"):
        v2.make_room("/s/c", 4095)
    assert high.read_text() == "7777"


def test_removing_goes_from_the_inside_out(tmp_path: Path):
    (tmp_path / "pids/s/c/a/b").mkdir(parents=True)
    Cgroups(Mounts(v1={"pids": tmp_path / "pids"})).remove("/s/c")
    assert list((tmp_path / "pids/s").iterdir()) == []


def test_io_lines():
    assert parse_blkio("8:16 Write 7\n8:16 Discard 0\nTotal 7\n") == (
        BlockUsage(8, 16, "write", 7),
        BlockUsage(8, 16, "discard", 0),
    )
    assert parse_io_stat("259:0 \n\n") == (
        (BlockUsage(259, 0, "read", 0), BlockUsage(259, 0, "write", 0)),
        (BlockUsage(259, 0, "read", 0), BlockUsage(259, 0, "write", 0)),
    )


def test_system_cpu_leaves_guest_time_out():
    assert parse_system_cpu("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n") % 28 == 0


def test_interfaces_without_the_loopback():
    text = (
        "Inter-|   Receive                        |  Transmit\n face |bytes ...\n"
        "    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"
        "  eth0: 100 2 3 4 0 0 0 0 200 5 6 7 0 0 0 0\n"
    )
    (eth0,) = parse_net_dev(text)
    assert (eth0.name, eth0.rx_bytes, eth0.rx_packets, eth0.rx_errors, eth0.rx_dropped) == ("eth0", 100, 2, 3, 4)
    assert (eth0.tx_bytes, eth0.tx_packets, eth0.tx_errors, eth0.tx_dropped) == (200, 5, 6, 7)
