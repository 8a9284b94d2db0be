"""Limits of a container as the OCI runtime takes them, the same on cgroup v1 and v2 (the runtime converts)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.resources import DeviceRate, Resources, Ulimit
from shoal.oci.runtime_spec.facts import Permits

CPU_PERIOD_US = 100_000
RLIMITS = (
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
)
_INFINITY = (1 << 64) - 1


def cgroup_limits(
    r: Resources, permits: Permits, numbers: Mapping[str, tuple[int, int]] | None = None
) -> dict[str, Any]:
    """`linux.resources` without its devices; only what is set and what the kernel has.

    numbers: {device path: (major, minor)} of the block devices in `r`
    """
    if not permits.blkio_weight:
        r = replace(r, blkio_weight=0)
    if not permits.blkio_weight_device:
        r = replace(r, blkio_weight_device=())
    if permits.cgroup_version == 2:  # it has neither, and the runtime takes them for errors
        r = replace(r, memory_swappiness=None, oom_kill_disable=None)
    parts = {
        "memory": _memory(r, permits.swap_limit),
        "cpu": _cpu(r),
        "pids": {"limit": r.pids_limit} if r.pids_limit and r.pids_limit > 0 else {},
        "blockIO": _block_io(r, numbers or {}),
    }
    return {name: part for name, part in parts.items() if part}


def _memory(r: Resources, swap_limit: bool) -> dict[str, Any]:
    wanted = {
        "limit": r.memory_bytes,
        "reservation": r.memory_reservation_bytes,
        "swap": r.memory_swap_bytes if swap_limit else 0,
    }
    result: dict[str, Any] = {key: value for key, value in wanted.items() if value}
    if r.memory_swappiness is not None:
        result["swappiness"] = r.memory_swappiness
    if r.oom_kill_disable:
        result["disableOOMKiller"] = True
    return result


def _cpu(r: Resources) -> dict[str, Any]:
    quota, period = r.cpu_quota_us, r.cpu_period_us
    if r.nano_cpus:
        quota, period = r.nano_cpus * CPU_PERIOD_US // 1_000_000_000, CPU_PERIOD_US
    wanted = {
        "shares": r.cpu_shares,
        "quota": quota,
        "period": period,
        "realtimePeriod": r.cpu_realtime_period_us,
        "realtimeRuntime": r.cpu_realtime_runtime_us,
        "cpus": r.cpuset_cpus,
        "mems": r.cpuset_mems,
    }
    return {key: value for key, value in wanted.items() if value}


def _block_io(r: Resources, numbers: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    def rates(items: Sequence[DeviceRate], key: str) -> list[dict[str, int]]:
        return [
            {"major": numbers[item.path][0], "minor": numbers[item.path][1], key: item.value}
            for item in items
            if item.path in numbers
        ]

    wanted = {
        "weight": r.blkio_weight,
        "weightDevice": rates(r.blkio_weight_device, "weight"),
        "throttleReadBpsDevice": rates(r.blkio_read_bps, "rate"),
        "throttleWriteBpsDevice": rates(r.blkio_write_bps, "rate"),
        "throttleReadIOPSDevice": rates(r.blkio_read_iops, "rate"),
        "throttleWriteIOPSDevice": rates(r.blkio_write_iops, "rate"),
    }
    return {key: value for key, value in wanted.items() if value}


def process_limits(
    ulimits: Sequence[Ulimit], hard_limits: Mapping[str, int], *, may_raise: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    """(`process.rlimits`, warnings).

    hard_limits: the engine's own; without `may_raise` (CAP_SYS_RESOURCE) no limit can be above them, so it is lowered
    Raises: InvalidArgument for a name that is none
    """
    limits: list[dict[str, Any]] = []
    warnings: list[str] = []
    for ulimit in ulimits:
        if ulimit.name not in RLIMITS:
            raise InvalidArgument(f"invalid ulimit type: {ulimit.name}")
        soft, hard = _unlimited(ulimit.soft), _unlimited(ulimit.hard)
        ceiling = _unlimited(hard_limits.get(ulimit.name, -1))
        if not may_raise and hard > ceiling:
            warnings.append(f"ulimit {ulimit.name}: {_shown(hard)} lowered to {ceiling}, the engine's own hard limit")
            soft, hard = min(soft, ceiling), ceiling
        limits.append({"type": f"RLIMIT_{ulimit.name.upper()}", "soft": soft, "hard": hard})
    return limits, warnings


def _unlimited(value: int) -> int:
    return _INFINITY if value < 0 else value


def _shown(value: int) -> str:
    return "unlimited" if value == _INFINITY else str(value)


def discarded_limits(r: Resources, permits: Permits) -> list[str]:
    """Warnings about limits that this kernel does not have; they are left out. Docker's words."""
    warnings: list[str] = []
    if r.memory_bytes and not permits.swap_limit:
        warnings.append(
            "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
            "Memory limited without swap."
        )
    if r.blkio_weight and not permits.blkio_weight:
        warnings.append("Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.")
    if r.blkio_weight_device and not permits.blkio_weight_device:
        warnings.append(
            "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. "
            "Weight-device discarded."
        )
    if permits.cgroup_version == 2 and r.memory_swappiness is not None:
        warnings.append(
            "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. "
            "Memory swappiness discarded."
        )
    if permits.cgroup_version == 2 and r.oom_kill_disable:
        warnings.append("Your kernel does not support OomKillDisable. OomKillDisable discarded.")
    return warnings
