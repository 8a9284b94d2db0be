"""A reading of all counters of one container."""

import os
from pathlib import Path

from shoal.drivers.runtime.cgroups import Cgroups
from shoal.model.usage import NetworkUsage, Usage

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def read_usage(cgroups: Cgroups, cgroup: str, pid: int, at: int) -> Usage:
    """What the cgroup, and the network namespace of `pid`, show now."""
    sizes, operations = cgroups.blocks(cgroup)
    pids, pids_limit = cgroups.pids(cgroup)
    return Usage(
        at=at,
        cgroup_version=cgroups.version,
        cpu=cgroups.cpu(cgroup),
        system_cpu_ns=parse_system_cpu(_text("/proc/stat")),
        online_cpus=os.cpu_count() or 1,
        memory=cgroups.memory(cgroup),
        block_bytes=sizes,
        block_ops=operations,
        networks=parse_net_dev(_text(f"/proc/{pid}/net/dev")),
        pids=pids,
        pids_limit=pids_limit,
    )


def parse_system_cpu(stat: str) -> int:
    """CPU time in ns that all CPUs have spent on everything, idling too. Source: proc(5), /proc/stat

    The first seven columns are added, as Docker does: guest time is in user time already.
    """
    for line in stat.splitlines():
        if line.startswith("cpu "):
            return sum(int(ticks) for ticks in line.split()[1:8]) * _TICK_NS
    return 0


def parse_net_dev(text: str) -> tuple[NetworkUsage, ...]:
    """Interfaces of /proc/<pid>/net/dev, without the loopback."""
    found = []
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        numbers = [int(number) for number in rest.split()]
        if name.strip() == "lo" or len(numbers) < 12:
            continue
        found.append(
            NetworkUsage(
                name=name.strip(),
                rx_bytes=numbers[0],
                rx_packets=numbers[1],
                rx_errors=numbers[2],
                rx_dropped=numbers[3],
                tx_bytes=numbers[8],
                tx_packets=numbers[9],
                tx_errors=numbers[10],
                tx_dropped=numbers[11],
            )
        )
    return tuple(found)


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
