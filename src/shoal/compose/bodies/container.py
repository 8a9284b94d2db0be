"""Body of `POST /containers/create` for a container of a service."""

from collections.abc import Mapping
from typing import Any

from shoal.compose.bodies.files import bound_files, declared_files
from shoal.compose.bodies.host_config import device_requests, devices, mounts_of, resources, restart_policy
from shoal.compose.bodies.label_sets import container_labels
from shoal.compose.noun import Noun, field
from shoal.compose.parts import Attachment, HealthCheck
from shoal.compose.project import Project, Service
from shoal.model.units import NS_PER_S

API_SOCKET = "/var/run/docker.sock"


class Creation(Noun):
    """One container to be made.

    name: the final one; a replacement has another until it takes over
    image_id: of the image now, for the label; "" where it is not known
    number: from 1
    inherited: {target: volume name} of anonymous volumes that the replaced container hands on
    labels: on top of Compose's own
    link_variables: see `planning.links`
    use_aliases: whether the service's name and aliases resolve to the container
    api_socket: the engine's socket on this machine, for `use_api_socket`
    """

    project: Project
    service: Service
    name: str
    number: int = 1
    image_id: str = ""
    inherited: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    link_variables: Mapping[str, str] = field(default_factory=dict)
    use_aliases: bool = True
    auto_remove: bool = False
    attach_stdin: bool = False
    api_socket: str = API_SOCKET


def container_body(creation: Creation) -> dict[str, Any]:
    """The JSON body that makes the container; keys that are not set are left out."""
    project, service = creation.project, creation.service
    labels = container_labels(project, service, creation.number, creation.image_id)
    fields: dict[str, Any] = {
        "Hostname": service.hostname,
        "Domainname": service.domainname,
        "User": service.user,
        "Image": project.image_of(service),
        "WorkingDir": service.working_dir,
        "Labels": {**labels, **creation.labels},
        "Env": _environment({**creation.link_variables, **service.environment}),
        "ExposedPorts": _exposed(service),
        "StopSignal": service.stop_signal,
        "Tty": service.tty,
        "OpenStdin": service.stdin_open,
        "AttachStdin": creation.attach_stdin,
        "StdinOnce": creation.attach_stdin and service.stdin_open,
        "AttachStdout": True,
        "AttachStderr": True,
        "Healthcheck": _health(service.healthcheck),
        "HostConfig": _host_config(creation),
    }
    body = {key: value for key, value in fields.items() if value}
    if service.command is not None:
        body["Cmd"] = list(service.command)
    if service.entrypoint is not None:
        body["Entrypoint"] = list(service.entrypoint)
    if service.stop_grace_period_s is not None:
        body["StopTimeout"] = int(service.stop_grace_period_s)
    if service.networks:
        body["NetworkingConfig"] = {"EndpointsConfig": _endpoints(creation)}
    return body


def _environment(variables: Mapping[str, str | None]) -> list[str]:
    """`KEY=value` entries; a KEY alone takes the variable out of the image's environment."""
    return [key if value is None else f"{key}={value}" for key, value in variables.items()]


def _exposed(service: Service) -> dict[str, dict[str, str]]:
    exposed: dict[str, dict[str, str]] = {}
    for entry in service.expose:
        ports, _, protocol = entry.partition("/")
        first, _, last = ports.partition("-")
        for port in range(int(first), int(last or first) + 1):
            exposed[f"{port}/{protocol or 'tcp'}"] = {}
    for published in service.ports:
        exposed[f"{published.target}/{published.protocol}"] = {}
    return exposed


def _health(check: HealthCheck | None) -> dict[str, Any] | None:
    if check is None:
        return None
    if check.disable:
        return {"Test": ["NONE"]}
    times = {
        "Interval": check.interval_s,
        "Timeout": check.timeout_s,
        "StartPeriod": check.start_period_s,
        "StartInterval": check.start_interval_s,
    }
    body: dict[str, Any] = {"Test": list(check.test)} if check.test else {}
    body |= {key: round(value * NS_PER_S) for key, value in times.items() if value is not None}
    if check.retries is not None:
        body["Retries"] = check.retries
    return body


