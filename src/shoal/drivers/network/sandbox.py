"""The links inside one container's namespace."""

import socket
import struct
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from shoal.contracts.networking import Wire
from shoal.drivers.network import netlink as nl
from shoal.drivers.network.namespace import read_sysctl, write_sysctl
from shoal.drivers.network.nftables import Nftables
from shoal.errors import DriverError
from shoal.lifecycle.network.firewall import resolver_text
from shoal.model.network import LOCAL_RESOLVER

DEFAULT_SYSCTLS = (("net/ipv4/ip_unprivileged_port_start", "0"), ("net/ipv4/ping_group_range", "0 2147483647"))
_BACKLOG = 64


def plug(outer: nl.Netlink, inner: nl.Netlink, namespace: int, wire: Wire) -> None:
    """Make the wire's link, move it in, give it its addresses and routes.

    outer, inner: sockets to the host's namespace and the container's
    """
    what = f"endpoint {wire.interface} on {wire.moved or wire.master}"
    outer.send([_link(wire, namespace)], what)
    port = _port_settings(wire) if wire.host_interface else b""
    if port:
        index = socket.if_nametoindex(wire.host_interface)
        settings = nl.attribute(nl.IFLA_PROTINFO | nl.NESTED, port)
        outer.send([nl.link(nl.RTM_SETLINK, settings, index=index, family=nl.AF_BRIDGE)], what)
    made = _first_name(wire)
    index = inner.links()[made][0]
    named = [nl.link(nl.RTM_SETLINK, nl.attribute(nl.IFLA_IFNAME, wire.interface), index=index)]
    messages = [] if made == wire.interface else named
    messages += [nl.address(nl.RTM_NEWADDR, index, a, p, routed=not wire.routers) for a, p in wire.addresses]
    if wire.moved and wire.mac_address:
        messages.append(nl.link(nl.RTM_SETLINK, nl.hardware(wire.mac_address), index=index))
    messages.append(nl.link(nl.RTM_SETLINK, index=index, up=True))
    messages += _subnet_routes(wire, index)
    # Those without a gateway first: others may need them to reach theirs.
    for destination, next_hop in sorted(wire.routes, key=lambda route: bool(route[1])):
        messages.append(nl.route(nl.RTM_NEWROUTE, destination, index, next_hop))
    messages += [nl.default_route(index, gateway) for gateway in wire.gateways]
    inner.send(messages, what)


def _link(wire: Wire, namespace: int) -> nl.Message:
    if wire.moved:
        return _move(wire.moved, wire.interface, namespace)
    return _veth(wire, namespace) if wire.host_interface else _macvlan(wire, namespace)


def _move(link: str, name: str, namespace: int) -> nl.Message:
    """Give a link of the calling thread's namespace to another one, under another name."""
    try:
        index = socket.if_nametoindex(link)
    except OSError:
        raise DriverError(f'network: there is no link "{link}" to be made "{name}"') from None
    named = nl.attribute(nl.IFLA_IFNAME, name)
    return nl.link(nl.RTM_SETLINK, named, nl.attribute(nl.IFLA_NET_NS_FD, namespace), index=index, up=False)


def give_back(interface: str, name: str, home: int) -> None:
    """Move a link to the host under the name that it had there, from inside. Idempotent."""
    with nl.Netlink() as netlink:
        try:
            netlink.send([nl.link(nl.RTM_SETLINK, index=socket.if_nametoindex(interface), up=False)])
            netlink.send([_move(interface, name, home)])
        except (DriverError, OSError):
            return  # it is not there, or the host has another link of this name


def _subnet_routes(wire: Wire, index: int) -> list[nl.Message]:
    """The host is the only neighbour; all others of the subnet are behind it."""
    messages = []
    for router in map(ip_address, wire.routers):
        messages.append(nl.route(nl.RTM_NEWROUTE, f"{router}/{router.max_prefixlen}", index))
        for address, prefix in wire.addresses:
            subnet = ip_network(f"{address}/{prefix}", strict=False)
            if subnet.version == router.version and router in subnet:
                messages.append(nl.route(nl.RTM_NEWROUTE, str(subnet), index, str(router)))
    return messages


