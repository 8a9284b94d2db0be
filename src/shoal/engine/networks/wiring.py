"""Pure: from networks and endpoints to what the drivers are told."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from shoal.contracts.networking import BridgeLink, Holding, HostNetwork, Wire
from shoal.lifecycle.network import files
from shoal.lifecycle.network.firewall import IP, IP6, Bridge, Forward
from shoal.lifecycle.network.ipam import gateway, mac_address
from shoal.lifecycle.network.names import Asker, Entry
from shoal.lifecycle.network.ports import Wish, bound_ports, plan_ports
from shoal.lifecycle.network.rules import option_flag
from shoal.lifecycle.overlay.numbers import MESH_ADDRESS
from shoal.model.endpoint import BoundPort, Endpoint, EndpointSettings, PortBinding
from shoal.model.network import (
    ENABLE_ICC,
    ENABLE_MASQUERADE,
    GATEWAY_MODE_IPV4,
    GATEWAY_MODE_IPV6,
    HOST_BINDING_IPV4,
    INHIBIT_IPV4,
    SYSCTLS,
    JoinRequest,
    Network,
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """One endpoint with its network and what was asked for."""

    network: Network
    settings: EndpointSettings
    endpoint: Endpoint


#: drivers whose networks are a bridge of ours
WITH_BRIDGE = ("bridge", "overlay")


def is_routed(network: Network) -> bool:
    """Its containers reach each other through the host alone, which knows on which node each is."""
    return network.driver == "overlay"


def is_by_hand(network: Network, settings: EndpointSettings) -> bool:
    """A container that is no task: those come with the addresses that the managers chose."""
    return is_routed(network) and not settings.is_given


def has_link(attachment: Attachment) -> bool:
    """Whether something of the endpoint is to be in the container's namespace."""
    network = attachment.network
    return bool(attachment.endpoint.plugin_link) if network.is_plugins else network.driver != "null"


def in_order(attachments: Iterable[Attachment]) -> list[Attachment]:
    """By priority, then by the network's name: the order in which they are asked for names and for a way out."""
    return sorted(attachments, key=lambda a: (-a.settings.priority, a.network.name))


def _mode(network: Network, version: int) -> str:
    return network.spec.options.get(GATEWAY_MODE_IPV4 if version == 4 else GATEWAY_MODE_IPV6, "") or "nat"


def _leads_out(attachment: Attachment, version: int) -> bool:
    endpoint = attachment.endpoint
    return (
        bool(endpoint.ipv4_gateway if version == 4 else endpoint.ipv6_gateway) and not attachment.network.spec.internal
    )


def way_out(attachments: Iterable[Attachment], version: int) -> Attachment | None:
    """The endpoint with the default route of this IP version."""
    return next((a for a in in_order(attachments) if _leads_out(a, version)), None)


def endpoint_gateway(network: Network, version: int) -> str:
    """What an endpoint's container has as its gateway; "" on networks that lead nowhere."""
    if (
        network.is_plugins
        or network.spec.internal
        or (network.driver == "bridge" and _mode(network, version) == "isolated")
    ):
        return ""
    return gateway(network, version)


def gateways_of(attachment: Attachment, attachments: Sequence[Attachment]) -> tuple[str, ...]:
    """The default routes that go through this endpoint."""
    found = []
    if attachment == way_out(attachments, 4):
        found.append(attachment.endpoint.ipv4_gateway)
    if attachment == way_out(attachments, 6):
        found.append(attachment.endpoint.ipv6_gateway)
    return tuple(found)


def wire_of(attachment: Attachment, attachments: Sequence[Attachment]) -> Wire:
    """The plan of an endpoint's links."""
    network, endpoint = attachment.network, attachment.endpoint
    addresses = ((endpoint.ipv4_address, endpoint.ipv4_prefix), (endpoint.ipv6_address, endpoint.ipv6_prefix))
    local = tuple((a, 16 if "." in a else 64) for a in attachment.settings.link_local_ips)
    return Wire(
        interface=endpoint.interface,
        host_interface=endpoint.host_interface,
        master=network.interface,
        mac_address=endpoint.mac_address,
        mtu=network.mtu,
        addresses=tuple((a, p) for a, p in addresses if a) + local,
        gateways=gateways_of(attachment, attachments),
        is_isolated=network.driver == "bridge" and not option_flag(network.spec, ENABLE_ICC),
        routers=tuple(pool.gateway for pool in network.spec.ipam.config if pool.gateway) if is_routed(network) else (),
        sysctls=_sysctls(attachment.settings, endpoint.interface),
        moved=endpoint.plugin_link,
        routes=endpoint.routes,
    )


