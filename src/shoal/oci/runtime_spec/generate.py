"""The OCI runtime spec of one container. Source: OCI runtime spec 1.1; Docker, `daemon.createSpec`."""

from collections.abc import Sequence
from typing import Any

from shoal.errors import DriverError
from shoal.model.capabilities import granted_capabilities
from shoal.model.container import Container
from shoal.model.mount import MountPoint
from shoal.oci.runtime_spec import mounts as m
from shoal.oci.runtime_spec.devices import device_nodes, device_rules
from shoal.oci.runtime_spec.facts import Permits, Surroundings
from shoal.oci.runtime_spec.limits import cgroup_limits, process_limits
from shoal.oci.runtime_spec.paths import READONLY_PATHS, masked_paths
from shoal.oci.runtime_spec.process import process_capabilities, process_env

_DEFAULT_SYSCTLS = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}


def generate(
    container: Container,
    points: Sequence[MountPoint],
    around: Surroundings,
    permits: Permits,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(the runtime spec, warnings).

    points: mounts with their sources on the host
    Raises: InvalidArgument; DriverError where an init is asked for and the host has none
    """
    host = container.spec.host
    process, warnings = _process(container, around, permits)
    spec: dict[str, Any] = {
        "ociVersion": "1.0.2",
        "process": process,
        "root": {"path": around.rootfs, "readonly": host.readonly_rootfs},
        "mounts": _mounts(container, points, around, permits),
        "linux": _linux(container, points, around, permits),
    }
    if host.uts_mode != "host":
        spec["hostname"] = container.hostname
    if annotations := {**host.annotations, **around.annotations}:
        spec["annotations"] = annotations
    return spec, tuple(warnings)


def security_options(options: Sequence[str]) -> dict[str, str]:
    """{"seccomp": "unconfined", "no-new-privileges": "true"} of HostConfig.SecurityOpt."""
    result: dict[str, str] = {}
    for option in options:
        cut = min((option.index(mark) for mark in "=:" if mark in option), default=len(option))
        result[option[:cut]] = option[cut + 1 :] or ("" if cut < len(option) else "true")
    return result


def _process(container: Container, around: Surroundings, permits: Permits) -> tuple[dict[str, Any], list[str]]:
    spec, host = container.spec, container.spec.host
    wanted = granted_capabilities(host.cap_add, host.cap_drop, privileged=host.privileged)
    granted = [name for name in wanted if name in permits.capabilities]
    may_raise = "CAP_SYS_RESOURCE" in permits.capabilities
    limits, warnings = process_limits(host.resources.ulimits, permits.hard_limits, may_raise=may_raise)
    oom_score_adj = host.oom_score_adj
    if oom_score_adj < permits.min_oom_score_adj:
        if oom_score_adj:
            warnings.append(f"oom-score-adj: {oom_score_adj} raised to {permits.min_oom_score_adj}, the engine's own")
        oom_score_adj = permits.min_oom_score_adj
    options = security_options(host.security_opt)
    user: dict[str, Any] = {"uid": around.user.uid, "gid": around.user.gid}
    if around.user.additional_gids:
        user["additionalGids"] = list(around.user.additional_gids)
    process: dict[str, Any] = {
        "terminal": spec.tty,
        "user": user,
        "args": [m.INIT_PATH, "--", *container.argv] if uses_init(container) else list(container.argv),
        "env": process_env(container, container.hostname, around.user.home, around.link_env),
        "cwd": spec.workdir or "/",
        "capabilities": process_capabilities(granted),
        "noNewPrivileges": options.get("no-new-privileges", "false") == "true",
        "oomScoreAdj": oom_score_adj,
    }
    if limits:
        process["rlimits"] = limits
    if spec.tty and any(host.console_size):
        process["consoleSize"] = {"height": host.console_size[0], "width": host.console_size[1]}
    if permits.apparmor and options.get("apparmor", "unconfined") != "unconfined":
        process["apparmorProfile"] = options["apparmor"]
    return process, warnings


def uses_init(container: Container) -> bool:
    """Whether an init runs in front of the program; never in a shared PID namespace, where it could not reap."""
    return bool(container.spec.host.init) and container.spec.host.pid_mode in ("", "private")


def _mounts(
    container: Container, points: Sequence[MountPoint], around: Surroundings, permits: Permits
) -> list[dict[str, Any]]:
    host = container.spec.host
    writable_cgroup = security_options(host.security_opt).get("writable-cgroups") == "true"
    defaults = m.default_mounts(privileged=host.privileged, writable_cgroup=writable_cgroup)
    defaults += m.ipc_mounts(host.ipc_mode, host.shm_bytes, around.shm_source)
    mounts = m.merge_mounts(defaults, m.user_mounts(points, around.files))
    if uses_init(container):
        if not permits.init_path:
            raise DriverError(
                "no init program was found for --init (docker-init, tini, catatonit)",
                hint="install one: apt-get install catatonit",
            )
        mounts.append(m.init_mount(permits.init_path))
    return mounts


def _linux(
    container: Container, points: Sequence[MountPoint], around: Surroundings, permits: Permits
) -> dict[str, Any]:
    host = container.spec.host
    resources = cgroup_limits(host.resources, permits, around.block_devices)
    resources["devices"] = device_rules(around.devices, host.resources.device_cgroup_rules, privileged=host.privileged)
    linux: dict[str, Any] = {
        "cgroupsPath": around.cgroup,
        "namespaces": _namespaces(container, around, permits),
        "resources": resources,
        "rootfsPropagation": m.root_propagation(points),
    }
    if around.devices:
        linux["devices"] = device_nodes(around.devices)
    if sysctls := _sysctls(container, around):
        linux["sysctl"] = sysctls
    if not host.privileged:
        linux["maskedPaths"] = list(masked_paths(permits) if host.masked_paths is None else host.masked_paths)
        linux["readonlyPaths"] = list(READONLY_PATHS if host.readonly_paths is None else host.readonly_paths)
    if around.seccomp is not None:
        linux["seccomp"] = around.seccomp
    return linux


def _namespaces(container: Container, around: Surroundings, permits: Permits) -> list[dict[str, str]]:
    host = container.spec.host
    result = [{"type": "mount"}]
    if around.netns_path is not None:
        result.append(_namespace("network", around.netns_path))
    if host.uts_mode != "host":
        result.append({"type": "uts"})
    if host.pid_mode != "host":
        result.append(_namespace("pid", around.pid_ns_path))
    if host.ipc_mode != "host":
        result.append(_namespace("ipc", around.ipc_ns_path))
    if cgroup_namespace(host.cgroupns_mode, permits.cgroup_version) == "private":
        result.append({"type": "cgroup"})
    return result


def cgroup_namespace(mode: str, cgroup_version: int) -> str:
    """ "private" or "host": what a container gets. Docker's default follows the cgroup version."""
    return mode or ("private" if cgroup_version == 2 else "host")


def _namespace(kind: str, path: str) -> dict[str, str]:
    return {"type": kind, "path": path} if path else {"type": kind}


def _sysctls(container: Container, around: Surroundings) -> dict[str, str]:
    host = container.spec.host
    own_network = around.netns_path is not None and not host.network_mode.startswith("container:")
    sysctls = dict(_DEFAULT_SYSCTLS) if own_network else {}
    if container.spec.domainname and host.uts_mode != "host":
        sysctls["kernel.domainname"] = container.spec.domainname
    return sysctls | dict(host.sysctls)
