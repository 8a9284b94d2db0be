"""Trees in the order in which Compose prints them: known keys in their own order, names in the alphabet's."""

from collections.abc import Callable, Mapping
from typing import Any

_SECTIONS = ("services", "jobs", "networks", "volumes", "secrets", "configs")


def kind_at(path: tuple[str, ...]) -> str | None:
    """What a mapping at `path` is, for its order; None where its keys are names."""
    if not path:
        return "root"
    if len(path) == 2:
        return {"services": "service", "jobs": "service"}.get(path[0], path[0] if path[0] in _SECTIONS else None)
    if len(path) < 3 or path[0] not in _SECTIONS:
        return None
    rest = tuple(step for step in path[2:] if step != "[]")
    if path[0] in ("services", "jobs"):
        return _service_kind(rest)
    return {("ipam",): "ipam", ("ipam", "config"): "pool"}.get(rest)


def _service_kind(rest: tuple[str, ...]) -> str | None:
    if rest[:1] == ("pre_start",):
        return "service" if len(rest) == 1 else _service_kind(rest[1:])
    if len(rest) == 2 and rest[0] in ("networks", "depends_on", "ulimits"):
        return {"networks": "attachment"}.get(rest[0], rest[0])
    return _KINDS.get(rest)


_KINDS = {
    ("build",): "build",
    ("build", "secrets"): "file",
    ("blkio_config",): "blkio",
    ("configs",): "file",
    ("secrets",): "file",
    ("deploy",): "deploy",
    ("deploy", "update_config"): "update",
    ("deploy", "rollback_config"): "update",
    ("deploy", "resources"): "resources",
    ("deploy", "resources", "limits"): "resource",
    ("deploy", "resources", "reservations"): "resource",
    ("deploy", "resources", "reservations", "devices"): "gpu",
    ("deploy", "restart_policy"): "policy",
    ("deploy", "placement"): "placement",
    ("develop", "watch"): "watch",
    ("devices",): "device",
    ("gpus",): "gpu",
    ("healthcheck",): "health",
    ("logging",): "logging",
    ("ports",): "port",
    ("post_start",): "hook",
    ("pre_stop",): "hook",
    ("volumes",): "mount",
    ("volumes", "bind"): "bind",
    ("volumes", "volume"): "volume_options",
    ("volumes", "tmpfs"): "tmpfs",
}


def _places(text: str) -> dict[str, int]:
    return {word: position for position, word in enumerate(text.split())}


