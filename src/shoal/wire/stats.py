"""A container's counters as Docker's JSON. Source: Docker Engine API v1.51, ContainerStats."""

from collections.abc import Sequence
from typing import Any

from shoal.model.usage import BlockUsage, CpuUsage, Usage
from shoal.wire.times import NEVER, encode_time


def encode_stats(
    container_id: str, name: str, now: Usage | None, before: Usage | None, machine_memory_bytes: int
) -> dict[str, Any]:
    """`now`, and the reading before it, from which clients derive percentages.

    now: None for a container that does not run
    """
    result: dict[str, Any] = {
        "name": f"/{name}",
        "id": container_id,
        "read": encode_time(now.at) if now else NEVER,
        "preread": encode_time(before.at) if before else NEVER,
        "num_procs": 0,
        "pids_stats": {},
        "blkio_stats": _blkio((), ()),
        "storage_stats": {},
        "cpu_stats": _cpu(now),
        "precpu_stats": _cpu(before),
        "memory_stats": {},
    }
    if now is None:
        return result
    result["pids_stats"] = {"current": now.pids} | ({"limit": now.pids_limit} if now.pids_limit else {})
    result["blkio_stats"] = _blkio(now.block_bytes, now.block_ops)
    result["memory_stats"] = _memory(now, machine_memory_bytes)
    if now.networks:
        result["networks"] = {
            n.name: {
                "rx_bytes": n.rx_bytes,
                "rx_packets": n.rx_packets,
                "rx_errors": n.rx_errors,
                "rx_dropped": n.rx_dropped,
                "tx_bytes": n.tx_bytes,
                "tx_packets": n.tx_packets,
                "tx_errors": n.tx_errors,
                "tx_dropped": n.tx_dropped,
            }
            for n in now.networks
        }
    return result


def _cpu(usage: Usage | None) -> dict[str, Any]:
    cpu = usage.cpu if usage else CpuUsage()
    result: dict[str, Any] = {
        "cpu_usage": {
            "total_usage": cpu.total_ns,
            "usage_in_kernelmode": cpu.system_ns,
            "usage_in_usermode": cpu.user_ns,
        },
        "throttling_data": {
            "periods": cpu.periods,
            "throttled_periods": cpu.throttled_periods,
            "throttled_time": cpu.throttled_ns,
        },
    }
    if cpu.per_cpu_ns:
        result["cpu_usage"]["percpu_usage"] = list(cpu.per_cpu_ns)
    if usage:
        result |= {"system_cpu_usage": usage.system_cpu_ns, "online_cpus": usage.online_cpus}
    return result


def _memory(usage: Usage, machine_memory_bytes: int) -> dict[str, Any]:
    memory = usage.memory
    limit = memory.limit_bytes or machine_memory_bytes
    result: dict[str, Any] = {
        "usage": memory.usage_bytes,
        "stats": memory.details,
        "limit": min(limit, machine_memory_bytes) if machine_memory_bytes else limit,
    }
    if memory.max_usage_bytes:
        result["max_usage"] = memory.max_usage_bytes
    if memory.failures:
        result["failcnt"] = memory.failures
    return result


def _blkio(sizes: Sequence[BlockUsage], operations: Sequence[BlockUsage]) -> dict[str, Any]:
    def entries(usages: Sequence[BlockUsage]) -> list[dict[str, Any]] | None:
        return [{"major": u.major, "minor": u.minor, "op": u.op, "value": u.value} for u in usages] or None

    return {
        "io_service_bytes_recursive": entries(sizes),
        "io_serviced_recursive": entries(operations),
        "io_queue_recursive": None,
        "io_service_time_recursive": None,
        "io_wait_time_recursive": None,
        "io_merged_recursive": None,
        "io_time_recursive": None,
        "sectors_recursive": None,
    }
