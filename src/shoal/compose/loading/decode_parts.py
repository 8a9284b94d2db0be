"""Canonical parts of services → typed values."""

from collections.abc import Mapping
from typing import Any

from shoal.compose.parts import (
    Attachment,
    BlkioConfig,
    Build,
    Deploy,
    DeviceRequest,
    FileRef,
    HealthCheck,
    Hook,
    Limits,
    Mount,
)
from shoal.compose.units import parse_duration_ns
from shoal.model.units import NS_PER_S

Tree = Mapping[str, Any]


def seconds(text: str | None) -> float | None:
    """A canonical duration in seconds; None stays."""
    return None if text is None else parse_duration_ns(text) / NS_PER_S


def hosts(tree: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Extra hosts as the API takes them, `host:address`."""
    return tuple(f"{host}:{address}" for host, addresses in (tree or {}).items() for address in addresses)


def decode_build(tree: Tree | None) -> Build | None:
    if tree is None:
        return None
    return Build(
        context=tree.get("context", "."),
        dockerfile=tree.get("dockerfile", ""),
        dockerfile_inline=tree.get("dockerfile_inline", ""),
        args=dict(tree.get("args") or {}),
        target=tree.get("target", ""),
        labels=dict(tree.get("labels") or {}),
        tags=tuple(tree.get("tags") or ()),
        platforms=tuple(tree.get("platforms") or ()),
        cache_from=tuple(tree.get("cache_from") or ()),
        cache_to=tuple(tree.get("cache_to") or ()),
        no_cache=tree.get("no_cache", False),
        pull=tree.get("pull", False),
        network=tree.get("network", ""),
        shm_size_bytes=int(tree.get("shm_size") or 0),
        extra_hosts=hosts(tree.get("extra_hosts")),
        ulimits=decode_ulimits(tree.get("ulimits")),
        secrets=decode_file_refs(tree.get("secrets"), ""),
        ssh=dict(tree.get("ssh") or {}),
        additional_contexts=dict(tree.get("additional_contexts") or {}),
        privileged=tree.get("privileged", False),
        isolation=tree.get("isolation", ""),
    )


def decode_mount(tree: Tree) -> Mount:
    bind, volume, tmpfs, image = (tree.get(key) or {} for key in ("bind", "volume", "tmpfs", "image"))
    return Mount(
        type=tree["type"],
        source=tree.get("source", ""),
        target=tree.get("target", ""),
        read_only=tree.get("read_only", False),
        consistency=tree.get("consistency", ""),
        propagation=bind.get("propagation", ""),
        create_host_path=bind.get("create_host_path", True),
        recursive=bind.get("recursive", ""),
        selinux=bind.get("selinux", ""),
        nocopy=volume.get("nocopy", False),
        subpath=volume.get("subpath", ""),
        volume_labels=dict(volume.get("labels") or {}),
        tmpfs_size_bytes=int(tmpfs.get("size") or 0),
        tmpfs_mode=tmpfs.get("mode", 0),
        image_subpath=image.get("subpath", ""),
    )


def decode_networks(tree: Tree) -> tuple[Attachment, ...]:
    """Attachments, highest priority first, then by name."""
    attachments = (_attachment(name, one or {}) for name, one in tree.items())
    return tuple(sorted(attachments, key=lambda one: (-one.priority, one.network)))


def _attachment(name: str, tree: Tree) -> Attachment:
    known = ("ipv4_address", "ipv6_address", "mac_address", "interface_name", "priority", "gw_priority")
    return Attachment(
        network=name,
        aliases=tuple(tree.get("aliases") or ()),
        link_local_ips=tuple(tree.get("link_local_ips") or ()),
        driver_opts=dict(tree.get("driver_opts") or {}),
        use_service_name_alias=tree.get("use_service_name_alias", True),
        **{key: tree[key] for key in known if key in tree},
    )


def decode_file_refs(tree: Any, folder: str) -> tuple[FileRef, ...]:
    return tuple(_file_ref(one, folder) for one in tree or ())


def _file_ref(tree: Tree, folder: str) -> FileRef:
    target = tree.get("target") or tree["source"]
    return FileRef(
        source=tree["source"],
        target=target if target.startswith("/") else f"{folder}/{target}",
        uid=str(tree.get("uid", "")),
        gid=str(tree.get("gid", "")),
        mode=int(tree["mode"], 8) if "mode" in tree else None,
    )


def decode_ulimits(tree: Tree | None) -> dict[str, tuple[int, int]]:
    """{name: (soft, hard)}"""
    return {
        name: (value["soft"], value["hard"]) if isinstance(value, dict) else (value, value)
        for name, value in (tree or {}).items()
    }


def decode_health(tree: Tree | None) -> HealthCheck | None:
    if tree is None:
        return None
    test = tuple(tree.get("test") or ())
    return HealthCheck(
        test=test,
        interval_s=seconds(tree.get("interval")),
        timeout_s=seconds(tree.get("timeout")),
        start_period_s=seconds(tree.get("start_period")),
        start_interval_s=seconds(tree.get("start_interval")),
        retries=tree.get("retries"),
        disable=tree.get("disable", False) or test[:1] == ("NONE",),
    )


def decode_hooks(tree: Any) -> tuple[Hook, ...]:
    return tuple(
        Hook(
            command=tuple(one.get("command") or ()),
            user=one.get("user", ""),
            privileged=one.get("privileged", False),
            working_dir=one.get("working_dir", ""),
            environment=dict(one.get("environment") or {}),
        )
        for one in tree or ()
    )


def decode_deploy(tree: Tree | None) -> Deploy:
    if not tree:
        return Deploy()
    policy = tree.get("restart_policy") or {}
    return Deploy(
        mode=tree.get("mode") or "replicated",
        replicas=tree.get("replicas"),
        labels=dict(tree.get("labels") or {}),
        restart_condition=policy.get("condition", ""),
        restart_max_attempts=policy.get("max_attempts") or 0,
        tree=tree,
    )


def decode_limits(tree: Tree, resources: Tree) -> Limits:
    """Limits of a service; `deploy.resources` speaks where the short key is silent."""
    limits, reservations = resources.get("limits") or {}, resources.get("reservations") or {}
    cpus = tree.get("cpus", limits.get("cpus")) or 0
    reserved = tree.get("mem_reservation", reservations.get("memory"))
    return Limits(
        nano_cpus=round(cpus * NS_PER_S),
        cpuset=tree.get("cpuset", ""),
        cpu_shares=tree.get("cpu_shares", 0),
        cpu_quota=tree.get("cpu_quota", 0),
        cpu_period_us=tree.get("cpu_period", 0),
        cpu_rt_period_us=tree.get("cpu_rt_period", 0),
        cpu_rt_runtime_us=tree.get("cpu_rt_runtime", 0),
        cpu_count=tree.get("cpu_count", 0),
        cpu_percent=int(tree.get("cpu_percent", 0)),
        memory_bytes=int(tree.get("mem_limit", limits.get("memory")) or 0),
        memory_reservation_bytes=int(reserved or 0),
        memory_swap_bytes=int(tree.get("memswap_limit") or 0),
        memory_swappiness=int(tree["mem_swappiness"]) if "mem_swappiness" in tree else None,
        pids=tree.get("pids_limit", limits.get("pids")),
        oom_kill_disable=tree.get("oom_kill_disable", False),
        oom_score_adj=tree.get("oom_score_adj", 0),
        blkio=_blkio(tree.get("blkio_config") or {}),
    )


def _blkio(tree: Tree) -> BlkioConfig:
    rates = ("device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops")
    return BlkioConfig(
        weight=tree.get("weight", 0),
        weight_device={one["path"]: one["weight"] for one in tree.get("weight_device") or ()},
        **{key: {one["path"]: int(one["rate"]) for one in tree.get(key) or ()} for key in rates},
    )


def decode_device_requests(tree: Tree, resources: Tree) -> tuple[DeviceRequest, ...]:
    """GPUs from `gpus`, then what `deploy.resources.reservations.devices` asks for."""
    reserved = (resources.get("reservations") or {}).get("devices") or ()
    requests = [_device_request(one, ("gpu",)) for one in tree.get("gpus") or ()]
    return (*requests, *(_device_request(one, ()) for one in reserved))


def _device_request(tree: Tree, capabilities: tuple[str, ...]) -> DeviceRequest:
    device_ids = tuple(tree.get("device_ids") or ())
    asked = tuple(tree.get("capabilities") or ())
    return DeviceRequest(
        driver=tree.get("driver", ""),
        count=tree.get("count", 0 if device_ids else -1),
        device_ids=device_ids,
        capabilities=(*asked, *(one for one in capabilities if one not in asked)),
        options=dict(tree.get("options") or {}),
    )
