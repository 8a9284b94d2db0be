"""What a container uses of the machine."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuUsage:
    """CPU time since the start.

    throttling: how often and how long the container had to wait for its quota
    """

    total_ns: int = 0
    user_ns: int = 0
    system_ns: int = 0
    per_cpu_ns: tuple[int, ...] = ()  #: cgroup v1 only
    periods: int = 0
    throttled_periods: int = 0
    throttled_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUsage:
    """Memory in bytes.

    limit_bytes: 0 = no limit of its own
    details: the kernel's memory.stat as it is (names differ between cgroup v1 and v2)
    """

    usage_bytes: int = 0
    max_usage_bytes: int = 0  #: cgroup v1 only, else 0
    limit_bytes: int = 0
    failures: int = 0
    details: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlockUsage:
    """One line of I/O accounting: `op` is read, write, sync, …"""

    major: int
    minor: int
    op: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkUsage:
    """Counters of one interface inside the container's network namespace."""

    name: str
    rx_bytes: int = 0
    rx_packets: int = 0
    rx_errors: int = 0
    rx_dropped: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    tx_dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One reading of a container's counters.

    at: ns since the epoch, UTC
    system_cpu_ns: CPU time of the whole machine since boot, over all CPUs
    pids_limit: 0 = none
    """

    at: int
    cgroup_version: int
    cpu: CpuUsage = field(default_factory=CpuUsage)
    system_cpu_ns: int = 0
    online_cpus: int = 0
    memory: MemoryUsage = field(default_factory=MemoryUsage)
    block_bytes: tuple[BlockUsage, ...] = ()
    block_ops: tuple[BlockUsage, ...] = ()
    networks: tuple[NetworkUsage, ...] = ()
    pids: int = 0
    pids_limit: int = 0
