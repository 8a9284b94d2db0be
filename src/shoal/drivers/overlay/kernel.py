"""What the kernel has of a tunnel, and the messages from there to a plan."""

import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from shoal.drivers.network import netlink as nl
from shoal.drivers.overlay import messages as ms
from shoal.lifecycle.overlay import numbers
from shoal.lifecycle.overlay.tunnel import TunnelPlan

#: (routing table, "10.1.0.5/32")
Destination = tuple[int, str]
#: (family, mark, table) of a rule
Mark = tuple[int, int, int]
FAMILIES = (int(socket.AF_INET), int(socket.AF_INET6))
_FIRST, _PEERS, _LAST = numbers.RULE_PRIORITY, numbers.RULE_PRIORITY + 1, numbers.RULE_PRIORITY + 2
_ROUTE = struct.Struct("=BBBBBBBBI")


@dataclass(frozen=True, slots=True)
class Content:
    """All that belongs to the device.

    forwarding: {MAC: address of the underlay}. neighbours: {address in the tunnel: MAC}
    routes: {destination: gateway, "" = the other end itself}. marks: (family, mark, table) of each rule
    """

    forwarding: Mapping[str, str] = field(default_factory=dict)
    neighbours: Mapping[str, str] = field(default_factory=dict)
    routes: Mapping[Destination, str] = field(default_factory=dict)
    marks: frozenset[tuple[int, int, int]] = frozenset()


def wanted(plan: TunnelPlan, *, ipv6: bool) -> Content:
    """What a plan comes to. ipv6: the host has it"""
    forwarding: dict[str, str] = {}
    neighbours: dict[str, str] = {}
    routes: dict[Destination, str] = {}
    marks = set()
    for number, underlay in plan.peers.items():
        mac, table = numbers.tunnel_mac(number), numbers.table(number)
        forwarding[mac] = str(ip_address(underlay))
        for family, gateway in zip(FAMILIES, _gateways(number, ipv6), strict=False):
            neighbours[gateway] = mac
            routes[(nl.RT_TABLE_MAIN, _single(gateway))] = ""
            routes[(table, "0.0.0.0/0" if family == socket.AF_INET else "::/0")] = gateway
            marks.add((family, numbers.mark(number), table))
    for address, number in plan.routes.items():
        if ":" not in address:
            routes[(nl.RT_TABLE_MAIN, _single(address))] = numbers.tunnel_ipv4(number)
        elif ipv6:
            routes[(nl.RT_TABLE_MAIN, _single(address))] = numbers.tunnel_ipv6(number)
    return Content(forwarding, neighbours, routes, frozenset(marks))


def _gateways(number: int, ipv6: bool) -> list[str]:
    return [numbers.tunnel_ipv4(number), *([numbers.tunnel_ipv6(number)] if ipv6 else [])]


def _single(address: str) -> str:
    ip = ip_address(address)
    return f"{ip}/{ip.max_prefixlen}"


def present(netlink: nl.Netlink, index: int) -> Content:
    """What is there of the device with this index."""
    return Content(
        dict(_forwarding(netlink, index)), dict(_neighbours(netlink, index)), _routes(netlink, index), _marks(netlink)
    )


def _entries(netlink: nl.Netlink, family: int, index: int) -> Iterator[tuple[str, str]]:
    """(address, MAC) of each permanent neighbour of a link."""
    for body in netlink.dump(ms.RTM_GETNEIGH, ms.NEIGHBOUR.pack(family, 0, 0, 0, 0, 0)):
        _, _, of, state, _, _ = ms.NEIGHBOUR.unpack_from(body)
        found = nl.attributes_of(body, ms.NEIGHBOUR.size)
        if of == index and state & ms.NUD_PERMANENT and ms.NDA_DST in found and ms.NDA_LLADDR in found:
            yield str(ip_address(found[ms.NDA_DST])), found[ms.NDA_LLADDR].hex(":")


def _forwarding(netlink: nl.Netlink, index: int) -> Iterator[tuple[str, str]]:
    for underlay, mac in _entries(netlink, nl.AF_BRIDGE, index):
        yield mac, underlay


def _neighbours(netlink: nl.Netlink, index: int) -> Iterator[tuple[str, str]]:
    for family in FAMILIES:
        yield from _entries(netlink, family, index)


def _routes(netlink: nl.Netlink, index: int) -> dict[Destination, str]:
    return {(table, to): gateway for of, table, to, gateway in _all_routes(netlink) if of == index}


