"""`shoal info`."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.flags import Flag, Options
from shoal.cli.units import binary_size_text
from shoal.model.units import elapsed_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def info_text(info: dict[str, Any], version: str, host: str) -> str:
    """What `shoal info` prints: the client, then the engine's facts, in docker's shape."""
    lines = ["Client: Shoal", f" Version:    {version}", f" Host:       {host}", "", "Server:"]
    lines += [
        f" Containers: {info.get('Containers', 0)}",
        f"  Running: {info.get('ContainersRunning', 0)}",
        f"  Paused: {info.get('ContainersPaused', 0)}",
        f"  Stopped: {info.get('ContainersStopped', 0)}",
        f" Images: {info.get('Images', 0)}",
    ]
    lines += _pair_lines(info, ("Server Version", "ServerVersion"), ("Storage Driver", "Driver"))
    lines += [f"  {key}: {value}" for key, value in info.get("DriverStatus") or ()]
    lines += _pair_lines(
        info,
        ("Logging Driver", "LoggingDriver"),
        ("Cgroup Driver", "CgroupDriver"),
        ("Cgroup Version", "CgroupVersion"),
    )
    plugins = info.get("Plugins") or {}
    if plugins:
        lines.append(" Plugins:")
        lines += [f"  {kind}: {' '.join(names)}" for kind, names in plugins.items() if names]
    lines += _swarm_lines(info.get("Swarm") or {})
    runtimes = info.get("Runtimes") or {}
    if runtimes:
        lines.append(f" Runtimes: {' '.join(sorted(runtimes))}")
    lines += _pair_lines(info, ("Default Runtime", "DefaultRuntime"))
    if info.get("SecurityOptions"):
        lines.append(" Security Options:")
        lines += [f"  {option.removeprefix('name=').partition(',')[0]}" for option in info["SecurityOptions"]]
    lines += _pair_lines(
        info,
        ("Kernel Version", "KernelVersion"),
        ("Operating System", "OperatingSystem"),
        ("OSType", "OSType"),
        ("Architecture", "Architecture"),
        ("CPUs", "NCPU"),
    )
    lines.append(f" Total Memory: {binary_size_text(info.get('MemTotal', 0))}")
    lines += _pair_lines(info, ("Name", "Name"), ("ID", "ID"), ("Root Dir", "DockerRootDir"))
    lines.append(f" Debug Mode: {str(bool(info.get('Debug'))).lower()}")
    lines += _list_lines("Labels", info.get("Labels") or [])
    registries = info.get("RegistryConfig") or {}
    insecure = [*_insecure_names(registries), *(registries.get("InsecureRegistryCIDRs") or [])]
    lines += _list_lines("Insecure Registries", insecure)
    lines += _list_lines("Registry Mirrors", registries.get("Mirrors") or [])
    return "\n".join(lines) + "\n"


def _swarm_lines(swarm: Mapping[str, Any]) -> list[str]:
    """This node's part in a cluster; the cluster's settings where this node knows them."""
    state = swarm.get("LocalNodeState") or "inactive"
    lines = [f" Swarm: {state}"]
    if state in ("inactive", "locked"):
        return lines
    is_manager = bool(swarm.get("ControlAvailable"))
    lines.append(f"  NodeID: {swarm.get('NodeID', '')}")
    if swarm.get("Error"):
        lines.append(f"  Error: {swarm['Error']}")
    lines.append(f"  Is Manager: {str(is_manager).lower()}")
    cluster = swarm.get("Cluster") or {}
    if cluster.get("ID") and is_manager and not swarm.get("Error"):
        lines += _cluster_lines(swarm, cluster)
    lines.append(f"  Node Address: {swarm.get('NodeAddr', '')}")
    managers = sorted(str(one.get("Addr") or "") for one in swarm.get("RemoteManagers") or ())
    return lines + (["  Manager Addresses:", *(f"   {address}" for address in managers)] if managers else [])


def _cluster_lines(swarm: Mapping[str, Any], cluster: Mapping[str, Any]) -> list[str]:
    spec = cluster.get("Spec") or {}
    raft, authority = spec.get("Raft") or {}, spec.get("CAConfig") or {}
    history = (spec.get("Orchestration") or {}).get("TaskHistoryRetentionLimit") or 0
    lock = (spec.get("EncryptionConfig") or {}).get("AutoLockManagers")
    return [
        f"  ClusterID: {cluster['ID']}",
        f"  Managers: {swarm.get('Managers', 0)}",
        f"  Nodes: {swarm.get('Nodes', 0)}",
        *(
            [f"  Default Address Pool: {'  '.join(cluster['DefaultAddrPool'])}  "]
            if cluster.get("DefaultAddrPool")
            else []
        ),
        *([f"  SubnetSize: {cluster['SubnetSize']}"] if cluster.get("SubnetSize") else []),
        *([f"  Data Path Port: {cluster['DataPathPort']}"] if cluster.get("DataPathPort") else []),
        "  Orchestration:",
        f"   Task History Retention Limit: {history}",
        "  Raft:",
        f"   Snapshot Interval: {raft.get('SnapshotInterval', 0)}",
        *(
            [f"   Number of Old Snapshots to Retain: {raft['KeepOldSnapshots']}"]
            if raft.get("KeepOldSnapshots") is not None
            else []
        ),
        f"   Heartbeat Tick: {raft.get('HeartbeatTick', 0)}",
        f"   Election Tick: {raft.get('ElectionTick', 0)}",
        "  Dispatcher:",
        f"   Heartbeat Period: {_seconds_text((spec.get('Dispatcher') or {}).get('HeartbeatPeriod'))}",
        "  CA Configuration:",
        f"   Expiry Duration: {_seconds_text(authority.get('NodeCertExpiry'))}",
        f"   Force Rotate: {authority.get('ForceRotate') or 0}",
        f"  Autolock Managers: {str(bool(lock)).lower()}",
        f"  Root Rotation In Progress: {str(bool(cluster.get('RootRotationInProgress'))).lower()}",
    ]


def _seconds_text(nanoseconds: int | None) -> str:
    return elapsed_text((nanoseconds or 0) / 1e9).lower()


def _pair_lines(info: dict[str, Any], *pairs: tuple[str, str]) -> list[str]:
    return [f" {label}: {info[key]}" for label, key in pairs if info.get(key) not in (None, "")]


def _list_lines(label: str, items: list[str]) -> list[str]:
    return [f" {label}:", *(f"  {item}" for item in items)] if items else []


def _insecure_names(registries: dict[str, Any]) -> list[str]:
    indexes = registries.get("IndexConfigs") or {}
    return [name for name, index in indexes.items() if not index.get("Secure", True)]


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    from shoal import __version__

    info = context.api.system.info()
    template = options.text("format")
    if template:
        from shoal.cli.gotemplate import compile_template

        facts = {**info, "ClientInfo": {"Version": __version__}}
        context.print(compile_template("{{json .}}" if template == "json" else template).render(facts))
    else:
        context.stdout.write(info_text(info, __version__, str(context.client.host)))
    for warning in info.get("Warnings") or ():
        context.warn(str(warning))
    return 0


INFO = Command("[OPTIONS]", _run, (Flag("format", "f", 'Format output: "json", or a Go template'),), arguments=(0, 0))
