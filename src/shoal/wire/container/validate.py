"""What a container spec must keep to, whatever the host: Docker's checks in Docker's words."""

import ipaddress
import posixpath
import re
from dataclasses import replace

from shoal.errors import InvalidArgument
from shoal.model.capabilities import normal_capabilities
from shoal.model.container import ContainerSpec, HostSpec, RestartMode
from shoal.model.health import Healthcheck
from shoal.model.mount import Mount, MountType
from shoal.model.resources import Resources
from shoal.model.signals import parse_signal

MIN_MEMORY_BYTES = 6 << 20
_MS = 1_000_000
_CONTROL = re.compile(r"[\0-\x1f\x7f]")
_SPACE = re.compile(r"[\0-\x20\x7f\s]")
_CPUSET = re.compile(r"\d{1,6}(?:-\d{1,6})?(?:,\d{1,6}(?:-\d{1,6})?)*", re.ASCII)


def check_spec(spec: ContainerSpec) -> None:
    """Nothing, or raises: InvalidArgument"""
    if not spec.image:
        raise InvalidArgument("no image specified")
    if spec.workdir and not posixpath.isabs(spec.workdir):
        raise InvalidArgument(f"the working directory '{spec.workdir}' is invalid, it needs to be an absolute path")
    for item in spec.env:
        if not item or item.startswith("="):
            raise InvalidArgument(f"invalid environment variable: {item}")
        if "\0" in item:
            raise InvalidArgument(f"invalid environment variable: {item!r}: it contains a NUL byte")
    if spec.stop_signal:
        parse_signal(spec.stop_signal)
    _check_own_name(spec)
    for path in spec.volumes:
        if not posixpath.isabs(path.partition(":")[0]):
            raise InvalidArgument(f"invalid volume specification: '{path}'")
    if spec.healthcheck is not None:
        check_health(spec.healthcheck)
    check_host(spec.host)
    _check_network_mode(spec)


def _check_own_name(spec: ContainerSpec) -> None:
    if len(spec.hostname) > 63 or _CONTROL.search(spec.hostname) or "/" in spec.hostname:
        raise InvalidArgument(f"invalid hostname format: {spec.hostname!r}")
    if len(spec.domainname) > 255 or _SPACE.search(spec.domainname) or "/" in spec.domainname:
        raise InvalidArgument(f"invalid domain name: {spec.domainname!r}")


def check_health(check: Healthcheck) -> None:
    """Nothing, or raises: InvalidArgument"""
    durations = (
        ("Interval", check.interval_ns),
        ("Timeout", check.timeout_ns),
        ("StartPeriod", check.start_period_ns),
        ("StartInterval", check.start_interval_ns),
    )
    for name, value in durations:
        if value and value < _MS:
            raise InvalidArgument(f"{name} in Healthcheck cannot be less than 1ms")
    if check.retries < 0:
        raise InvalidArgument("Retries in Healthcheck cannot be negative")
    if check.test and check.test[0] not in ("NONE", "CMD", "CMD-SHELL"):
        raise InvalidArgument(f'unknown type "{check.test[0]}" in healthcheck; expected NONE, CMD or CMD-SHELL')


def check_host(host: HostSpec) -> None:
    """Nothing, or raises: InvalidArgument"""
    if host.auto_remove and host.restart.mode is not RestartMode.NO:
        raise InvalidArgument("can't create 'AutoRemove' container with restart policy")
    normal_capabilities(host.cap_add, "CapAdd")
    normal_capabilities(host.cap_drop, "CapDrop")
    if not -1000 <= host.oom_score_adj <= 1000:
        raise InvalidArgument(f"Invalid value {host.oom_score_adj}, range for oom score adj is [-1000, 1000]")
    if host.shm_bytes < 0:
        raise InvalidArgument("SHM size can not be less than 0")
    _check_modes(host)
    for entry in host.extra_hosts:
        _check_extra_host(entry)
    _check_names(host)
    if host.isolation not in ("", "default"):
        raise InvalidArgument(f'invalid isolation: "{host.isolation}" on linux')
    for mount in host.mounts:
        check_mount(mount)
    for option in host.security_opt:
        if option not in ("no-new-privileges", "disable") and not re.search("[:=]", option):
            raise InvalidArgument(f'invalid --security-opt 1: "{option}"')
    check_resources(host.resources)


