"""HostConfig of a container to create: limits, security, devices, policies."""

from __future__ import annotations

from shoal.cli.container.create.mounts import parse_mount, parse_tmpfs
from shoal.cli.errors import UsageError
from shoal.cli.values import parse_limit_bytes, split_pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from shoal.cli.flags import Options

_DEVICE_MODES = frozenset("rwm")
_POLICIES = ("no", "always", "on-failure", "unless-stopped")


def host_config(options: Options) -> dict[str, Any]:
    """HostConfig of these flags, without ports, binds and network. Raises: UsageError, ValueError."""
    return {**_resources(options), **_security(options), **_behaviour(options)}


def _resources(options: Options) -> dict[str, Any]:
    swappiness = options.number("memory-swappiness")
    if swappiness != -1 and not 0 <= swappiness <= 100:
        raise UsageError(f"invalid value: {swappiness}. Valid memory swappiness range is 0-100")
    return {
        "NanoCpus": parse_nano_cpus(options.text("cpus")),
        "CpuShares": options.number("cpu-shares"),
        "CpuPeriod": options.number("cpu-period"),
        "CpuQuota": options.number("cpu-quota"),
        "CpuRealtimePeriod": options.number("cpu-rt-period"),
        "CpuRealtimeRuntime": options.number("cpu-rt-runtime"),
        "CpusetCpus": options.text("cpuset-cpus"),
        "CpusetMems": options.text("cpuset-mems"),
        "Memory": options.number("memory"),
        "MemoryReservation": options.number("memory-reservation"),
        "MemorySwap": options.number("memory-swap"),
        "MemorySwappiness": swappiness if swappiness != -1 else None,
        "KernelMemory": options.number("kernel-memory"),
        "OomKillDisable": options.flag("oom-kill-disable"),
        "OomScoreAdj": options.number("oom-score-adj"),
        "PidsLimit": options.number("pids-limit"),
        "BlkioWeight": options.number("blkio-weight"),
        "BlkioWeightDevice": _device_numbers(options.list("blkio-weight-device"), "Weight", int),
        "BlkioDeviceReadBps": _device_numbers(options.list("device-read-bps"), "Rate", parse_limit_bytes),
        "BlkioDeviceWriteBps": _device_numbers(options.list("device-write-bps"), "Rate", parse_limit_bytes),
        "BlkioDeviceReadIOps": _device_numbers(options.list("device-read-iops"), "Rate", int),
        "BlkioDeviceWriteIOps": _device_numbers(options.list("device-write-iops"), "Rate", int),
        "Ulimits": [parse_ulimit(text) for text in options.list("ulimit")],
        "ShmSize": options.number("shm-size"),
        "CgroupParent": options.text("cgroup-parent"),
        "StorageOpt": _map(options.list("storage-opt")),
    }


def _security(options: Options) -> dict[str, Any]:
    return {
        "Privileged": options.flag("privileged"),
        "CapAdd": [_capability(text) for text in options.list("cap-add")],
        "CapDrop": [_capability(text) for text in options.list("cap-drop")],
        "Devices": [parse_device(text) for text in options.list("device")],
        "DeviceCgroupRules": options.list("device-cgroup-rule"),
        "GroupAdd": options.list("group-add"),
        "ReadonlyRootfs": options.flag("read-only"),
        "CgroupnsMode": options.text("cgroupns"),
        "IpcMode": options.text("ipc"),
        "PidMode": options.text("pid"),
        "UTSMode": options.text("uts"),
        "UsernsMode": options.text("userns"),
        "Isolation": options.text("isolation"),
        "Sysctls": _map(options.list("sysctl")),
        **security_options(options.list("security-opt")),
    }


def _behaviour(options: Options) -> dict[str, Any]:
    policy = parse_restart_policy(options.text("restart"))
    if options.flag("rm") and policy and policy["Name"] not in ("", "no"):
        raise UsageError("conflicting options: cannot specify both --restart and --rm")
    init = options.flag("init") if options.is_given("init") else None
    return {
        "AutoRemove": options.flag("rm"),
        "RestartPolicy": policy,
        "Init": init,
        "ContainerIDFile": options.text("cidfile"),
        "PublishAllPorts": options.flag("publish-all"),
        "Dns": options.list("dns"),
        "DnsOptions": options.list("dns-option") + options.list("dns-opt"),
        "DnsSearch": options.list("dns-search"),
        "ExtraHosts": [_parse_extra_host(text) for text in options.list("add-host")],
        "Links": options.list("link"),
        "Mounts": [
            *(parse_mount(text) for text in options.list("mount")),
            *([_API_SOCKET] if options.flag("use-api-socket") else []),
        ],
        "Tmpfs": dict(parse_tmpfs(text) for text in options.list("tmpfs")),
        "VolumesFrom": options.list("volumes-from"),
        "VolumeDriver": options.text("volume-driver"),
        "Runtime": options.text("runtime"),
        "Annotations": _map(options.list("annotation")),
        "LogConfig": _log_config(options),
    }


_API_SOCKET = {"Type": "bind", "Source": "/run/shoal/shoal.sock", "Target": "/var/run/docker.sock"}


def _capability(text: str) -> str:
    name = text.strip().upper()
    return name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}"