def marks_of_others(netlink: nl.Netlink, index: int, marks: frozenset[Mark]) -> frozenset[Mark]:
    """Those of `marks` whose tables lead through another tunnel: that of another engine on this host."""
    tables = {table for of, table, _, _ in _all_routes(netlink) if of != index}
    return frozenset(mark for mark in marks if mark[2] in tables)


def _all_routes(netlink: nl.Netlink) -> Iterator[tuple[int, int, str, str]]:
    """(index of the device, table, destination, gateway) of each route of a tunnel."""
    for body in netlink.dump(nl.RTM_GETROUTE, _ROUTE.pack(0, 0, 0, 0, 0, 0, 0, 0, 0)):
        family, prefix, _, _, table, protocol, _, _, _ = _ROUTE.unpack_from(body)
        attributes = nl.attributes_of(body, _ROUTE.size)
        if protocol != ms.PROTOCOL or nl.RTA_OIF not in attributes:
            continue
        (of,) = struct.unpack("=I", attributes[nl.RTA_OIF])
        table = struct.unpack("=I", attributes[nl.RTA_TABLE])[0] if nl.RTA_TABLE in attributes else table
        zero = b"\0" * (4 if family == socket.AF_INET else 16)
        destination = f"{ip_address(attributes.get(nl.RTA_DST, zero))}/{prefix}"
        gateway = attributes.get(nl.RTA_GATEWAY)
        yield of, table, destination, str(ip_address(gateway)) if gateway else ""


def _marks(netlink: nl.Netlink) -> frozenset[tuple[int, int, int]]:
    """Of our rules; the two around them come and go with the first and the last."""
    found = set()
    for family in FAMILIES:
        for body in netlink.dump(ms.RTM_GETRULE, ms.RULE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
            attributes = nl.attributes_of(body, ms.RULE.size)
            if attributes.get(ms.FRA_PRIORITY) == struct.pack("=I", _PEERS):
                mark, table = (struct.unpack("=I", attributes[a])[0] for a in (ms.FRA_FWMARK, ms.FRA_TABLE))
                found.add((family, mark, table))
    return frozenset(found)


def difference(index: int, old: Content, new: Content) -> list[nl.Message]:
    """What to tell the kernel: first all that is new, then what goes."""
    return [
        *_rule_messages(ms.RTM_NEWRULE, old.marks, new.marks),
        *(
            ms.forwarding(ms.RTM_NEWNEIGH, index, mac, underlay)
            for mac, underlay in new.forwarding.items()
            if old.forwarding.get(mac) != underlay
        ),
        *(
            ms.neighbour(ms.RTM_NEWNEIGH, index, address, mac)
            for address, mac in new.neighbours.items()
            if old.neighbours.get(address) != mac
        ),
        *(
            nl.route(nl.RTM_NEWROUTE, to, index, gateway, table=table, protocol=ms.PROTOCOL)
            for (table, to), gateway in _direct_first(new.routes)
            if old.routes.get((table, to)) != gateway
        ),
        *(
            nl.route(nl.RTM_DELROUTE, to, index, gateway, table=table, protocol=ms.PROTOCOL)
            for (table, to), gateway in reversed(_direct_first(old.routes))
            if (table, to) not in new.routes
        ),
        *_rule_messages(ms.RTM_DELRULE, new.marks, old.marks),
        *(
            ms.neighbour(ms.RTM_DELNEIGH, index, address, mac)
            for address, mac in old.neighbours.items()
            if address not in new.neighbours
        ),
        *(
            ms.forwarding(ms.RTM_DELNEIGH, index, mac, underlay)
            for mac, underlay in old.forwarding.items()
            if mac not in new.forwarding
        ),
    ]


def _direct_first(routes: Mapping[Destination, str]) -> list[tuple[Destination, str]]:
    return sorted(routes.items(), key=lambda item: bool(item[1]))


def _rule_messages(
    kind: int, some: frozenset[tuple[int, int, int]], more: frozenset[tuple[int, int, int]]
) -> Iterator[nl.Message]:
    """Rules of what is in `more` alone. Around them: packets without a mark of ours go past them all in one step."""
    around = kind == ms.RTM_NEWRULE
    for family in FAMILIES:
        there = {item for item in some if item[0] == family}
        missing = sorted(item for item in more if item[0] == family and item not in there)
        frame = [
            ms.nothing(kind, family, _LAST),
            ms.skip_unmarked(kind, family, _FIRST, (numbers.MARK, numbers.MARK_MASK), _LAST),
        ]
        each = [ms.marked(kind, family, _PEERS, mark, table) for _, mark, table in missing]
        if missing and not there:
            yield from (*frame, *each) if around else (*each, *reversed(frame))
        else:
            yield from each