def _sysctls(settings: EndpointSettings, interface: str) -> tuple[tuple[str, str], ...]:
    """Of the option "net.ipv4.conf.IFNAME.forwarding=1,…"; IFNAME stands for the interface."""
    found = []
    for item in settings.driver_opts.get(SYSCTLS, "").split(","):
        name, equals, value = item.strip().partition("=")
        if equals and name.startswith("net.") and ".." not in name and "/" not in name:
            found.append((name.replace(".", "/").replace("IFNAME", interface), value))
    return tuple(found)


def bridge_link(network: Network) -> BridgeLink:
    """The bridge of a network as the kernel is to have it."""
    addresses = []
    for pool in network.spec.ipam.config:
        version = 6 if ":" in pool.subnet else 4
        inhibited = version == 4 and option_flag(network.spec, INHIBIT_IPV4, default=False)
        if pool.gateway and not inhibited and _mode(network, version) != "isolated":
            addresses.append((pool.gateway, int(pool.subnet.partition("/")[2])))
    ipv4 = gateway(network, 4)
    return BridgeLink(
        interface=network.interface,
        addresses=tuple(addresses),
        mac_address=mac_address(ipv4, network.id if not is_routed(network) else f"{crc32(network.id.encode()):08x}"),
        mtu=network.mtu,
        is_routed=is_routed(network),
        routes=(MESH_ADDRESS,) if network.spec.ingress else (),
    )


def bridge_of(network: Network) -> Bridge:
    """The bridge of a network as the firewall is to know it."""
    modes = {IP: _mode(network, 4), IP6: _mode(network, 6)}
    masquerade = option_flag(network.spec, ENABLE_MASQUERADE)
    return Bridge(
        interface=network.interface,
        subnets=tuple(pool.subnet for pool in network.spec.ipam.config if pool.subnet),
        internal=network.spec.internal,
        icc=option_flag(network.spec, ENABLE_ICC),
        masquerade=tuple(f for f, mode in modes.items() if masquerade and mode.startswith("nat")),
        unprotected=tuple(f for f, mode in modes.items() if mode == "nat-unprotected"),
    )


@dataclass(frozen=True, slots=True)
class Publication:
    """Where a container's published ports lead.

    ipv4, ipv6: its addresses there; routed: they are reached at these, host ports are not used
    """

    network: Network
    endpoint: Endpoint
    ipv4: str
    ipv6: str
    routed: bool


def publication(attachments: Sequence[Attachment]) -> Publication | None:
    """The endpoint that published ports lead to; None when no network of the container leads out over a bridge."""
    chosen = way_out(attachments, 4) or way_out(attachments, 6)
    if chosen is None or chosen.network.driver not in WITH_BRIDGE:
        return None
    six = way_out(attachments, 6)
    has_six = six is not None and six.network.driver in WITH_BRIDGE
    return Publication(
        network=chosen.network,
        endpoint=chosen.endpoint,
        ipv4=chosen.endpoint.ipv4_address,
        ipv6=six.endpoint.ipv6_address if six is not None and has_six else "",
        routed=_mode(chosen.network, 4) == "routed",
    )


def port_wishes(request: JoinRequest, where: Publication | None, ipv6: bool, start: int) -> list[Wish]:
    """The host ports that a container wants; none where there is nothing to publish on."""
    if where is None or where.routed:
        return []
    default_ip = where.network.spec.options.get(HOST_BINDING_IPV4, "")
    exposed = request.exposed if request.publish_all else ()
    return plan_ports(request.ports, exposed, "" if default_ip == "0.0.0.0" else default_ip, ipv6, start)


def bound_wishes(ports: Iterable[BoundPort]) -> list[Wish]:
    """The wishes that keep the ports that are bound already."""
    together: dict[tuple[int, str, int], list[str]] = {}
    for port in ports:
        key = (port.container_port, port.protocol, port.host_port)
        together.setdefault(key, []).append(port.host_ip)
    return [
        Wish(container_port=c, protocol=protocol, host_ips=tuple(ips), candidates=(number,), is_fixed=True)
        for (c, protocol, number), ips in together.items()
    ]


def ports_of(wishes: Sequence[Wish], numbers: Sequence[int]) -> tuple[BoundPort, ...]:
    """What wishes became."""
    return tuple(port for wish, number in zip(wishes, numbers, strict=True) for port in bound_ports(wish, number))