def _check_modes(host: HostSpec) -> None:
    modes = (
        ("PID", host.pid_mode, ("", "host", "private"), True),
        ("IPC", host.ipc_mode, ("", "host", "private", "shareable", "none"), True),
        ("UTS", host.uts_mode, ("", "host"), False),
        ("cgroup namespace", host.cgroupns_mode, ("", "host", "private"), False),
        ("user namespace", host.userns_mode, ("", "host"), False),
    )
    for what, mode, known, may_join in modes:
        joins = may_join and mode.startswith("container:") and len(mode) > len("container:")
        if mode not in known and not joins:
            raise InvalidArgument(f"invalid {what} mode: {mode}")


def _check_extra_host(entry: str) -> None:
    name, colon, address = entry.replace("=", ":", 1).partition(":") if "=" in entry else entry.partition(":")
    if not name or not colon or not address or _SPACE.search(entry):
        raise InvalidArgument(f'bad format for add-host: "{entry}"')
    if address == "host-gateway":
        return
    try:
        ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        raise InvalidArgument(f'invalid IP address in add-host: "{address}"') from None


def _check_names(host: HostSpec) -> None:
    """What goes into resolv.conf, a word each; the rest of such a file must stay ours."""
    for server in host.dns:
        try:
            ipaddress.ip_address(server.strip("[]"))
        except ValueError:
            raise InvalidArgument(f"invalid IP address of a DNS server: {server}") from None
    for what, words in (
        ("DNS server", host.dns),
        ("DNS search domain", host.dns_search),
        ("DNS option", host.dns_options),
    ):
        for word in words:
            if _SPACE.search(word):
                raise InvalidArgument(f"invalid {what}: {word!r}")


def check_mount(mount: Mount) -> None:
    """Nothing, or raises: InvalidArgument"""
    if reason := _mount_fault(mount):
        raise InvalidArgument(f'invalid mount config for type "{mount.type.value}": {reason}')


def _mount_fault(mount: Mount) -> str:
    if not mount.target:
        return "field Target must not be empty"
    if not posixpath.isabs(mount.target):
        return f"invalid mount path: '{mount.target}' mount path must be absolute"
    if posixpath.normpath(mount.target) in ("/", "//"):
        return "invalid specification: destination can't be '/'"
    for name, given, kind in (
        ("BindOptions", mount.bind, MountType.BIND),
        ("VolumeOptions", mount.volume, MountType.VOLUME),
        ("TmpfsOptions", mount.tmpfs, MountType.TMPFS),
    ):
        if given is not None and mount.type is not kind and given != type(given)():
            return f"field {name} must not be specified"
    return _source_fault(mount)


def _source_fault(mount: Mount) -> str:
    if mount.type is MountType.TMPFS:
        return "field Source must not be specified" if mount.source else ""
    if mount.type is MountType.BIND:
        if not mount.source:
            return "field Source must not be empty"
        if not posixpath.isabs(mount.source):
            return f"invalid mount path: '{mount.source}' mount path must be absolute"
    if mount.type is MountType.IMAGE and not mount.source:
        return "field Source must not be empty"
    subpath = mount.volume.subpath if mount.volume else mount.image_subpath
    if subpath and (posixpath.isabs(subpath) or ".." in subpath.split("/")):
        return f'subpath "{subpath}" must be a relative path within the volume'
    return ""


