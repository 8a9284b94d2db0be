"""The overlay's part of the host's firewall: balancing, the way back, isolation. One text is one transaction.

Two tables, `ip` and `ip6`, beside those of `lifecycle.network.firewall`: each decides about its own bridges only. The
rules never change while the tunnel stays the same; what changes are elements of sets and maps.

A new connection to a virtual address or a published port: the map `vips`, `ports` or `address_ports` says how many
tasks there are and jumps to the chain of that number, which draws one of (key, 0) … (key, n - 1) from `…_backends`. So
a service is some elements, whatever its size, and one task more or less is three of them at most.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from shoal.lifecycle.network.firewall import IP, IP6, Element
from shoal.lifecycle.overlay import balancing, numbers
from shoal.lifecycle.overlay.tunnel import TunnelPlan, others
from shoal.model.cluster.assignment import OverlayState
from shoal.model.cluster.cluster import ClusterNetwork

FAMILIES = (IP, IP6)
_VERSION = {IP: 4, IP6: 6}
_LOOPBACK = {IP: "127.0.0.0/8", IP6: "::1"}
FEWEST_CHAINS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the rules themselves depend on. prefix: how the engine's bridges begin. tunnel: None = there is none"""

    table: str
    prefix: str
    tunnel: TunnelPlan | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Two frames with the same key have the same rules."""
        tunnel = self.tunnel
        return (self.table, self.prefix, tunnel and (tunnel.device, tunnel.vni, tunnel.port, tunnel.number))


def wanted_elements(
    state: OverlayState, bridges: Mapping[str, str], refused: frozenset[tuple[str, int]] = frozenset()
) -> list[Element]:
    """All elements, each once, in a stable order.

    bridges: {network id: interface}. refused: published ports that somebody else has on this node
    """
    found: list[Element] = []
    serving = balancing.serving(state)
    for family in FAMILIES:
        for network in state.networks.values():
            if network.id in bridges:
                found += _network_elements(family, network, bridges[network.id])
        found += _peer_elements(family, state)
        found += _endpoint_elements(family, state, bridges)
        for route in state.services.values():
            for vip in route.vips if route.mode == "vip" else ():
                address = vip.ipv4 if family == IP else vip.ipv6
                if address and vip.network_id in bridges:
                    tasks = serving.get(route.service_id, ())
                    target = balancing.on_network(tasks, vip.network_id, _VERSION[family])
                    found += _vip_elements(family, bridges[vip.network_id], address, target)
        for route, port in balancing.ingress_ports(state):
            if (port.protocol, port.published) not in refused:
                tasks = serving.get(route.service_id, ())
                target = balancing.ingress_target(state, tasks, _VERSION[family])
                found += _port_elements(family, port.host_ip, port.protocol, port.published, port.target, target)
    return list(dict.fromkeys(found))


def _of(family: str, texts: Iterable[str]) -> list[str]:
    return [text for text in texts if text and (":" in text) == (family == IP6)]


def reachable_element(address: str) -> Element:
    """A container on this node has this address."""
    return Element(IP6 if ":" in address else IP, "reachable", address)


def _network_elements(family: str, network: ClusterNetwork, interface: str) -> list[Element]:
    name = f'"{interface}"'
    found = [Element(family, "bridges", name)]
    if network.spec.internal:
        found.append(Element(family, "internal", name))
    if network.spec.ingress:
        found.append(Element(family, "mesh", name))
    for pool in network.spec.ipam.config:
        for subnet in _of(family, [pool.subnet]):
            found.append(Element(family, "members", f"{name} . {subnet}"))
            if not network.spec.internal:
                found.append(Element(family, "outgoing", subnet))
        found += [Element(family, "gateways", gateway) for gateway in _of(family, [pool.gateway])]
    return found


def _peer_elements(family: str, state: OverlayState) -> list[Element]:
    found = []
    for peer in others(state):
        mac = numbers.tunnel_mac(peer.number)
        mark = f"0x{numbers.mark(peer.number):08x}"
        found += [Element(family, "peers", address) for address in _of(family, [peer.address, *peer.addresses])]
        found.append(Element(family, "senders", f"{mac} : {mark}"))
        found.append(Element(family, "zones", f"{mac} : {peer.number}"))
        found.append(Element(family, "marks", mark))
    return found


def _endpoint_elements(family: str, state: OverlayState, bridges: Mapping[str, str]) -> list[Element]:
    found = []
    peers = {peer.node_id: peer for peer in others(state)}
    ingress = {n.id for n in state.networks.values() if n.spec.ingress}
    for endpoint in state.endpoints.values():
        here = [a for a in endpoint.addresses if a.network_id in bridges]
        own = _of(family, [text for a in here for text in (a.ipv4, a.ipv6)])
        found += [Element(family, "reachable", text) for text in own]
        if endpoint.node_id == state.own.node_id:
            found += [Element(family, "selves", f"{a} . {b}") for a, b in product(own, own)]
        elif endpoint.node_id in peers:
            peer = peers[endpoint.node_id]
            entry = _of(family, [t for a in here if a.network_id in ingress for t in (a.ipv4, a.ipv6)])
            callers = _of(family, [peer.address, *peer.addresses])
            found += [Element(family, "triangles", f"{a} . {b}") for a, b in product(callers, entry)]
    return found


def _vip_elements(family: str, interface: str, vip: str, target: balancing.Target) -> list[Element]:
    if not target.size:
        return []
    found = [Element(family, "vip_backends", f"{vip} . {i} : {a}") for i, a in enumerate(target.addresses)]
    return [*found, Element(family, "vips", f'"{interface}" . {vip} : goto vip_{target.size}')]


def _port_elements(
    family: str, host_ip: str, protocol: str, published: int, port: int, target: balancing.Target
) -> list[Element]:
    if host_ip in ("0.0.0.0", "::"):
        host_ip = ""
    if family == IP and ":" in host_ip:
        host_ip = numbers.MESH_ADDRESS  # where netd leads what comes to an address that is not translated
    if host_ip and not _of(family, [host_ip]):
        return []
    key = f"{protocol} . {published}"
    found = []
    if family == IP:
        found.append(Element(family, "held_at", f"{host_ip} . {key}") if host_ip else Element(family, "held", key))
    if not target.size:
        return found
    found += [Element(family, "port_backends", f"{key} . {i} : {a} . {port}") for i, a in enumerate(target.addresses)]
    verdict = f"goto port_{target.size}"
    if host_ip:
        return [*found, Element(family, "address_ports", f"{host_ip} . {key} : {verdict}")]
    return [*found, Element(family, "ports", f"{key} : {verdict}")]


def largest(elements: Iterable[Element]) -> int:
    """How many tasks the largest service has: as many chains there must be."""
    sizes = (e.text.rpartition("_")[2] for e in elements if " : goto " in e.text)
    return max(map(int, sizes), default=0)


def room_for(size: int) -> int:
    """Up to which number chains are made, so that services can grow a while without all being made anew.

    nft 1.0.6 cannot add a rule about `port_backends` to a table that is there.
    """
    return max(FEWEST_CHAINS, 1 << (size - 1).bit_length())


def _chain_rule(family: str, kind: str, size: int) -> str:
    draw = f"numgen random mod {size}"
    if kind == "vip":
        return f"dnat {family} to {family} daddr . {draw} map @vip_backends"
    return f"meta l4proto {{ tcp, udp }} dnat {family} to meta l4proto . th dport . {draw} map @port_backends"


def whole_text(frame: Frame, content: Sequence[Element], room: int) -> str:
    """The transaction that puts both tables in place with `content`, whatever was there under their name.

    room: the most tasks that a service may have until the next whole text
    """
    return "".join(_table_text(family, frame, content, room) for family in FAMILIES)


def _sets(family: str) -> list[tuple[str, str, str, str]]:
    """(set or map, name, type, flags)"""
    address = "ipv4_addr" if family == IP else "ipv6_addr"
    draw = "numgen random mod 65536"
    return [
        ("set", "bridges", "type ifname", ""),
        ("set", "internal", "type ifname", ""),
        ("set", "mesh", "type ifname", ""),
        ("set", "members", f"type ifname . {address}", "flags interval"),
        ("set", "outgoing", f"type {address}", "flags interval"),
        ("set", "gateways", f"type {address}", ""),
        ("set", "peers", f"type {address}", ""),
        ("map", "senders", "type ether_addr : mark", ""),
        ("map", "zones", "typeof ether saddr : ct zone", ""),
        ("set", "marks", "type mark", ""),
        ("set", "reachable", f"type {address}", ""),
        ("set", "selves", f"type {address} . {address}", ""),
        ("set", "triangles", f"type {address} . {address}", ""),
        ("set", "held", "type inet_proto . inet_service", ""),
        ("set", "held_at", f"type {address} . inet_proto . inet_service", ""),
        ("map", "vip_backends", f"typeof {family} daddr . {draw} : {family} daddr", ""),
        ("map", "port_backends", f"typeof meta l4proto . th dport . {draw} : {family} daddr . th dport", ""),
    ]


def _verdicts(family: str) -> list[tuple[str, str, str, str]]:
    address = "ipv4_addr" if family == IP else "ipv6_addr"
    return [
        ("map", "vips", f"type ifname . {address} : verdict", ""),
        ("map", "ports", "type inet_proto . inet_service : verdict", ""),
        ("map", "address_ports", f"type {address} . inet_proto . inet_service : verdict", ""),
    ]


def _set_lines(
    family: str, sets: Sequence[tuple[str, str, str, str]], content: Mapping[tuple[str, str], Sequence[str]]
) -> list[str]:
    lines = []
    for kind, name, type, flags in sets:
        texts = content.get((family, name), ())
        lines += [f"\t{kind} {name} {{", f"\t\t{type}"]
        lines += [f"\t\t{flags}"] if flags else []
        lines += ["\t\telements = { " + ", ".join(texts) + " }"] if texts else []
        lines.append("\t}")
    return lines


def _table_text(family: str, frame: Frame, content: Sequence[Element], room: int) -> str:
    by_set: dict[tuple[str, str], list[str]] = {}
    for element in content:
        by_set.setdefault((element.family, element.set), []).append(element.text)
    table = frame.table
    lines = [f"table {family} {table}", f"delete table {family} {table}", f"table {family} {table} {{"]
    lines += _set_lines(family, _sets(family), by_set)
    for kind, size in product(("vip", "port"), range(1, room + 1)):
        lines += [f"\tchain {kind}_{size} {{", f"\t\t{_chain_rule(family, kind, size)}", "\t}"]
    lines += _set_lines(family, _verdicts(family), by_set)
    for name, rules in _chains(family, frame):
        lines += [f"\tchain {name} {{", *(f"\t\t{rule}" for rule in rules if rule), "\t}"]
    return "\n".join([*lines, "}", ""])


def _chains(family: str, frame: Frame) -> list[tuple[str, list[str]]]:
    device = frame.tunnel.device if frame.tunnel else ""
    return [
        ("guard", _guard(family, frame.tunnel)),
        ("marking", _marking(device)),
        ("marking_own", ["type route hook output priority mangle; policy accept;", _REMEMBERED]),
        ("unmarking", _unmarking(device)),
        ("prerouting", _prerouting(family, frame.prefix, device)),
        ("output", _output(family)),
        ("postrouting", _postrouting(family, frame.tunnel)),
        ("forward", _forward(family, device)),
        ("input", _input(family, device)),
        ("leaving", _leaving(family)),
    ]


_REMEMBERED = "ct direction reply ct mark @marks meta mark set ct mark"


def _guard(family: str, tunnel: TunnelPlan | None) -> list[str]:
    """Nobody but a peer sends into the tunnel. Each peer has a zone: see docs/design/overlay.md, two ways to a task."""
    rules = [
        "type filter hook prerouting priority raw; policy accept;",
        f'iifname != "lo" {family} daddr {_LOOPBACK[family]} drop',
    ]
    if tunnel is not None:
        rules += [
            f"udp dport {tunnel.port} @th,96,24 {tunnel.vni} {family} saddr != @peers drop",
            f'iifname "{tunnel.device}" {family} saddr {_LOOPBACK[family]} drop',
            f'iifname "{tunnel.device}" ct original zone set ether saddr map @zones',
        ]
    return rules


def _marking(device: str) -> list[str]:
    arriving = f'iifname "{device}" ct state new ct mark set ether saddr map @senders' if device else ""
    first = "type filter hook prerouting priority mangle; policy accept;"
    return [first, arriving, f"iifname @bridges {_REMEMBERED}"]


def _unmarking(device: str) -> list[str]:
    """The tunnel's own packets inherit the mark of what is in them, and must not be routed into the tunnel again."""
    rule = f'oifname "{device}" meta mark @marks meta mark set 0' if device else ""
    return ["type filter hook postrouting priority mangle; policy accept;", rule]