def parse_nano_cpus(text: str) -> int:
    """ "1.5" as 1500000000. Raises: UsageError."""
    if not text:
        return 0
    from decimal import Decimal, InvalidOperation  # only where a limit is asked for

    try:
        nanos = Decimal(text) * 10**9
    except InvalidOperation:
        raise UsageError(
            f'invalid argument "{text}" for "--cpus" flag: failed to parse {text} as a rational number'
        ) from None
    if not nanos.is_finite() or nanos != int(nanos):
        raise UsageError(f'invalid argument "{text}" for "--cpus" flag: value is too precise')
    return int(nanos)


def parse_restart_policy(text: str) -> dict[str, Any] | None:
    """ "on-failure:3" as RestartPolicy; None for "". Raises: UsageError."""
    if not text:
        return None
    name, colon, count = text.partition(":")
    if not name:
        raise UsageError("invalid restart policy format: no policy provided before colon")
    if name not in _POLICIES:
        close = f"; wanted one of {', '.join(_POLICIES)}"
        raise UsageError(f"invalid restart policy: unknown policy '{name}'{close}")
    if colon and not count.isdigit():
        raise UsageError("invalid restart policy format: maximum retry count must be an integer")
    return {"Name": name, "MaximumRetryCount": int(count) if colon else 0}


def parse_ulimit(text: str) -> dict[str, Any]:
    """ "nofile=1024:2048" as Ulimit. Raises: UsageError."""
    name, equals, limits = text.partition("=")
    soft, colon, hard = limits.partition(":")
    try:
        soft_value = int(soft)
        hard_value = int(hard) if colon else soft_value
    except ValueError:
        raise UsageError(f'invalid argument "{text}" for "--ulimit" flag: invalid ulimit argument: {text}') from None
    if not equals or not name:
        raise UsageError(f'invalid argument "{text}" for "--ulimit" flag: invalid ulimit argument: {text}')
    if hard_value != -1 and (soft_value == -1 or soft_value > hard_value):
        raise UsageError(
            f'invalid argument "{text}" for "--ulimit" flag: '
            f"ulimit soft limit must be less than or equal to hard limit: {soft_value} > {hard_value}"
        )
    return {"Name": name, "Soft": soft_value, "Hard": hard_value}


def _device_numbers(texts: Iterable[str], key: str, parse: Any) -> list[dict[str, Any]]:
    found = []
    for text in texts:
        path, colon, value = text.rpartition(":")
        if not colon or not path.startswith("/dev/"):
            raise UsageError(f"bad format for device path: {text}")
        try:
            found.append({"Path": path, key: parse(value)})
        except ValueError:
            raise UsageError(f"invalid rate for device: {text}") from None
    return found


def parse_device(text: str) -> dict[str, str]:
    """ "/dev/a:/dev/b:rw" as DeviceMapping. Raises: UsageError."""
    source, _, rest = text.partition(":")
    target, permissions = source, "rwm"
    if rest:
        first, colon, second = rest.partition(":")
        if not colon and _is_device_mode(first):
            permissions = first
        else:
            target, permissions = first, second or permissions
    if not source or rest.count(":") > 1 or not _is_device_mode(permissions):
        raise UsageError(f"invalid device specification: {text}")
    return {"PathOnHost": source, "PathInContainer": target, "CgroupPermissions": permissions}


def _is_device_mode(text: str) -> bool:
    return bool(text) and set(text) <= _DEVICE_MODES and len(set(text)) == len(text)


def security_options(texts: Iterable[str]) -> dict[str, Any]:
    """SecurityOpt, and the masked paths where they are told, of `--security-opt` values. Raises: UsageError."""
    kept: list[str] = []
    paths: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals and key != "no-new-privileges":
            key, equals, value = text.partition(":")
        if not equals and key != "no-new-privileges":
            raise UsageError(f"invalid --security-opt: {text!r}")
        if key == "systempaths" and value == "unconfined":
            paths = {"MaskedPaths": [], "ReadonlyPaths": []}
        elif key == "seccomp" and value not in ("unconfined", "builtin"):
            kept.append("seccomp=" + _seccomp_text(value))
        else:
            kept.append(f"{key}={value}" if equals else key)
    return {"SecurityOpt": kept, **paths}


def _seccomp_text(path: str) -> str:
    import json

    try:
        with open(path, encoding="utf-8") as file:
            return json.dumps(json.load(file), separators=(",", ":"))
    except OSError as error:
        raise UsageError(f"opening seccomp profile ({path}) failed: {(error.strerror or '').lower()}") from error
    except ValueError as error:
        raise UsageError(f"seccomp profile ({path}) is not JSON: {error}") from error


def _parse_extra_host(text: str) -> str:
    name, colon, address = text.partition("=") if "=" in text else text.partition(":")
    if not colon or not name or not address:
        raise UsageError(f'invalid argument "{text}" for "--add-host" flag: bad format for add-host: "{text}"')
    return f"{name}:{address.removeprefix('[').removesuffix(']')}"


def _log_config(options: Options) -> dict[str, Any] | None:
    driver, settings = options.text("log-driver"), _map(options.list("log-opt"))
    if driver == "none" and settings:
        raise UsageError('invalid logging opts for driver "none"')
    return {"Type": driver, "Config": settings} if driver or settings else None


def _map(texts: Iterable[str]) -> dict[str, str]:
    pairs = (split_pair(text) for text in texts)
    return {key: value or "" for key, value in pairs}
