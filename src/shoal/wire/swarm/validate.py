"""What a service must keep to, whatever the cluster: Docker's checks in Docker's words."""

import ipaddress
import posixpath
import re
from collections import Counter
from dataclasses import replace

from shoal.errors import InvalidArgument
from shoal.model.cluster.service import ServiceMode, ServiceSpec, UpdateConfig
from shoal.model.cluster.task import Amounts, TaskSpec
from shoal.model.container import ContainerSpec, HostSpec
from shoal.model.mount import MountType
from shoal.wire.container.validate import check_spec

_NAME = re.compile(r"[a-zA-Z0-9]+(?:[a-zA-Z0-9-_]*[a-zA-Z0-9])?", re.ASCII)
_JOBS = (ServiceMode.REPLICATED_JOB, ServiceMode.GLOBAL_JOB)
_CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")
_MIN_NANO_CPUS = 1_000_000
_MIN_MEMORY_BYTES = 4 << 20

#: of HostConfig, with what says it for a service
_ELSEWHERE = {
    "restart": ("RestartPolicy", "TaskTemplate.RestartPolicy"),
    "ports": ("PortBindings", "EndpointSpec.Ports"),
    "publish_all_ports": ("PublishAllPorts", "EndpointSpec.Ports"),
}
#: of HostConfig: they speak of one host, of other containers, or of the life of one container
_ALONE = {
    "auto_remove": "AutoRemove",
    "links": "Links",
    "volumes_from": "VolumesFrom",
    "container_id_file": "ContainerIDFile",
    "memory_files": "MemoryFiles",
}


def check_service(spec: ServiceSpec) -> None:
    """Nothing, or raises: InvalidArgument"""
    if len(spec.name) > 63:
        raise InvalidArgument("name must be 63 characters or fewer")
    if spec.name and not _NAME.fullmatch(spec.name):  # the manager names those without
        raise InvalidArgument("name must be valid as a DNS name component")
    _check_task(spec.task)
    _check_update(spec.update, "update")
    _check_update(spec.rollback, "rollback")
    if spec.rollback.on_failure == "rollback":
        raise InvalidArgument('RollbackConfig.FailureAction: expected one of pause, continue, got "rollback"')
    _check_endpoint(spec)
    if spec.schedule and spec.mode not in _JOBS:
        raise InvalidArgument("Schedule: only jobs have one (Mode.ReplicatedJob or Mode.GlobalJob)")
    for name, condition in spec.depends_on.items():
        if condition not in _CONDITIONS:
            wanted = ", ".join(_CONDITIONS)
            raise InvalidArgument(f'DependsOn.{name}.Condition: expected one of {wanted}, got "{condition}"')


def _check_task(task: TaskSpec) -> None:
    container = task.container
    if not container.image:
        raise InvalidArgument("ContainerSpec: image reference must be provided")
    _check_host(container.host)
    check_spec(_without_templates(container))
    targets = Counter(posixpath.normpath(mount.target) for mount in container.host.mounts)
    for target, times in targets.items():
        if times > 1:
            raise InvalidArgument(f"ContainerSpec: duplicate mount point: {target}")
    _check_files(task)
    limits = container.host.resources
    _check_amounts(Amounts(nano_cpus=limits.nano_cpus, memory_bytes=limits.memory_bytes))
    _check_amounts(task.reservations)
    _check_restart(task)
    networks = Counter(attachment.target for attachment in task.networks)
    for target, times in networks.items():
        if times > 1:
            raise InvalidArgument(f"TaskTemplate.Networks: network {target} is there {times} times")


def _without_templates(container: ContainerSpec) -> ContainerSpec:
    """The container without the texts of which only a task will know what they are."""
    mounts = tuple(m for m in container.host.mounts if "{{" not in m.source + m.target)
    hostname = "" if "{{" in container.hostname else container.hostname
    workdir = "" if "{{" in container.workdir else container.workdir
    return replace(container, hostname=hostname, workdir=workdir, host=replace(container.host, mounts=mounts))


