"""What attaches a container to its networks: wishes (settings, port bindings) and results (endpoints, bound ports)."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """How a container wants to be attached to one network. Source: Docker Engine API v1.51, EndpointSettings.

    links: "container:alias", legacy links inside this network
    priority: the endpoint of the highest one gives the default route (`GwPriority`)
    is_given: the managers of the cluster chose the addresses, for a task
    """

    aliases: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    ipv4_address: str = ""  #: "" = the pool chooses
    ipv6_address: str = ""
    link_local_ips: tuple[str, ...] = ()
    mac_address: str = ""
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    is_given: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One container's attachment to one network as it is; empty addresses where it does not run."""

    network_id: str
    network_name: str
    endpoint_id: str = ""
    mac_address: str = ""
    ipv4_address: str = ""  #: without prefix
    ipv4_prefix: int = 0
    ipv4_gateway: str = ""
    ipv6_address: str = ""
    ipv6_prefix: int = 0
    ipv6_gateway: str = ""
    aliases: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()  #: all names that resolve to it: container name, aliases, short id, hostname

    def at_rest(self) -> "Endpoint":
        """What is left of it while the container does not run: which network it was."""
        return Endpoint(network_id=self.network_id, network_name=self.network_name)

    interface: str = ""  #: inside the container: eth0
    host_interface: str = ""  #: its other end on the host
    plugin_link: str = ""  #: the link that the network's plugin gave, by its name on the host
    routes: tuple[tuple[str, str], ...] = ()  #: (destination, next hop) that the plugin asked for
    is_joined: bool = False  #: the plugin has been asked to join it
    is_published: bool = False  #: the plugin was told of the ports that are wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class PortBinding:
    """A wish to publish one container port.

    host_ip: "" = every address
    host_port: "" or "0" = the engine chooses; "8080"; "8000-8010" = one of these
    """

    container_port: int
    protocol: str = "tcp"  #: tcp | udp | sctp
    host_ip: str = ""
    host_port: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundPort:
    """A container port that is published on one host address."""

    container_port: int
    protocol: str
    host_ip: str  #: "0.0.0.0", "::", or one address
    host_port: int