ORDER: dict[str | None, dict[str, int]] = {
    "root": _places("name services networks volumes secrets configs models jobs"),
    "service": _places(
        "profiles annotations attach build develop blkio_config cap_add cap_drop cgroup_parent cgroup "
        "cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpus cpuset cpu_shares "
        "command configs container_name credential_spec depends_on deploy device_cgroup_rules devices dns "
        "dns_opt dns_search domainname entrypoint provider environment env_file expose extends external_links "
        "extra_hosts group_add gpus hostname healthcheck image init ipc isolation labels label_file links "
        "logging mem_limit mem_reservation memswap_limit mem_swappiness mac_address models network_mode "
        "networks oom_kill_disable oom_score_adj pid pids_limit platform ports privileged pull_policy "
        "pull_refresh_after read_only restart runtime scale secrets security_opt shm_size stdin_open "
        "stop_grace_period stop_signal storage_opt sysctls tmpfs triggers tty ulimits umask use_api_socket "
        "user userns_mode uts volumes volumes_from working_dir pre_start post_start pre_stop"
    ),
    "build": _places(
        "context dockerfile dockerfile_inline entitlements args provenance sbom ssh labels cache_from cache_to "
        "no_cache no_cache_filter additional_contexts pull extra_hosts isolation network target secrets shm_size "
        "tags ulimits platforms privileged"
    ),
    "blkio": _places("weight weight_device device_read_bps device_read_iops device_write_bps device_write_iops"),
    "file": _places("source target uid gid mode"),
    "deploy": _places(
        "mode replicas labels update_config rollback_config resources restart_policy placement endpoint_mode"
    ),
    "update": _places("parallelism delay failure_action monitor max_failure_ratio order"),
    "resources": _places("limits reservations"),
    "resource": _places("cpus memory pids devices generic_resources"),
    "policy": _places("condition delay max_attempts window"),
    "placement": _places("constraints preferences max_replicas_per_node"),
    "watch": _places("path action target exec include ignore initial_sync"),
    "device": _places("source target permissions"),
    "gpu": _places("capabilities driver count device_ids options"),
    "health": _places("test timeout interval retries start_period start_interval disable"),
    "logging": _places("driver options"),
    "port": _places("name mode host_ip target published protocol app_protocol"),
    "hook": _places("command user privileged working_dir environment"),
    "mount": _places("type source target read_only consistency bind volume tmpfs image"),
    "bind": _places("selinux propagation create_host_path recursive"),
    "volume_options": _places("labels nocopy subpath"),
    "tmpfs": _places("size mode"),
    "depends_on": _places("condition restart required"),
    "ulimits": _places("soft hard"),
    "attachment": _places(
        "aliases driver_opts gw_priority interface_name ipv4_address ipv6_address link_local_ips mac_address priority"
    ),
    "networks": _places("name driver driver_opts ipam external internal attachable labels enable_ipv4 enable_ipv6"),
    "ipam": _places("driver config options"),
    "pool": _places("subnet gateway ip_range aux_addresses"),
    "volumes": _places("name driver driver_opts external labels"),
    "secrets": _places("name file environment content external labels driver driver_opts template_driver"),
    "configs": _places("name file environment content external labels driver driver_opts template_driver"),
}


def rank(order: dict[str, int]) -> Callable[[str], tuple[int, str]]:
    """Sort key: known keys in their order, then the others by name."""
    return lambda key: (order.get(key, len(order)), key)


def ordered(value: Any, path: tuple[str, ...]) -> Any:
    """`value` with keys in order, empty parts left out, and special forms as Compose prints them."""
    if isinstance(value, Mapping):
        if path[-1:] == ("extra_hosts",):
            return sorted(f"{host}={address}" for host, addresses in value.items() for address in addresses)
        if path[-1:] == ("ssh",):
            return [f"{key}={item}" if item else key for key, item in value.items()]
        order = ORDER.get(kind_at(path))
        keys = sorted(value, key=rank(order)) if order else sorted(value)
        return {key: ordered(value[key], (*path, key)) for key in keys if _is_shown(value[key], key, path)}
    if isinstance(value, (list, tuple)):
        return [ordered(item, (*path, "[]")) for item in value]
    return value


def _is_shown(value: Any, key: str, path: tuple[str, ...]) -> bool:
    if value is False:
        return key not in _PLAIN_FLAGS or kind_at(path) is None
    if value == {}:
        return key in _SHOWN_EMPTY or path[-1:] == ("networks",) or path == ("volumes",)
    if value == []:
        return key in ("command", "entrypoint")
    if value == "0" and key in _SIZES:
        return False
    if value is None:
        return path[-1:] in (("networks",), ("environment",)) or kind_at(path) is None
    return True


#: What is printed even where it is empty.
_SHOWN_EMPTY = frozenset(
    (
        *("services", "blkio_config", "deploy", "develop", "healthcheck", "logging"),
        *("bind", "volume", "tmpfs", "image"),
    )
)
_SIZES = frozenset(("mem_limit", "mem_reservation", "memswap_limit", "shm_size"))
#: Flags that are not printed where they are off.
_PLAIN_FLAGS = frozenset(
    (
        "privileged",
        "read_only",
        "tty",
        "stdin_open",
        "oom_kill_disable",
        "restart",
        "internal",
        "attachable",
        "no_cache",
        "pull",
        "disable",
        "nocopy",
        "external",
        "use_api_socket",
        "initial_sync",
    )
)
