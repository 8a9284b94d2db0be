"""What of a container depends on the host (`HostConfig`). Source: Docker Engine API v1.51, HostConfig."""

from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.container import DEFAULT_SHM_BYTES, HostSpec, LogConfig, RestartMode, RestartPolicy
from shoal.wire.container.mounts import MEMORY_FILES, read_mounts, write_mount
from shoal.wire.container.ports import read_port_map, write_port_map
from shoal.wire.container.resources import decode_resources, encode_resources
from shoal.wire.fields import (
    NULL,
    OMIT,
    Field,
    decode,
    encode,
    flag,
    maybe,
    number,
    read_flag,
    read_int,
    read_list,
    read_object,
    read_strings,
    read_text,
    strings,
    text,
    text_map,
)


def _read_log(value: Any, path: str) -> LogConfig:
    return LogConfig(**decode((text("Type", "driver"), text_map("Config", "options")), value, path))


def _write_log(log: LogConfig) -> Any:
    return {"Type": log.driver, "Config": dict(log.options)}


def read_restart(value: Any, path: str) -> RestartPolicy:
    """HostConfig.RestartPolicy. Raises: InvalidArgument, in Docker's words"""
    given = read_object(value, path)
    name = read_text(given.get("Name") or "no", f"{path}.Name")
    retries = read_int(given.get("MaximumRetryCount") or 0, f"{path}.MaximumRetryCount")
    if name not in tuple(RestartMode):
        raise InvalidArgument(
            f"invalid restart policy: unknown policy '{name}'; "
            "use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        )
    mode = RestartMode(name)
    if retries < 0:
        raise InvalidArgument("invalid restart policy: maximum retry count cannot be negative")
    if retries and mode is not RestartMode.ON_FAILURE:
        raise InvalidArgument("invalid restart policy: maximum retry count can only be used with 'on-failure'")
    return RestartPolicy(mode=mode, max_retries=retries)


def write_restart(policy: RestartPolicy) -> dict[str, Any]:
    """HostConfig.RestartPolicy."""
    return {"Name": policy.mode.value, "MaximumRetryCount": policy.max_retries}


def _read_size(value: Any, path: str) -> tuple[int, int]:
    numbers = [read_int(item, path) for item in read_list(value, path)]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


def _links(value: tuple[str, ...]) -> Any:
    return list(value) or NULL


HOST = (
    strings("Binds", "binds"),
    text("ContainerIDFile", "container_id_file"),
    Field("LogConfig", "log", _read_log, _write_log),
    text("NetworkMode", "network_mode"),
    Field("PortBindings", "ports", read_port_map, write_port_map),
    Field("RestartPolicy", "restart", read_restart, write_restart),
    flag("AutoRemove", "auto_remove"),
    text("VolumeDriver", "volume_driver"),
    strings("VolumesFrom", "volumes_from"),
    Field("ConsoleSize", "console_size", _read_size, list),
    text_map("Annotations", "annotations", empty=OMIT),
    strings("CapAdd", "cap_add"),
    strings("CapDrop", "cap_drop"),
    text("CgroupnsMode", "cgroupns_mode"),
    strings("Dns", "dns", empty=[]),
    strings("DnsOptions", "dns_options", empty=[]),
    strings("DnsSearch", "dns_search", empty=[]),
    strings("ExtraHosts", "extra_hosts"),
    strings("GroupAdd", "group_add"),
    text("IpcMode", "ipc_mode"),
    text("Cgroup", "cgroup"),
    Field("Links", "links", read_strings, _links),
    number("OomScoreAdj", "oom_score_adj"),
    text("PidMode", "pid_mode"),
    flag("Privileged", "privileged"),
    flag("PublishAllPorts", "publish_all_ports"),
    flag("ReadonlyRootfs", "readonly_rootfs"),
    strings("SecurityOpt", "security_opt"),
    text_map("StorageOpt", "storage_opt", empty=OMIT),
    text_map("Tmpfs", "tmpfs", empty=OMIT),
    text("UTSMode", "uts_mode"),
    text("UsernsMode", "userns_mode"),
    number("ShmSize", "shm_bytes"),
    text_map("Sysctls", "sysctls", empty=OMIT),
    text("Runtime", "runtime"),
    text("Isolation", "isolation"),
)
_AFTER_RESOURCES = (
    Field("Mounts", "mounts", read_mounts, lambda mounts: [write_mount(m) for m in mounts] or OMIT),
    MEMORY_FILES,
    Field("MaskedPaths", "masked_paths", read_strings, lambda paths: NULL if paths is None else list(paths)),
    Field("ReadonlyPaths", "readonly_paths", read_strings, lambda paths: NULL if paths is None else list(paths)),
    maybe("Init", "init", read_flag, empty=OMIT),
)


def decode_host(value: Any, path: str) -> HostSpec:
    """The HostConfig of a create body. Raises: InvalidArgument"""
    given = decode((*HOST, *_AFTER_RESOURCES), value, path)
    given["shm_bytes"] = given.get("shm_bytes") or DEFAULT_SHM_BYTES
    return HostSpec(**given, resources=decode_resources(value, path))


def encode_host(host: HostSpec) -> dict[str, Any]:
    """The HostConfig that inspect shows."""
    return encode(HOST, host) | encode_resources(host.resources) | encode(_AFTER_RESOURCES, host)
