"""Limits and devices of a container."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Ulimit:
    """One limit of setrlimit(2): name without "RLIMIT_", lower case; -1 = no limit."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMapping:
    """A device of the host shown in the container."""

    path_on_host: str
    path_in_container: str = ""
    permissions: str = "rwm"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRequest:
    """A request to a device driver (`--gpus`); kept and echoed, refused at start: no such driver is here."""

    driver: str = ""
    count: int = 0
    device_ids: tuple[str, ...] = ()
    capabilities: tuple[tuple[str, ...], ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRate:
    """A rate or a weight for one block device."""

    path: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Limits of one container; 0, "" and () mean not set. Source: Docker Engine API v1.51, Resources."""

    cpu_shares: int = 0
    nano_cpus: int = 0  #: 10⁹ = one CPU; excludes cpu_period and cpu_quota
    cpu_period_us: int = 0
    cpu_quota_us: int = 0  #: -1 = no limit
    cpu_realtime_period_us: int = 0
    cpu_realtime_runtime_us: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    memory_bytes: int = 0
    memory_reservation_bytes: int = 0
    memory_swap_bytes: int = 0  #: memory and swap together; -1 = unlimited swap; 0 = twice the memory
    memory_swappiness: int | None = None
    oom_kill_disable: bool | None = None
    pids_limit: int | None = None  #: None = not said; 0 or less = no limit
    blkio_weight: int = 0
    blkio_weight_device: tuple[DeviceRate, ...] = ()
    blkio_read_bps: tuple[DeviceRate, ...] = ()
    blkio_write_bps: tuple[DeviceRate, ...] = ()
    blkio_read_iops: tuple[DeviceRate, ...] = ()
    blkio_write_iops: tuple[DeviceRate, ...] = ()
    cgroup_parent: str = ""
    devices: tuple[DeviceMapping, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()  #: "c 13:* rwm"
    device_requests: tuple[DeviceRequest, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