def _prerouting(family: str, prefix: str, device: str) -> list[str]:
    at_port = "meta l4proto . th dport vmap"
    return [
        "type nat hook prerouting priority dstnat; policy accept;",
        f'iifname "{device}" return' if device else "",
        f"iifname . {family} daddr vmap @vips",
        "iifname @internal return",
        f"{family} daddr . {at_port} @address_ports",
        f"fib daddr type local {at_port} @ports",
        # A container that calls another node's port: answered here, so that the reply need not go round by there.
        f'iifname "{prefix}*" {family} daddr @peers {at_port} @ports',
    ]


def _output(family: str) -> list[str]:
    at_port = "meta l4proto . th dport vmap"
    return [
        "type nat hook output priority -100; policy accept;",
        f"{family} daddr {_LOOPBACK[family]} return" if family == IP6 else "",
        f"{family} daddr . {at_port} @address_ports",
        f"fib daddr type local {at_port} @ports",
        f"{family} daddr @peers {at_port} @ports",
        f"ip daddr {numbers.MESH_ADDRESS} {at_port} @ports" if family == IP else "",
    ]


def _postrouting(family: str, tunnel: TunnelPlan | None) -> list[str]:
    rules = ["type nat hook postrouting priority srcnat; policy accept;"]
    if tunnel is not None:
        address = numbers.tunnel_ipv4(tunnel.number) if family == IP else numbers.tunnel_ipv6(tunnel.number)
        out = f'oifname "{tunnel.device}"'
        local = [f"{out} ip saddr 127.0.0.0/8 snat to {address}"] if family == IP else []
        rules += [
            *local,
            f"{out} {family} saddr @gateways snat to {address}",
            f"{out} ct status dnat {family} saddr . {family} daddr @triangles snat to {address}",
            f"{out} accept",
        ]
    rules += ["oifname @bridges ip saddr 127.0.0.0/8 masquerade"] if family == IP else []
    return [
        *rules,
        f"oifname @bridges ct status dnat {family} saddr . {family} daddr @selves masquerade",
        "oifname @bridges accept",
        f"{family} saddr @outgoing {family} daddr != @outgoing masquerade",
    ]