def _host_config(creation: Creation) -> dict[str, Any]:
    project, service = creation.project, creation.service
    binds, mounts = mounts_of(project, service, creation.inherited)
    mounts += bound_files(project, service)
    if service.use_api_socket:
        binds.append(f"{creation.api_socket}:{API_SOCKET}:rw")
    nodes, cdi = devices(service)
    requests = device_requests(service.device_requests)
    if cdi:
        requests.append({"Driver": "cdi", "DeviceIDs": cdi})
    fields: dict[str, Any] = {
        "AutoRemove": creation.auto_remove,
        "Annotations": dict(service.annotations),
        "Binds": binds,
        "Mounts": mounts,
        "MemoryFiles": declared_files(project, service),
        "CapAdd": list(service.cap_add),
        "CapDrop": list(service.cap_drop),
        "CgroupParent": service.cgroup_parent,
        "CgroupnsMode": service.cgroup,
        "DeviceCgroupRules": list(service.device_cgroup_rules),
        "DeviceRequests": requests,
        "Devices": nodes,
        "Dns": list(service.dns),
        "DnsOptions": list(service.dns_opt),
        "DnsSearch": list(service.dns_search),
        "ExtraHosts": list(service.extra_hosts),
        "GroupAdd": list(service.group_add),
        "IpcMode": _namespace(project, service.ipc),
        "Isolation": service.isolation,
        "LogConfig": _log_config(service),
        "NetworkMode": network_mode(project, service),
        "PidMode": _namespace(project, service.pid),
        "PortBindings": {} if service.network_mode == "host" else _port_bindings(service),
        "Privileged": service.privileged,
        "ReadonlyRootfs": service.read_only,
        "RestartPolicy": restart_policy(service),
        "Runtime": service.runtime,
        "SecurityOpt": list(service.security_opt),
        "ShmSize": service.shm_size_bytes,
        "StorageOpt": dict(service.storage_opt),
        "Sysctls": dict(service.sysctls),
        "Tmpfs": dict(_tmpfs(entry) for entry in service.tmpfs),
        "UTSMode": _namespace(project, service.uts),
        "Ulimits": [{"Name": n, "Soft": soft, "Hard": hard} for n, (soft, hard) in service.ulimits.items()],
        "UsernsMode": service.userns_mode,
        "VolumesFrom": _volumes_from(project, service),
    }
    config = {key: value for key, value in fields.items() if value not in ("", None, False, [], {})}
    config |= resources(service.limits)  # a swappiness of 0 is one
    if service.init is not None:
        config["Init"] = service.init
    if not service.networks and (links := link_texts(project, service)):
        config["Links"] = links
    return config


def _log_config(service: Service) -> dict[str, Any]:
    if not service.logging.driver and not service.logging.options:
        return {}
    return {"Type": service.logging.driver, "Config": dict(service.logging.options)}


def _tmpfs(entry: str) -> tuple[str, str]:
    path, _, options = entry.partition(":")
    return path, options


def _namespace(project: Project, mode: str) -> str:
    """A namespace shared with a service is that of its first container."""
    if not mode.startswith("service:"):
        return mode
    service = project.services.get(mode.removeprefix("service:"))
    return f"container:{project.container_name(service, 1)}" if service else mode


def network_mode(project: Project, service: Service) -> str:
    """`NetworkMode`: as written, or the first network's name."""
    if service.network_mode:
        return _namespace(project, service.network_mode)
    if not service.networks:
        return "none"
    return project.networks[service.networks[0].network].name


def _port_bindings(service: Service) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in service.ports:
        entry = {"HostIp": port.host_ip, "HostPort": port.published}
        bindings.setdefault(f"{port.target}/{port.protocol}", []).append(entry)
    return bindings


def _volumes_from(project: Project, service: Service) -> list[str]:
    result = []
    for entry in service.volumes_from:
        if entry.startswith("container:"):
            result.append(entry.removeprefix("container:"))
            continue
        name, colon, mode = entry.partition(":")
        source = project.services.get(name)
        container = project.container_name(source, 1) if source else name
        result.append(f"{container}{colon}{mode}")
    return result


def _endpoints(creation: Creation) -> dict[str, Any]:
    """The endpoint of every network, the first one first."""
    return {
        creation.project.networks[attachment.network].name: _endpoint(creation, attachment, first=position == 0)
        for position, attachment in enumerate(creation.service.networks)
    }


def _endpoint(creation: Creation, attachment: Attachment, *, first: bool) -> dict[str, Any]:
    service = creation.service
    addresses = {
        "IPv4Address": attachment.ipv4_address,
        "IPv6Address": attachment.ipv6_address,
        "LinkLocalIPs": list(attachment.link_local_ips),
    }
    options = dict(attachment.driver_opts)
    if attachment.interface_name:
        options["com.docker.network.endpoint.ifname"] = attachment.interface_name
    fields: dict[str, Any] = {
        "Aliases": _aliases(creation, attachment),
        "IPAMConfig": {key: value for key, value in addresses.items() if value},
        "MacAddress": attachment.mac_address or (service.mac_address if first else ""),
        "DriverOpts": options,
        "GwPriority": attachment.gw_priority,
        "Links": link_texts(creation.project, service),
    }
    return {key: value for key, value in fields.items() if value}


def _aliases(creation: Creation, attachment: Attachment) -> list[str]:
    aliases = [creation.name]
    if creation.use_aliases:
        if attachment.use_service_name_alias:
            aliases.append(creation.service.name)
        aliases += attachment.aliases
    return list(dict.fromkeys(aliases))


def link_texts(project: Project, service: Service) -> list[str]:
    """`container:alias` for every link, by the link's alias, `service-1` and the container's own name."""
    found: dict[str, None] = {}
    for link in service.links:
        name, _, alias = link.partition(":")
        target = project.services.get(name)
        for number in range(1, (target.scale if target else 0) + 1):
            assert target is not None
            container = project.container_name(target, number)
            for known_as in (alias or name, f"{name}{project.separator}{number}", container):
                found[f"{container}:{known_as}"] = None
    for link in service.external_links:
        name, _, alias = link.partition(":")
        found[f"{name}:{alias or name}"] = None
    return list(found)
