"""Netlink messages about tunnels: device, neighbours, forwarding entries, rules. Source: rtnetlink(7), vxlan.c"""

import socket
import struct
from ipaddress import ip_address

from shoal.drivers.network import netlink as nl

RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34
NDA_DST, NDA_LLADDR = 1, 2
NUD_NOARP, NUD_PERMANENT, NTF_SELF = 0x40, 0x80, 0x02
FRA_GOTO, FRA_PRIORITY, FRA_FWMARK, FRA_TABLE, FRA_FWMASK, FRA_PROTOCOL = 4, 6, 10, 15, 16, 21
FR_ACT_TO_TBL, FR_ACT_GOTO, FR_ACT_NOP, FIB_RULE_INVERT = 1, 2, 3, 2
IFLA_VXLAN_ID, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LEARNING, IFLA_VXLAN_PORT, IFLA_VXLAN_LOCAL6 = 1, 4, 7, 15, 17
IFLA_INET6_ADDR_GEN_MODE = 8
#: of our routes, so that we know them again; no other program has it
PROTOCOL = 83
#: of our rules: systemd-networkd takes away rules that it does not know, but not the kernel's
RTPROT_KERNEL = 2

NEIGHBOUR = struct.Struct("=BxHiHBB")
RULE = struct.Struct("=BBBBBBBBI")


def family_of(address: str) -> int:
    """AF_INET or AF_INET6."""
    return int(socket.AF_INET6 if ":" in address else socket.AF_INET)


def mac_bytes(mac: str) -> bytes:
    """Six bytes."""
    return bytes.fromhex(mac.replace(":", ""))


def vxlan(device: str, mac: str, mtu: int, *, vni: int, port: int, local: str) -> nl.Message:
    """Make the device: it learns nothing, and sends only where it is told to."""
    data = nl.attribute(IFLA_VXLAN_ID, vni)
    data += nl.attribute(IFLA_VXLAN_LEARNING, b"\0")
    data += nl.attribute(IFLA_VXLAN_PORT, struct.pack("!H", port))
    own = ip_address(local)
    data += nl.attribute(IFLA_VXLAN_LOCAL if own.version == 4 else IFLA_VXLAN_LOCAL6, own.packed)
    named = nl.attribute(nl.IFLA_IFNAME, device)
    return nl.new_link(named, nl.hardware(mac), nl.attribute(nl.IFLA_MTU, mtu), nl.link_info("vxlan", data))


def forwarding(kind: int, index: int, mac: str, underlay: str) -> nl.Message:
    """Frames to `mac` go to the node at `underlay`. kind: RTM_NEWNEIGH or RTM_DELNEIGH"""
    head = NEIGHBOUR.pack(nl.AF_BRIDGE, 0, index, NUD_PERMANENT | NUD_NOARP, NTF_SELF, 0)
    body = nl.attribute(NDA_LLADDR, mac_bytes(mac)) + nl.attribute(NDA_DST, ip_address(underlay).packed)
    return kind, _flags(kind), head + body


def neighbour(kind: int, index: int, address: str, mac: str) -> nl.Message:
    """`address` is at `mac`, for good."""
    head = NEIGHBOUR.pack(family_of(address), 0, index, NUD_PERMANENT, 0, 0)
    body = nl.attribute(NDA_DST, ip_address(address).packed) + nl.attribute(NDA_LLADDR, mac_bytes(mac))
    return kind, _flags(kind), head + body


def _flags(kind: int) -> int:
    return nl.NLM_F_CREATE | nl.NLM_F_REPLACE if kind == RTM_NEWNEIGH else 0


def marked(kind: int, family: int, priority: int, mark: int, table: int) -> nl.Message:
    """Packets with this mark are routed by this table. kind: RTM_NEWRULE or RTM_DELRULE"""
    what = nl.attribute(FRA_FWMARK, mark) + nl.attribute(FRA_FWMASK, 0xFFFFFFFF) + nl.attribute(FRA_TABLE, table)
    return _rule(kind, family, priority, FR_ACT_TO_TBL, what)


def skip_unmarked(kind: int, family: int, priority: int, marks: tuple[int, int], to: int) -> nl.Message:
    """Packets whose mark is not among `marks` (value, mask) go on at the rule with priority `to`."""
    value, mask = marks
    what = nl.attribute(FRA_FWMARK, value) + nl.attribute(FRA_FWMASK, mask) + nl.attribute(FRA_GOTO, to)
    return _rule(kind, family, priority, FR_ACT_GOTO, what, FIB_RULE_INVERT)


def nothing(kind: int, family: int, priority: int) -> nl.Message:
    """A rule to go to."""
    return _rule(kind, family, priority, FR_ACT_NOP, b"")


def _rule(kind: int, family: int, priority: int, action: int, what: bytes, flags: int = 0) -> nl.Message:
    head = RULE.pack(family, 0, 0, 0, 0, 0, 0, action, flags)
    body = nl.attribute(FRA_PRIORITY, priority) + nl.attribute(FRA_PROTOCOL, bytes([RTPROT_KERNEL])) + what
    return kind, (nl.NLM_F_CREATE | nl.NLM_F_EXCL if kind == RTM_NEWRULE else 0), head + body
