"""`HostConfig` of the create call: limits, mounts, devices, restart policy."""

from collections.abc import Mapping
from typing import Any

from shoal.compose.parts import BlkioConfig, DeviceRequest, Limits, Mount
from shoal.compose.project import Project, Service


def resources(limits: Limits) -> dict[str, Any]:
    """The limits that are set, in the API's names."""
    fields: dict[str, Any] = {
        "NanoCpus": limits.nano_cpus,
        "CpusetCpus": limits.cpuset,
        "CpuShares": limits.cpu_shares,
        "CpuQuota": limits.cpu_quota,
        "CpuPeriod": limits.cpu_period_us,
        "CpuRealtimePeriod": limits.cpu_rt_period_us,
        "CpuRealtimeRuntime": limits.cpu_rt_runtime_us,
        "CpuCount": limits.cpu_count,
        "CpuPercent": limits.cpu_percent,
        "Memory": limits.memory_bytes,
        "MemoryReservation": limits.memory_reservation_bytes,
        "MemorySwap": limits.memory_swap_bytes,
        "OomKillDisable": limits.oom_kill_disable,
        "OomScoreAdj": limits.oom_score_adj,
        **_blkio(limits.blkio),
    }
    set_ones = {key: value for key, value in fields.items() if value}
    if limits.memory_swappiness is not None:
        set_ones["MemorySwappiness"] = limits.memory_swappiness
    if limits.pids is not None:
        set_ones["PidsLimit"] = limits.pids
    return set_ones


def _blkio(blkio: BlkioConfig) -> dict[str, Any]:
    def rates(devices: Mapping[str, int]) -> list[dict[str, Any]]:
        return [{"Path": path, "Rate": rate} for path, rate in devices.items()]

    return {
        "BlkioWeight": blkio.weight,
        "BlkioWeightDevice": [{"Path": path, "Weight": weight} for path, weight in blkio.weight_device.items()],
        "BlkioDeviceReadBps": rates(blkio.device_read_bps),
        "BlkioDeviceReadIOps": rates(blkio.device_read_iops),
        "BlkioDeviceWriteBps": rates(blkio.device_write_bps),
        "BlkioDeviceWriteIOps": rates(blkio.device_write_iops),
    }


def restart_policy(service: Service) -> dict[str, Any] | None:
    """What `deploy.restart_policy` comes to on one engine, else `restart`; None where neither is given."""
    condition = service.deploy.restart_condition
    if condition:
        policy: dict[str, Any] = {"Name": {"none": "no", "any": "always"}.get(condition, condition)}
        if service.deploy.restart_max_attempts:
            policy["MaximumRetryCount"] = service.deploy.restart_max_attempts
        return policy
    if not service.restart:
        return None
    name, _, count = service.restart.partition(":")
    return {"Name": name, "MaximumRetryCount": int(count)} if count else {"Name": name}


def device_requests(requests: tuple[DeviceRequest, ...]) -> list[dict[str, Any]]:
    return [
        {
            "Driver": one.driver,
            "Count": one.count,
            "DeviceIDs": list(one.device_ids),
            "Capabilities": [list(one.capabilities)],
            "Options": dict(one.options),
        }
        for one in requests
    ]


def devices(service: Service) -> tuple[list[dict[str, str]], list[str]]:
    """Device nodes, and names of CDI devices (`vendor.com/class=name`)."""
    nodes, cdi = [], []
    for device in service.devices:
        if device.source == device.target and not device.source.startswith("/") and "=" in device.source:
            cdi.append(device.source)
        else:
            nodes.append(
                {
                    "PathOnHost": device.source,
                    "PathInContainer": device.target,
                    "CgroupPermissions": device.permissions,
                }
            )
    return nodes, cdi


def mounts_of(
    project: Project, service: Service, inherited: Mapping[str, str]
) -> tuple[list[str], list[dict[str, Any]]]:
    """`Binds` and `Mounts`: plain volumes and binds are the former, whatever needs an option the latter.

    inherited: {target: volume name} of anonymous volumes that a replaced container hands on
    """
    binds: list[str] = []
    mounts: list[dict[str, Any]] = []
    left = dict(inherited)
    for mount in service.volumes:
        anonymous = mount.type == "volume" and not mount.source
        source = left.pop(mount.target, "") if anonymous else _source(project, mount)
        left.pop(mount.target, None)
        if anonymous or _needs_mount(mount):
            mounts.append(mount_body(mount, source))
        else:
            binds.append(bind_text(mount, source))
    targets_of_tmpfs = {entry.partition(":")[0] for entry in service.tmpfs}
    for target, name in left.items():
        if target not in targets_of_tmpfs:
            mounts.append({"Type": "volume", "Source": name, "Target": target})
    return binds, mounts


def _source(project: Project, mount: Mount) -> str:
    if mount.type == "volume" and mount.source in project.volumes:
        return project.volumes[mount.source].name
    return mount.source


def _needs_mount(mount: Mount) -> bool:
    if mount.type == "bind":
        return not mount.create_host_path or bool(mount.recursive)
    return mount.type != "volume" or bool(mount.subpath or mount.volume_labels)


def bind_text(mount: Mount, source: str) -> str:
    """An entry of `Binds`."""
    options = [
        "ro" if mount.read_only else "rw",
        mount.propagation,
        mount.selinux,
        "nocopy" if mount.nocopy else "",
    ]
    return f"{source}:{mount.target}:{','.join(option for option in options if option)}"


def mount_body(mount: Mount, source: str) -> dict[str, Any]:
    """An entry of `Mounts`."""
    entry: dict[str, Any] = {"Type": mount.type, "Target": mount.target}
    if source:
        entry["Source"] = source
    if mount.read_only:
        entry["ReadOnly"] = True
    if mount.consistency:
        entry["Consistency"] = mount.consistency
    options = mount_options(mount)
    if options:
        entry[OPTIONS_KEY[mount.type]] = options
    return entry


OPTIONS_KEY = {
    "bind": "BindOptions",
    "volume": "VolumeOptions",
    "tmpfs": "TmpfsOptions",
    "image": "ImageOptions",
    "cluster": "ClusterOptions",
    "npipe": "BindOptions",
}


def mount_options(mount: Mount) -> dict[str, Any]:
    """The options of a mount's own type that are set."""
    if mount.type == "bind":
        fields: dict[str, Any] = {
            "Propagation": mount.propagation,
            "CreateMountpoint": mount.create_host_path,
            "NonRecursive": mount.recursive == "disabled",
            "ReadOnlyNonRecursive": mount.recursive == "writable",
            "ReadOnlyForceRecursive": mount.recursive == "readonly",
        }
    elif mount.type == "volume":
        fields = {"NoCopy": mount.nocopy, "Labels": dict(mount.volume_labels), "Subpath": mount.subpath}
    elif mount.type == "tmpfs":
        fields = {"SizeBytes": mount.tmpfs_size_bytes, "Mode": mount.tmpfs_mode}
    else:
        fields = {"Subpath": mount.image_subpath}
    return {key: value for key, value in fields.items() if value}
