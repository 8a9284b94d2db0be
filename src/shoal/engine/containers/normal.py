"""What the engine fills in where a container's spec says nothing. Source: Docker, `daemon.adaptContainerSettings`."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from shoal.engine.containers.logs import log_limits
from shoal.engine.containers.parts import Machine
from shoal.errors import InvalidArgument
from shoal.model.container import Container, ContainerSpec, HostSpec
from shoal.model.endpoint import EndpointSettings
from shoal.model.resources import Resources
from shoal.oci.runtime_spec import cgroup_namespace
from shoal.oci.runtime_spec.limits import discarded_limits, process_limits
from shoal.oci.runtime_spec.paths import READONLY_PATHS, masked_paths

RUNTIMES = ("", "crun", "runc", "io.containerd.runc.v2")
LOG_DRIVERS = ("json-file", "local", "none")


def fill_in(
    spec: ContainerSpec, container_id: str, machine: Machine, resolve: Callable[[str], Container]
) -> tuple[ContainerSpec, tuple[str, ...]]:
    """(the spec with the engine's defaults, warnings).

    resolve: the container that a mode "container:<name>" names
    Raises: InvalidArgument, NotFound
    """

    def full_id(reference: str) -> str:
        return resolve(reference).id

    host = spec.host
    _check(host, machine)
    if host.uts_mode == "host" and spec.hostname:
        raise InvalidArgument("conflicting options: hostname and the UTS mode")
    network_mode = _network_mode(host.network_mode, full_id)
    resources, warnings = _resources(host.resources, machine)
    host = replace(
        host,
        resources=resources,
        network_mode=network_mode,
        ipc_mode=_joined(host.ipc_mode or "private", full_id),
        pid_mode=_joined(host.pid_mode, full_id),
        cgroupns_mode=cgroup_namespace(host.cgroupns_mode, machine.permits.cgroup_version),
        log=replace(host.log, driver=host.log.driver or "json-file"),
        runtime=host.runtime or "crun",
        masked_paths=_paths(host.masked_paths, masked_paths(machine.permits), host),
        readonly_paths=_paths(host.readonly_paths, READONLY_PATHS, host),
    )
    hostname = spec.hostname or container_id[:12]
    if network_mode == "host":
        hostname = spec.hostname or machine.hostname
    elif network_mode.startswith("container:"):
        hostname = resolve(network_mode.removeprefix("container:")).hostname
    return replace(spec, host=host, hostname=hostname, endpoints=_endpoints(spec, network_mode)), warnings


def _check(host: HostSpec, machine: Machine) -> None:
    if host.runtime not in RUNTIMES:
        raise InvalidArgument(f"unknown or invalid runtime name: {host.runtime}")
    if host.log.driver not in ("", *LOG_DRIVERS):
        raise InvalidArgument(f"logger: no log driver named '{host.log.driver}' is registered")
    log_limits(replace(host.log, driver=host.log.driver or "json-file"))
    check_cpus(host.resources, machine.cpus)
    realtime = host.resources.cpu_realtime_period_us or host.resources.cpu_realtime_runtime_us
    if realtime and machine.permits.cgroup_version == 2:
        raise InvalidArgument("your kernel does not support CPU real-time scheduler")
    if host.storage_opt:
        raise InvalidArgument("--storage-opt is not supported: the file system of a container has no limit of its own")
    if host.resources.device_requests:
        asked = host.resources.device_requests[0]
        raise InvalidArgument(
            f'could not select device driver "{asked.driver}" with capabilities: {_caps(asked.capabilities)}'
        )


def _caps(capabilities: tuple[tuple[str, ...], ...]) -> str:
    return "[" + " ".join(f"[{' '.join(item)}]" for item in capabilities) + "]"


def check_cpus(resources: Resources, cpus: int) -> None:
    """Nothing, or raises: InvalidArgument for CPUs that this machine does not have"""
    if resources.nano_cpus < 0 or resources.nano_cpus > cpus * 1_000_000_000:
        raise InvalidArgument(f"range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available")
    highest = max((int(n) for n in resources.cpuset_cpus.replace("-", ",").split(",") if n), default=0)
    if highest >= cpus:
        available = f"0-{cpus - 1}" if cpus > 1 else "0"
        raise InvalidArgument(
            f"Requested CPUs are not available - requested {resources.cpuset_cpus}, available: {available}"
        )


def _resources(resources: Resources, machine: Machine) -> tuple[Resources, tuple[str, ...]]:
    permits = machine.permits
    warnings = discarded_limits(resources, permits)
    if resources.memory_bytes and not resources.memory_swap_bytes:
        resources = replace(resources, memory_swap_bytes=resources.memory_bytes * 2)
    may_raise = "CAP_SYS_RESOURCE" in permits.capabilities
    warnings += process_limits(resources.ulimits, permits.hard_limits, may_raise=may_raise)[1]
    return resources, tuple(warnings)


def _network_mode(mode: str, full_id: Callable[[str], str]) -> str:
    return "bridge" if mode in ("", "default") else _joined(mode, full_id)


def _joined(mode: str, full_id: Callable[[str], str]) -> str:
    kind, _, reference = mode.partition(":")
    return f"container:{full_id(reference)}" if kind == "container" and reference else mode


def _paths(asked: tuple[str, ...] | None, defaults: tuple[str, ...], host: HostSpec) -> tuple[str, ...] | None:
    if host.privileged and asked is None:
        return None
    return defaults if asked is None else asked


def _endpoints(spec: ContainerSpec, network_mode: str) -> Mapping[str, EndpointSettings]:
    if spec.network_disabled or network_mode.startswith("container:"):
        return {}
    endpoints = {("bridge" if name == "default" else name): settings for name, settings in spec.endpoints.items()}
    if endpoints:
        return endpoints
    return {network_mode: EndpointSettings(mac_address=spec.mac_address)}
