"""`stack_of`: a project -> everything that its stack wants of the cluster."""

from collections.abc import Mapping
from typing import Any

from shoal.compose.noun import Noun, field
from shoal.compose.project import Network, Project, Service
from shoal.compose.to_services.files import KINDS, WantedFile, wanted_files
from shoal.compose.to_services.labels import NAMESPACE
from shoal.compose.to_services.service import PinnedImage, WantedService, image_name, wanted_service

API_SOCKET = "/var/run/docker.sock"
#: networks that every node has of its own
NODE_NETWORKS = ("host", "none", "bridge")


class WantedNetwork(Noun):
    """A network of a stack. body: of the create call, empty where it is external"""

    key: str
    name: str
    external: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)


class Stack(Noun):
    """All that a stack wants, each in the order in which it is made: services after those that they depend on."""

    name: str
    networks: tuple[WantedNetwork, ...] = ()
    secrets: tuple[WantedFile, ...] = ()
    configs: tuple[WantedFile, ...] = ()
    services: tuple[WantedService, ...] = ()

    @property
    def files(self) -> tuple[WantedFile, ...]:
        """Secrets and configs."""
        return (*self.secrets, *self.configs)


def images_of(project: Project) -> dict[str, str]:
    """{service: the image that it wants}"""
    return {name: image_name(project, service) for name, service in project.services.items()}


def file_paths(project: Project) -> dict[tuple[str, str], str]:
    """{(kind, key): path} of secrets and configs whose content is a file."""
    known: dict[str, Mapping[str, Any]] = {"secrets": project.secrets, "configs": project.configs}
    return {
        (kind, one.key): one.file for kind in KINDS for one in known[kind].values() if one.file and not one.external
    }


def stack_of(
    project: Project,
    images: Mapping[str, PinnedImage],
    contents: Mapping[tuple[str, str], bytes],
    *,
    api_socket: str = API_SOCKET,
) -> Stack:
    """What the project's stack wants.

    images: {service: what its tasks run}, the name in the file where it is missing
    contents: {(kind, key): bytes} for `file_paths`
    Raises: InvalidArgument
    """
    links = _link_aliases(project)
    services = [
        wanted_service(
            project,
            service,
            images.get(service.name) or PinnedImage(reference=image_name(project, service)),
            links.get(service.name, {}),
            api_socket,
        )
        for service in _in_order(project)
    ]
    return Stack(
        name=project.name,
        networks=tuple(_network(project, one) for one in project.networks.values()),
        secrets=wanted_files(project, "secrets", contents),
        configs=wanted_files(project, "configs", contents),
        services=tuple(services),
    )


def _in_order(project: Project) -> list[Service]:
    """As in the file, each after those that it depends on (which never make a circle)."""
    done: dict[str, Service] = {}

    def add(service: Service) -> None:
        for name in service.depends_on:
            if name in project.services and name not in done:
                add(project.services[name])
        done.setdefault(service.name, service)

    for service in project.services.values():
        add(service)
    return list(done.values())


def _link_aliases(project: Project) -> dict[str, dict[str, list[str]]]:
    """{service: {network: names}} that the links of others give it, on the networks that both are on."""
    found: dict[str, dict[str, list[str]]] = {}
    for service in project.services.values():
        own = {one.network for one in service.networks}
        for link in service.links:
            name, _, alias = link.partition(":")
            target = project.services.get(name)
            for shared in (one.network for one in target.networks if one.network in own) if target else ():
                if alias:
                    found.setdefault(name, {}).setdefault(shared, []).append(alias)
    return found


def _network(project: Project, network: Network) -> WantedNetwork:
    if network.external:
        return WantedNetwork(key=network.key, name=network.name, external=True)
    fields = {
        "Name": network.name,
        "Driver": network.driver or "overlay",
        "Labels": {**network.labels, NAMESPACE: project.name},
        "Options": dict(network.driver_opts),
        "IPAM": _ipam(network),
        "Internal": network.internal,
        "Attachable": network.attachable,
        "EnableIPv4": network.enable_ipv4,
        "EnableIPv6": network.enable_ipv6,
    }
    body = {key: value for key, value in fields.items() if value or (key == "EnableIPv4" and value is False)}
    return WantedNetwork(key=network.key, name=network.name, body=body)


def _ipam(network: Network) -> dict[str, Any]:
    pools = []
    for pool in network.ipam_pools:
        fields = {
            "Subnet": pool.subnet,
            "IPRange": pool.ip_range,
            "Gateway": pool.gateway,
            "AuxiliaryAddresses": dict(pool.aux_addresses),
        }
        pools.append({key: value for key, value in fields.items() if value})
    whole = {"Driver": network.ipam_driver, "Options": dict(network.ipam_options), "Config": pools}
    return {key: value for key, value in whole.items() if value}
