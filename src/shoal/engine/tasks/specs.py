"""The container that a task asks for. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shoal.errors import InvalidArgument
from shoal.model.cluster.task import Address, FileReference, Task
from shoal.model.container import Container, ContainerSpec, HostSpec, LogConfig, RestartPolicy
from shoal.model.endpoint import EndpointSettings, PortBinding
from shoal.model.mount import MemoryFile

LABEL = "com.docker.swarm."
TASK_ID = f"{LABEL}task.id"
NODE_ID = f"{LABEL}node.id"
#: attachments that are no overlay network but a mode of the node
HOST_MODES = ("host", "none", "bridge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """spec: of the container    contents: {path in the container: content} of its files in memory"""

    spec: ContainerSpec
    contents: Mapping[str, bytes]


def wanted_container(task: Task, filled: ContainerSpec, values: Mapping[str, bytes]) -> Wanted:
    """What to make for a task.

    filled: its container's spec, templates filled in
    values: {id of a secret or config: content}
    Raises: InvalidArgument where a value is missing or a file makes no sense
    """
    files = {target_of(file): file for file in task.spec.files}
    missing = [file.name for file in files.values() if file.id not in values]
    if missing:
        raise InvalidArgument(f"the content of {missing[0]} is not known on this node")
    host = replace(
        filled.host,
        restart=RestartPolicy(),
        auto_remove=False,
        log=_log(task.spec.log, filled.host.log),
        memory_files=tuple(_memory_file(target, file) for target, file in files.items()),
        ports=(*filled.host.ports, *_ports(task)),
        network_mode=_network_mode(task, filled.host),
    )
    spec = replace(
        filled,
        labels={**filled.labels, **labels_of(task)},
        host=host,
        endpoints=_endpoints(task.addresses) or filled.endpoints,
    )
    return Wanted(spec=spec, contents={target: values[file.id] for target, file in files.items()})


def labels_of(task: Task) -> Mapping[str, str]:
    """How everybody sees whose container it is. Source: SwarmKit, container labels"""
    return {
        f"{LABEL}node.id": task.node_id,
        f"{LABEL}service.id": task.service_id,
        f"{LABEL}service.name": task.service_name,
        f"{LABEL}task": "",
        TASK_ID: task.id,
        f"{LABEL}task.name": task.name,
    }


def task_id_of(container: Container) -> str:
    """The task that a container belongs to, "" for none."""
    return container.spec.labels.get(TASK_ID, "")


def target_of(file: FileReference) -> str:
    """The path of a secret or config in the container."""
    target = file.target or file.name
    if target.startswith("/"):
        return target
    return f"/run/secrets/{target}" if file.kind == "secrets" else f"/{target}"


def _memory_file(target: str, file: FileReference) -> MemoryFile:
    try:
        return MemoryFile(target=target, uid=int(file.uid or 0), gid=int(file.gid or 0), mode=file.mode)
    except ValueError:
        raise InvalidArgument(f"{file.name}: expected numbers as uid and gid, got {file.uid}:{file.gid}") from None


def _log(wanted: LogConfig | None, own: LogConfig) -> LogConfig:
    return wanted if wanted is not None and (wanted.driver or wanted.options) else own


def _ports(task: Task) -> Sequence[PortBinding]:
    return [
        PortBinding(
            container_port=port.target,
            protocol=port.protocol,
            host_ip=port.host_ip,
            host_port=str(port.published or ""),
        )
        for port in task.host_ports
    ]


def _network_mode(task: Task, host: HostSpec) -> str:
    modes = [item.target for item in task.spec.networks if item.target in HOST_MODES]
    return modes[0] if modes and not task.addresses else host.network_mode


def _endpoints(addresses: Sequence[Address]) -> Mapping[str, EndpointSettings]:
    return {
        address.network_id: EndpointSettings(
            ipv4_address=address.ipv4, ipv6_address=address.ipv6, aliases=address.aliases, is_given=True
        )
        for address in addresses
    }