def forwards_of(request: JoinRequest, ports: Sequence[BoundPort], where: Publication | None) -> list[Forward]:
    """The firewall's part of the published ports; netd passes on what is not in here."""
    if where is None:
        return []
    if where.routed:
        return [_routed(p, ip) for p in request.ports for ip in (where.ipv4, where.ipv6) if ip]
    found = []
    for port in ports:
        target = where.ipv6 if ":" in port.host_ip else where.ipv4
        if target and port.host_ip != "::1":
            found.append(
                Forward(
                    protocol=port.protocol,
                    host_ip=port.host_ip,
                    host_port=port.host_port,
                    target_ip=target,
                    target_port=port.container_port,
                )
            )
    return found


def _routed(port: PortBinding, ip: str) -> Forward:
    return Forward(
        protocol=port.protocol,
        host_ip="",
        host_port=0,
        target_ip=ip,
        target_port=port.container_port,
        routed=True,
    )


def needs_resolver(attachments: Iterable[Attachment], wanted: files.ResolvConf) -> bool:
    """True when the container asks us: for names of its networks, or since only the host reaches its own resolver."""
    if any(a.network.is_user_defined for a in attachments):
        return True
    return bool(wanted.nameservers) and all(files.is_loopback(server) for server in wanted.nameservers)


def forward_to(
    attachments: Sequence[Attachment], wanted: files.ResolvConf, from_host: Sequence[str]
) -> tuple[str, ...]:
    """Who is asked for names from outside.

    from_host: those of `wanted.nameservers` that are the host's; the others, chosen for the container, may be in it
    """
    leads_out = way_out(attachments, 4) is not None or way_out(attachments, 6) is not None
    found = []
    for server in wanted.nameservers:
        if server not in from_host or not files.is_loopback(server):
            found.append(server)
        elif leads_out:  # an internal network's container must not reach the world through names
            found.append(f"host:{server}")
    return tuple(found)


def holding_of(
    attachments: Sequence[Attachment],
    forward: Sequence[str],
    wishes: Sequence[Wish],
    member_id: Callable[[str], str],
) -> Holding:
    """What netd is to hold. member_id: a container's id, found by its name; "" where there is none"""
    named = [a for a in in_order(attachments) if a.network.is_user_defined]
    where = publication(attachments)
    links: dict[str, tuple[str, str]] = {}
    for attachment in named:
        for text in attachment.settings.links:
            target, _, alias = text.partition(":")
            found = member_id(target)
            if found:
                links[(alias or target).lower()] = (attachment.network.id, found)
    return Holding(
        entries=tuple(_entry(a) for a in named if not is_routed(a.network) or is_by_hand(a.network, a.settings)),
        asker=Asker(networks=tuple(a.network.id for a in named), links=links),
        forward=tuple(forward),
        ports=tuple(wishes),
        ipv4=where.ipv4 if where else "",
        ipv6=where.ipv6 if where else "",
    )


def _entry(attachment: Attachment) -> Entry:
    endpoint = attachment.endpoint
    return Entry(
        network_id=attachment.network.id,
        network_name=attachment.network.name,
        names=endpoint.dns_names,
        ipv4=endpoint.ipv4_address,
        ipv6=endpoint.ipv6_address,
    )


def hosts_lines(attachment: Attachment, request: JoinRequest) -> list[str]:
    """The lines of /etc/hosts for one endpoint."""
    endpoint = attachment.endpoint
    hostname = request.hostname or request.container_id[:12]
    return [
        files.own_line(address, hostname, request.domainname)
        for address in (endpoint.ipv4_address, endpoint.ipv6_address)
        if address
    ]


def wanted_resolv_conf(request: JoinRequest, host: HostNetwork, engine_dns: Sequence[str]) -> files.ResolvConf:
    """What the container's resolver is to do, before our own resolver comes between."""
    given = files.parse_resolv_conf(host.resolv_conf)
    dns = request.dns or tuple(engine_dns)
    return files.with_wishes(given, dns, request.dns_search, request.dns_options)


def attachments_of(
    endpoints: Mapping[str, Endpoint], request: JoinRequest, network: Callable[[str], Network | None]
) -> list[Attachment]:
    """The attachments of a sandbox, in order; an endpoint whose network is gone is left out."""
    found = []
    for name, endpoint in endpoints.items():
        of = network(endpoint.network_id)
        if of is not None:
            found.append(Attachment(of, request.endpoints.get(name, EndpointSettings()), endpoint))
    return in_order(found)
