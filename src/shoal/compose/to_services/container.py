"""`ContainerSpec` of a service's body: Docker's keys where there is one, the create call's for all else."""

from typing import Any

from shoal.compose.bodies.container import Creation, container_body
from shoal.compose.project import Project, Service
from shoal.compose.to_services.files import file_references
from shoal.compose.to_services.labels import NAMESPACE
from shoal.compose.to_services.mounts import mounts_of

#: of `HostConfig` of a create call: what ContainerSpec or the service says with a key of its own, and what is of one
#: engine only
_SAID_ELSEWHERE = frozenset(
    (
        "AutoRemove",
        "Binds",
        "CapAdd",
        "CapDrop",
        "CpuCount",
        "CpuPercent",
        "DeviceRequests",
        "Dns",
        "DnsOptions",
        "DnsSearch",
        "ExtraHosts",
        "GroupAdd",
        "Init",
        "Isolation",
        "Links",
        "LogConfig",
        "Memory",
        "MemoryFiles",
        "MemoryReservation",
        "Mounts",
        "NanoCpus",
        "NetworkMode",
        "OomScoreAdj",
        "PidsLimit",
        "PortBindings",
        "ReadonlyRootfs",
        "RestartPolicy",
        "Sysctls",
        "Ulimits",
        "VolumesFrom",
    )
)


def container_spec(project: Project, service: Service, image: str, api_socket: str) -> dict[str, Any]:
    """The container that each task of `service` runs; secrets and configs by name, without ids."""
    created = container_body(Creation(project=project, service=service, name=service.name, api_socket=api_socket))
    mounts, binds = mounts_of(project, service)
    fields: dict[str, Any] = {
        "Image": image,
        "Labels": {**service.labels, NAMESPACE: project.name},
        "Command": _command(service.entrypoint),
        "Args": None if service.command is None else list(service.command),
        "Hostname": service.hostname,
        "Env": created.get("Env"),
        "Dir": service.working_dir,
        "User": service.user,
        "Groups": list(service.group_add),
        "Init": service.init,
        "StopSignal": service.stop_signal,
        "TTY": service.tty or None,
        "OpenStdin": service.stdin_open or None,
        "ReadOnly": service.read_only or None,
        "Mounts": mounts,
        "StopGracePeriod": _ns(service.stop_grace_period_s),
        "Healthcheck": created.get("Healthcheck"),
        "Hosts": [_host_line(entry) for entry in service.extra_hosts],
        "DNSConfig": _dns(service),
        "Sysctls": dict(service.sysctls),
        "CapabilityAdd": _capabilities(service.cap_add),
        "CapabilityDrop": _capabilities(service.cap_drop),
        "Ulimits": [{"Name": n, "Hard": hard, "Soft": soft} for n, (soft, hard) in service.ulimits.items()],
        "OomScoreAdj": service.limits.oom_score_adj or None,
        **file_references(project, service),
        "HostConfig": _host_config(service, created.get("HostConfig", {}), binds, api_socket),
        "Config": _config(created, service),
    }
    return {
        key: value for key, value in fields.items() if value not in (None, "", {}) and (value != [] or key == "Args")
    }


def _command(entrypoint: tuple[str, ...] | None) -> list[str] | None:
    """[""] takes the image's away: an empty list would leave it."""
    if entrypoint is None:
        return None
    return list(entrypoint) or [""]


def _ns(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 10**9)


def _host_line(entry: str) -> str:
    """`host:address` -> `address host`, as a line of /etc/hosts."""
    host, _, address = entry.partition(":")
    return f"{address} {host}"


def _dns(service: Service) -> dict[str, Any]:
    fields = {"Nameservers": service.dns, "Search": service.dns_search, "Options": service.dns_opt}
    return {key: list(value) for key, value in fields.items() if value}


def _capabilities(names: tuple[str, ...]) -> list[str]:
    """As Docker's client sends them: `CAP_NET_ADMIN`, in order; ALL stands alone."""
    full = {name.upper() if name.upper() == "ALL" else f"CAP_{name.upper().removeprefix('CAP_')}" for name in names}
    return ["ALL"] if "ALL" in full else sorted(full)


def _host_config(service: Service, created: dict[str, Any], binds: list[str], api_socket: str) -> dict[str, Any]:
    kept = {key: value for key, value in created.items() if key not in _SAID_ELSEWHERE}
    if "mem_reservation" in service.tree:  # a reservation of `deploy` is for the scheduler only
        kept["MemoryReservation"] = service.limits.memory_reservation_bytes
    if service.use_api_socket:
        binds = [*binds, f"{api_socket}:/var/run/docker.sock:rw"]
    return {**kept, "Binds": binds} if binds else kept


def _config(created: dict[str, Any], service: Service) -> dict[str, Any]:
    """Keys of the create call's own level that ContainerSpec does not have."""
    fields = {"Domainname": service.domainname, "ExposedPorts": created.get("ExposedPorts") if service.expose else None}
    return {key: value for key, value in fields.items() if value}