def _check_host(host: HostSpec) -> None:
    plain = HostSpec()
    for attr, (key, instead) in _ELSEWHERE.items():
        if getattr(host, attr) != getattr(plain, attr):
            raise InvalidArgument(f"TaskTemplate.ContainerSpec.HostConfig.{key}: services say it in {instead}")
    for attr, key in _ALONE.items():
        if getattr(host, attr):
            raise InvalidArgument(f"TaskTemplate.ContainerSpec.HostConfig.{key}: services do not have it")
    for key, mode in (("NetworkMode", host.network_mode), ("PidMode", host.pid_mode), ("IpcMode", host.ipc_mode)):
        if mode.startswith("container:"):
            raise InvalidArgument(
                f"TaskTemplate.ContainerSpec.HostConfig.{key}: tasks cannot share with a container, got {mode!r}"
            )
    if any(mount.type is MountType.CLUSTER for mount in host.mounts):
        raise InvalidArgument("ContainerSpec: mounts of cluster volumes are not served")


def _check_files(task: TaskSpec) -> None:
    for kind, what in (("secrets", "secret"), ("configs", "config")):
        names: dict[str, str] = {}
        for file in task.files:
            if file.kind != kind:
                continue
            target = file.target or file.name
            if target in names:
                first = names[target]
                raise InvalidArgument(
                    f"{what} references '{first}' and '{file.name}' have a conflicting target: '{target}'"
                )
            names[target] = file.name
            if not 0 <= file.mode <= 0o7777 or not _is_owner(file.uid) or not _is_owner(file.gid):
                raise InvalidArgument(f"{what} '{file.name}': owner, group or mode out of range")


def _is_owner(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and int(text) < 2**32 - 1)


def _check_amounts(amounts: Amounts) -> None:
    if 0 < amounts.nano_cpus < _MIN_NANO_CPUS:
        raise InvalidArgument(
            f"invalid cpu value {amounts.nano_cpus / 1e9:g}: Must be at least {_MIN_NANO_CPUS / 1e9:g}"
        )
    if 0 < amounts.memory_bytes < _MIN_MEMORY_BYTES:
        raise InvalidArgument(f"invalid memory value {amounts.memory_bytes}: Must be at least 4MiB")
    for kind, number in amounts.generic.items():
        if not kind or number < 1:
            raise InvalidArgument(f"invalid generic resource {kind!r}: expected a name and a number from 1")


def _check_restart(task: TaskSpec) -> None:
    if (task.restart.delay_s or 0) < 0:
        raise InvalidArgument("TaskSpec: restart-delay cannot be negative")
    if task.restart.window_s < 0:
        raise InvalidArgument("TaskSpec: restart-window cannot be negative")


def _check_update(update: UpdateConfig, what: str) -> None:
    if update.delay_s < 0:
        raise InvalidArgument(f"TaskSpec: {what}-delay cannot be negative")
    if update.monitor_s < 0:
        raise InvalidArgument(f"TaskSpec: {what}-monitor cannot be negative")
    if not 0 <= update.max_failure_ratio <= 1:
        raise InvalidArgument(f"TaskSpec: {what}-maxfailureratio cannot be less than 0 or bigger than 1")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _check_endpoint(spec: ServiceSpec) -> None:
    taken: Counter[tuple[int, str, str]] = Counter()
    for i, port in enumerate(spec.endpoint.ports):
        if not 1 <= port.target <= 65535:
            raise InvalidArgument(
                f"EndpointSpec.Ports.{i}.TargetPort: expected a port from 1 to 65535, got {port.target}"
            )
        if not 0 <= port.published <= 65535:
            raise InvalidArgument(
                f"EndpointSpec.Ports.{i}.PublishedPort: expected a port from 0 to 65535, got {port.published}"
            )
        if port.mode == "ingress" and spec.endpoint.mode == "dnsrr":
            raise InvalidArgument("EndpointSpec: port published with ingress mode can't be used with dnsrr mode")
        if port.host_ip and not _is_address(port.host_ip):
            raise InvalidArgument(f"EndpointSpec.Ports.{i}.HostIP: expected an address, got {port.host_ip}")
        if port.published:  # one number of the mesh leads to one place, whatever the address
            taken[port.published, port.protocol, port.host_ip if port.mode == "host" else "mesh"] += 1
    if taken and max(taken.values()) > 1:
        raise InvalidArgument("EndpointSpec: duplicate published ports provided")
