"""What Docker's services can't say, but Shoal's containers can: it travels in the extra key `HostConfig`."""

from __future__ import annotations

from shoal.cli.errors import UsageError
from shoal.cli.flags import Flag, several, switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from shoal.cli.flags import Options

    Json = dict[str, Any]

#: of `service create` and `service update`; lists replace what was there
HOST_FLAGS = (
    Flag("cgroupns", "", "Cgroup namespace to use (host|private)"),
    Flag("cpuset-cpus", "", "CPUs in which to allow execution (0-3, 0,1)"),
    several("device", "", "Add a device of the nodes to the containers"),
    several("device-cgroup-rule", "", "Add a rule to the cgroup allowed devices list"),
    Flag("ipc", "", "IPC mode to use"),
    Flag("limit-memory-swap", "", "Swap limit equal to memory plus swap: '-1' to enable unlimited swap", kind="bytes"),
    Flag("pid", "", "PID namespace to use"),
    switch("privileged", "", "Give extended privileges to the containers"),
    several("security-opt", "", "Security Options"),
    Flag("shm-size", "", "Size of /dev/shm", kind="bytes"),
    Flag("userns", "", "User namespace to use"),
)

_KEYS = (
    ("privileged", "Privileged", "flag"),
    ("ipc", "IpcMode", "text"),
    ("pid", "PidMode", "text"),
    ("cgroupns", "CgroupnsMode", "text"),
    ("userns", "UsernsMode", "text"),
    ("cpuset-cpus", "CpusetCpus", "text"),
    ("shm-size", "ShmSize", "number"),
    ("limit-memory-swap", "MemorySwap", "number"),
    ("device-cgroup-rule", "DeviceCgroupRules", "list"),
)


def edit_host(spec: Json, options: Options) -> None:
    """Change the HostConfig of a ContainerSpec as the flags say; none where nothing is left to say."""
    from shoal.cli.container.create.host_config import parse_device, security_options

    host = dict(spec.get("HostConfig") or {})
    for flag, key, kind in _KEYS:
        if options.is_given(flag):
            host[key] = getattr(options, kind)(flag)
    try:
        if options.is_given("device"):
            host["Devices"] = [parse_device(text) for text in options.list("device") if text]
        if options.is_given("security-opt"):
            host.update(security_options(text for text in options.list("security-opt") if text))
    except ValueError as error:
        raise UsageError(str(error)) from error
    meant = ("MaskedPaths", "ReadonlyPaths")  #: empty: nothing is hidden
    host = {key: value for key, value in host.items() if key in meant or value not in (None, "", False, 0, [])}
    if host:
        spec["HostConfig"] = host
    else:
        spec.pop("HostConfig", None)
