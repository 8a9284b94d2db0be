"""HostConfig's limits and devices. Source: Docker Engine API v1.51, Resources."""

from dataclasses import replace
from typing import Any

from shoal.model.resources import DeviceMapping, DeviceRate, DeviceRequest, Resources, Ulimit
from shoal.wire.fields import (
    Field,
    decode,
    encode,
    maybe,
    number,
    objects,
    read_flag,
    read_int,
    read_list,
    read_strings,
    strings,
    text,
    text_map,
)

_ULIMIT = (text("Name", "name"), number("Hard", "hard"), number("Soft", "soft"))
_DEVICE = (
    text("PathOnHost", "path_on_host"),
    text("PathInContainer", "path_in_container"),
    text("CgroupPermissions", "permissions"),
)
_WEIGHT = (text("Path", "path"), number("Weight", "value"))
_RATE = (text("Path", "path"), number("Rate", "value"))


def _read_capabilities(value: Any, path: str) -> tuple[tuple[str, ...], ...]:
    return tuple(read_strings(item, f"{path}.{i}") for i, item in enumerate(read_list(value, path)))


_REQUEST = (
    text("Driver", "driver"),
    number("Count", "count"),
    strings("DeviceIDs", "device_ids"),
    Field("Capabilities", "capabilities", _read_capabilities, lambda value: [list(item) for item in value] or None),
    text_map("Options", "options", empty={}),
)


def _rate(**given: Any) -> DeviceRate:
    defaults: dict[str, Any] = {"path": "", "value": 0}
    return DeviceRate(**(defaults | given))


def _ulimit(**given: Any) -> Ulimit:
    defaults: dict[str, Any] = {"name": "", "soft": 0, "hard": 0}
    return Ulimit(**(defaults | given))


def _device(**given: Any) -> DeviceMapping:
    defaults: dict[str, Any] = {"path_on_host": ""}
    return DeviceMapping(**(defaults | given))


def _rates(key: str, attr: str) -> Field:
    return objects(key, attr, _RATE, _rate)


RESOURCES = (
    number("CpuShares", "cpu_shares"),
    number("Memory", "memory_bytes"),
    number("NanoCpus", "nano_cpus"),
    text("CgroupParent", "cgroup_parent"),
    number("BlkioWeight", "blkio_weight"),
    objects("BlkioWeightDevice", "blkio_weight_device", _WEIGHT, _rate, empty=[]),
    _rates("BlkioDeviceReadBps", "blkio_read_bps"),
    _rates("BlkioDeviceWriteBps", "blkio_write_bps"),
    _rates("BlkioDeviceReadIOps", "blkio_read_iops"),
    _rates("BlkioDeviceWriteIOps", "blkio_write_iops"),
    number("CpuPeriod", "cpu_period_us"),
    number("CpuQuota", "cpu_quota_us"),
    number("CpuRealtimePeriod", "cpu_realtime_period_us"),
    number("CpuRealtimeRuntime", "cpu_realtime_runtime_us"),
    text("CpusetCpus", "cpuset_cpus"),
    text("CpusetMems", "cpuset_mems"),
    objects("Devices", "devices", _DEVICE, _device, empty=[]),
    strings("DeviceCgroupRules", "device_cgroup_rules"),
    objects("DeviceRequests", "device_requests", _REQUEST, DeviceRequest),
    number("MemoryReservation", "memory_reservation_bytes"),
    number("MemorySwap", "memory_swap_bytes"),
    maybe("MemorySwappiness", "memory_swappiness", read_int),
    maybe("OomKillDisable", "oom_kill_disable", read_flag),
    maybe("PidsLimit", "pids_limit", read_int),
    objects("Ulimits", "ulimits", _ULIMIT, _ulimit, empty=[]),
)

_WINDOWS = {"CpuCount": 0, "CpuPercent": 0, "IOMaximumIOps": 0, "IOMaximumBandwidth": 0}


def decode_resources(value: Any, path: str) -> Resources:
    """The limits among HostConfig's keys. Raises: InvalidArgument"""
    given = decode(RESOURCES, value, path)
    if given.get("memory_swappiness") == -1:
        given["memory_swappiness"] = None  # old clients say "not set" with -1
    resources = Resources(**given)
    devices = tuple(
        replace(d, path_in_container=d.path_in_container or d.path_on_host, permissions=d.permissions or "rwm")
        for d in resources.devices
    )
    return replace(resources, devices=devices)


def encode_resources(resources: Resources) -> dict[str, Any]:
    """HostConfig's limits; keys of Windows are zeros as Docker's are."""
    return encode(RESOURCES, resources) | _WINDOWS