def _port_settings(wire: Wire) -> bytes:
    """What the bridge must know of the wire's port beyond its defaults."""
    yes = struct.pack("=B", 1)
    settings = nl.attribute(nl.IFLA_BRPORT_ISOLATED, yes) if wire.is_isolated else b""
    # Where br_netfilter is at work, a container that calls its own published port gets the packet back through the port
    # that it came from, and that needs hairpin mode. Elsewhere the host routes it back.
    if read_sysctl("net/bridge/bridge-nf-call-iptables") == "1":
        settings += nl.attribute(nl.IFLA_BRPORT_MODE, yes)
    return settings


def _first_name(wire: Wire) -> str:
    """What a link is called until it is in its namespace.

    Older kernels (6.1) make no macvlan of a name that a link of the host has, wherever it is to be: often "eth0".
    """
    if wire.moved or wire.host_interface:
        return wire.interface
    return f"m{wire.mac_address.replace(':', '')}"


def _inside(wire: Wire, namespace: int) -> list[bytes]:
    return [
        nl.attribute(nl.IFLA_IFNAME, _first_name(wire)),
        nl.attribute(nl.IFLA_NET_NS_FD, namespace),
        nl.attribute(nl.IFLA_MTU, wire.mtu),
        nl.hardware(wire.mac_address),
    ]


def _veth(wire: Wire, namespace: int) -> nl.Message:
    return nl.new_link(
        nl.attribute(nl.IFLA_IFNAME, wire.host_interface),
        nl.attribute(nl.IFLA_MTU, wire.mtu),
        nl.attribute(nl.IFLA_MASTER, socket.if_nametoindex(wire.master)),
        nl.link_info("veth", nl.veth_peer(*_inside(wire, namespace))),
        up=True,
    )


def _macvlan(wire: Wire, namespace: int) -> nl.Message:
    mode = nl.attribute(nl.IFLA_MACVLAN_MODE, nl.MACVLAN_BRIDGE)
    parent = nl.attribute(nl.IFLA_LINK, socket.if_nametoindex(wire.master))
    return nl.new_link(*_inside(wire, namespace), parent, nl.link_info("macvlan", mode))


def configure(wires: Sequence[Wire]) -> None:
    """Set the sysctls of a namespace, from inside."""
    for name, value in DEFAULT_SYSCTLS:
        write_sysctl(name, value)
    for wire in wires:
        if wire.routers:  # every way is through the host
            write_sysctl(f"net/ipv4/conf/{wire.interface}/accept_redirects", "0")
            write_sysctl(f"net/ipv6/conf/{wire.interface}/accept_redirects", "0")
        if not any(":" in address for address, _ in wire.addresses):
            write_sysctl(f"net/ipv6/conf/{wire.interface}/disable_ipv6", "1")
        for name, value in wire.sysctls:
            write_sysctl(name, value)


def deconfigure(interface: str) -> None:
    """Delete a link, from inside; its other end goes with it. Idempotent."""
    with nl.Netlink() as netlink:
        try:
            netlink.send([nl.link(nl.RTM_DELLINK, nl.attribute(nl.IFLA_IFNAME, interface))])
        except nl.NetlinkError:
            return  # it is not there


def replace_gateways(routes: Sequence[tuple[str, str]]) -> None:
    """Make these (interface, gateway) the only default routes, from inside."""
    with nl.Netlink() as netlink:
        old = [(d, i, m) for d, i, m in netlink.routes() if d in ("0.0.0.0/0", "::/0")]
        for destination, index, metric in old:
            family = socket.AF_INET6 if ":" in destination else socket.AF_INET
            netlink.send([nl.delete_default_route(family, index, metric)])
        netlink.send([nl.default_route(socket.if_nametoindex(i), gateway) for i, gateway in routes], "default route")


def open_resolver(nftables: Nftables, *, again: bool = False) -> tuple[int, int]:
    """(udp, tcp): descriptors of sockets on 127.0.0.11 that get the questions to its port 53, made from inside."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        udp.bind((LOCAL_RESOLVER, 0))
        tcp.bind((LOCAL_RESOLVER, 0))
        tcp.listen(_BACKLOG)
        nftables.run(resolver_text(udp.getsockname()[1], tcp.getsockname()[1], again=again))
    except BaseException:
        udp.close()
        tcp.close()
        raise
    return udp.detach(), tcp.detach()