def check_resources(r: Resources) -> None:
    """Nothing, or raises: InvalidArgument. Source: Docker, `daemon.verifyPlatformContainerResources`"""
    if fault := _memory_fault(r) or _cpu_fault(r):
        raise InvalidArgument(fault)
    if r.blkio_weight and not 10 <= r.blkio_weight <= 1000:
        raise InvalidArgument("range of blkio weight is from 10 to 1000")
    parent = r.cgroup_parent
    if _CONTROL.search(parent) or len(parent) > 1024 or any(len(name) > 255 for name in parent.split("/")):
        raise InvalidArgument(f"invalid cgroup parent: {parent[:255]!r}")
    for ulimit in r.ulimits:
        if not ulimit.name:
            raise InvalidArgument("invalid ulimit: the name is missing")
        if ulimit.hard != -1 and (ulimit.soft > ulimit.hard or ulimit.soft == -1):
            raise InvalidArgument(
                f"ulimit soft limit must be less than or equal to hard limit: {ulimit.soft} > {ulimit.hard}"
            )


def check_update(r: Resources) -> None:
    """As `check_resources`, but swap may come without memory: the memory limit may be set already."""
    without_memory = not r.memory_bytes and r.memory_swap_bytes > 0
    check_resources(replace(r, memory_swap_bytes=0) if without_memory else r)


def _memory_fault(r: Resources) -> str:
    memory, swap, reservation = r.memory_bytes, r.memory_swap_bytes, r.memory_reservation_bytes
    if memory and memory < MIN_MEMORY_BYTES:
        return "Minimum memory limit allowed is 6MB"
    if memory and swap > 0 and swap < memory:
        return "Minimum memoryswap limit should be larger than memory limit, see usage"
    if not memory and swap > 0:
        return "You should always set the Memory limit when using Memoryswap limit, see usage"
    if r.memory_swappiness is not None and not -1 <= r.memory_swappiness <= 100:
        return f"invalid value: {r.memory_swappiness}, valid memory swappiness range is 0-100"
    if reservation and reservation < MIN_MEMORY_BYTES:
        return "Minimum memory reservation allowed is 6MB"
    if memory and reservation > memory:
        return "Minimum memory limit can not be less than memory reservation limit, see usage"
    return ""


def _cpu_fault(r: Resources) -> str:
    if r.nano_cpus and r.cpu_period_us:
        return "Conflicting options: Nano CPUs and CPU Period cannot both be set"
    if r.nano_cpus and r.cpu_quota_us:
        return "Conflicting options: Nano CPUs and CPU Quota cannot both be set"
    if r.cpu_period_us and not 1000 <= r.cpu_period_us <= 1_000_000:
        return "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"
    if 0 < r.cpu_quota_us < 1000:
        return "CPU cfs quota can not be less than 1ms (i.e. 1000)"
    if r.cpu_shares < 0:
        return f"invalid CPU shares ({r.cpu_shares}): value must be a positive integer"
    for what, cpuset in (("cpus", r.cpuset_cpus), ("mems", r.cpuset_mems)):
        if cpuset and not _CPUSET.fullmatch(cpuset):
            return f"Invalid value {cpuset} for cpuset {what}"
    return ""


def _check_network_mode(spec: ContainerSpec) -> None:
    host, mode = spec.host, spec.host.network_mode
    joined = mode.startswith("container:")
    if joined and len(mode) == len("container:"):
        raise InvalidArgument("Invalid network mode: invalid container format container:<name|id>")
    if not joined and mode != "host":
        return
    clashes = (
        (bool(spec.hostname) and (joined or host.uts_mode == "host"), "hostname and the network mode"),
        (joined and bool(host.dns), "dns and the network mode"),
        (joined and bool(host.extra_hosts), "custom host-to-IP mapping and the network mode"),
        (joined and bool(host.ports or host.publish_all_ports), "port publishing and the container type network mode"),
        (joined and bool(spec.exposed_ports), "port exposing and the container type network mode"),
        (joined and bool(spec.mac_address), "mac-address and the network mode"),
    )
    for clash, what in clashes:
        if clash:
            raise InvalidArgument(f"conflicting options: {what}")
    if host.links:
        kind = "container type network can't" if joined else "host type networking can't"
        raise InvalidArgument(
            f"conflicting options: {kind} be used with links. This would result in undefined behavior"
        )