def _forward(family: str, device: str) -> list[str]:
    unreachable = "icmp type host-unreachable" if family == IP else "icmpv6 type addr-unreachable"
    tunnel = f'"{device}"'
    inside = f"iifname . {family} daddr @members"
    strangers = "iifname != @bridges oifname != @bridges"
    return [
        "type filter hook forward priority filter; policy accept;",
        f"{strangers} iifname != {tunnel} oifname != {tunnel} accept" if device else f"{strangers} accept",
        "ct state established,related accept",
        f"{inside} {family} daddr @reachable accept",
        f"{inside} meta l4proto tcp reject with tcp reset",
        f"{inside} reject with {unreachable}",
        f"iifname {tunnel} oifname . {family} saddr @members accept" if device else "",
        f"iifname {tunnel} oifname @mesh accept" if device else "",
        "iifname @internal drop",
        f"iifname {tunnel} drop" if device else "",
        "ct status dnat accept",
        f"oifname {tunnel} drop" if device else "",
        "oifname @bridges drop",
    ]


def _input(family: str, device: str) -> list[str]:
    """A published port that no task serves is closed; netd, who holds it, would accept."""
    rules = ["type filter hook input priority filter; policy accept;", "iifname @internal ct state new drop"]
    if device:
        rules.append(f'iifname "{device}" ct state new meta l4proto != {{ icmp, ipv6-icmp }} drop')
    if family == IP:
        for key in ("meta l4proto . th dport @held", "ip daddr . meta l4proto . th dport @held_at"):
            rules += [f"{key} meta l4proto tcp reject with tcp reset", f"{key} reject"]
    return rules


def _leaving(family: str) -> list[str]:
    """No container is told of a shorter way to its neighbours: who is one changes, and it would remember.

    The host itself is outside of an internal network: the bridge is only a part of how that is made.
    """
    unreachable = "icmp type host-unreachable" if family == IP else "icmpv6 type addr-unreachable"
    redirect = "icmp type redirect" if family == IP else "icmpv6 type nd-redirect"
    rules = ["type filter hook output priority filter; policy accept;", f"oifname @bridges {redirect} drop"]
    rules.append(f"oifname @internal ct state new reject with {unreachable}")
    if family == IP:
        rules += [
            f"ip daddr {numbers.MESH_ADDRESS} meta l4proto tcp reject with tcp reset",
            f"ip daddr {numbers.MESH_ADDRESS} reject",
        ]
    return rules
