"""Networks, endpoints, sandboxes and published ports.

A **network** is an object of the user. An **endpoint** (model.endpoint) is one container's attachment to one network. A
**sandbox** is the network namespace of one running container with its endpoints, published ports and resolver.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shoal.model.endpoint import BoundPort, Endpoint, EndpointSettings, PortBinding

LOCAL_RESOLVER = (
    "127.0.0.11"  #: where containers on user-defined networks ask for names; Docker's, known to nginx configs
)
DEFAULT_NETWORK = "bridge"
PREDEFINED = ("bridge", "host", "none")
DRIVERS = ("bridge", "host", "null", "macvlan", "overlay")
NULL_IPAM = "null"  #: no addresses but those that the network's driver gives

OPTION = "com.docker.network."
BRIDGE_NAME = "com.docker.network.bridge.name"
ENABLE_ICC = "com.docker.network.bridge.enable_icc"
ENABLE_MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
HOST_BINDING_IPV4 = "com.docker.network.bridge.host_binding_ipv4"
DEFAULT_BRIDGE = "com.docker.network.bridge.default_bridge"
GATEWAY_MODE_IPV4 = "com.docker.network.bridge.gateway_mode_ipv4"
GATEWAY_MODE_IPV6 = "com.docker.network.bridge.gateway_mode_ipv6"
INHIBIT_IPV4 = "com.docker.network.bridge.inhibit_ipv4"
MTU = "com.docker.network.driver.mtu"
IFNAME = "com.docker.network.endpoint.ifname"
SYSCTLS = "com.docker.network.endpoint.sysctls"
PARENT = "parent"
MACVLAN_MODE = "macvlan_mode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One subnet of a network. Source: Docker Engine API v1.51, IPAMConfig.

    subnet: CIDR; "" in a request = from the default pools
    ip_range: CIDR inside the subnet from which addresses are given; "" = all of it
    gateway: "" in a request = the first address
    aux_addresses: {name: address}: never given to a container
    """

    subnet: str = ""
    ip_range: str = ""
    gateway: str = ""
    aux_addresses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipam:
    """How a network's addresses are given out."""

    driver: str = "default"
    config: tuple[Pool, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """What the user asks for. Source: Docker Engine API v1.51, NetworkCreateRequest."""

    name: str
    driver: str = "bridge"
    scope: str = ""
    enable_ipv4: bool = True
    enable_ipv6: bool = False
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_only: bool = False
    config_from: str = ""
    ipam: Ipam = field(default_factory=Ipam)
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network that exists.

    spec: as asked, with `ipam.config` completed: each pool has its subnet and (but for gateway-less drivers) gateway
    interface: the bridge's name on the host, or the parent of a macvlan; "" for host and none
    mtu: in bytes; 0 for host and none
    chosen_subnets: those that nobody asked for; others may be chosen while the engine is stopped and they get taken
    pool_ids: what an IPAM plugin calls the subnets of `spec.ipam.config`, in order; () = the addresses are ours to give
    """

    id: str
    spec: NetworkSpec
    created_at: int
    interface: str = ""
    mtu: int = 0
    chosen_subnets: tuple[str, ...] = ()
    pool_ids: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.id

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def driver(self) -> str:
        return self.spec.driver

    @property
    def is_plugins(self) -> bool:
        """A plugin makes its links."""
        return self.spec.driver not in DRIVERS

    @property
    def is_user_defined(self) -> bool:
        return self.spec.name not in PREDEFINED


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """What a container wants of the network when it starts.

    name: without the slash
    network_mode: "" | default | bridge | host | none | a network's name or id | container:<full id>
    endpoints: {network name or id: as asked}; empty = the one of `network_mode`
    ports: published ports; with `publish_all` also a random one for each of `exposed`
    exposed: "80/tcp", of the image and the container
    links: "container:alias" (legacy links of the default bridge)
    extra_hosts: "name:address"; the address "host-gateway" stands for the host
    dns, dns_search, dns_options: "" members are not allowed; () = the host's
    hosts_path, resolv_conf_path: files on the host that are mounted as /etc/hosts and /etc/resolv.conf. Networks writes
        them in join, and again when a running container is connected or disconnected; "" = don't
    """

    container_id: str
    name: str
    hostname: str = ""
    domainname: str = ""
    network_mode: str = ""
    endpoints: Mapping[str, EndpointSettings] = field(default_factory=dict)
    ports: tuple[PortBinding, ...] = ()
    exposed: tuple[str, ...] = ()
    publish_all: bool = False
    links: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    mac_address: str = ""  #: legacy: of the endpoint on the network that `network_mode` names
    hosts_path: str = ""
    resolv_conf_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """The network of one running container.

    netns_path: where its network namespace is pinned (for the runtime spec); None = the host's
    endpoints: {network name: endpoint}
    ports: what is bound; "0.0.0.0" and "::" are two entries
    hosts, resolv_conf: texts of the files
    shares: full id of the container whose network this is (network mode container:…), else ""
    changing: the endpoint that is being added or taken away; after a crash all is as before (see `Attaching.put_back`)
    """

    container_id: str
    request: JoinRequest
    netns_path: str | None
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    ports: tuple[BoundPort, ...] = ()
    hosts: str = ""
    resolv_conf: str = ""
    shares: str = ""
    changing: Endpoint | None = None

    @property
    def key(self) -> str:
        return self.container_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What networks need to know of a container, running or not.

    endpoints: {network name: as asked}, as kept with the container
    """

    container_id: str
    name: str
    hostname: str
    is_running: bool
    network_mode: str
    endpoints: Mapping[str, EndpointSettings] = field(default_factory=dict)
