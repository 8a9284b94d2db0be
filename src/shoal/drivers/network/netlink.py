"""Routing netlink: messages as bytes, sent in batches. Source: rtnetlink(7), netlink(7).

Only what Shoal needs: a general library costs 30 MB of memory, 0.3 s of every engine start and a system call a message.
"""

import os
import socket
import struct
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from shoal.errors import DriverError

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26

IFF_UP = 0x1
AF_BRIDGE = 7
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER, IFLA_LINKINFO = 1, 3, 4, 5, 10, 18
IFLA_PROTINFO, IFLA_GROUP, IFLA_NET_NS_FD = 12, 27, 28
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
VETH_INFO_PEER = 1
IFLA_MACVLAN_MODE, MACVLAN_BRIDGE = 1, 4
IFLA_BR_FORWARD_DELAY, IFLA_BR_STP_STATE = 1, 5
IFLA_BRPORT_STATE, IFLA_BRPORT_MODE, IFLA_BRPORT_ISOLATED = 1, 4, 33
IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_FLAGS = 1, 2, 4, 8
IFA_F_NODAD, IFA_F_NOPREFIXROUTE = 0x02, 0x200
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_TABLE = 1, 4, 5, 6, 15
RT_TABLE_UNSPEC, RT_TABLE_MAIN, RTPROT_BOOT, RTN_UNICAST = 0, 254, 3, 1
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RTNH_F_ONLINK = 0, 253, 4
NESTED = 0x8000

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")
Message = tuple[int, int, bytes]  #: type, flags beyond REQUEST and ACK, body
Attributes = dict[int, bytes]


class NetlinkError(DriverError):
    """The kernel refused a message.

    errno: its reason
    index: which message of the batch, from 0
    """

    def __init__(self, errno: int, index: int, what: str) -> None:
        super().__init__(f"{what}: {os.strerror(errno).lower()}")
        self.errno = errno
        self.index = index


def attribute(kind: int, value: bytes | int | str) -> bytes:
    """One attribute; int: 32 bits, str: ends with a zero byte."""
    if isinstance(value, int):
        value = struct.pack("=I", value)
    elif isinstance(value, str):
        value = value.encode() + b"\0"
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def link(
    kind: int, *attributes: bytes, index: int = 0, family: int = 0, up: bool | None = None, flags: int = 0
) -> Message:
    """A message about a link; `up`: set it up or down, None leaves it."""
    state, change = (IFF_UP if up else 0), (IFF_UP if up is not None else 0)
    return kind, flags, _LINK.pack(family, 0, index, state, change) + b"".join(attributes)


def new_link(*attributes: bytes, up: bool | None = None) -> Message:
    """Make a link; an existing one of that name is an error."""
    return link(RTM_NEWLINK, *attributes, up=up, flags=NLM_F_CREATE | NLM_F_EXCL)


def link_info(kind: str, data: bytes = b"") -> bytes:
    """The attribute that says what a new link is: bridge, veth, macvlan."""
    inner = attribute(IFLA_INFO_KIND, kind)
    return attribute(IFLA_LINKINFO, inner + (attribute(IFLA_INFO_DATA, data) if data else b""))


def veth_peer(*attributes: bytes, up: bool | None = None) -> bytes:
    """The data of a veth: its other end."""
    flags = IFF_UP if up else 0
    return attribute(VETH_INFO_PEER, _LINK.pack(0, 0, 0, flags, flags) + b"".join(attributes))


def hardware(address: str) -> bytes:
    """The attribute with a MAC address."""
    return attribute(IFLA_ADDRESS, bytes.fromhex(address.replace(":", "").replace("-", "")))


def address(kind: int, index: int, local: str, prefix: int, *, routed: bool = True) -> Message:
    """Add (RTM_NEWADDR) or take away (RTM_DELADDR) an address of a link.

    routed: the kernel makes a route to its subnet through the link
    """
    ip = ip_address(local)
    attributes = attribute(IFA_LOCAL, ip.packed) + attribute(IFA_ADDRESS, ip.packed)
    flags = 0
    if isinstance(ip, IPv6Address):
        flags = IFA_F_NODAD  # an address that is still being checked for duplicates can't be used for a second
    elif prefix < 31:
        broadcast = int(ip) | ((1 << (32 - prefix)) - 1)
        attributes += attribute(IFA_BROADCAST, IPv4Address(broadcast).packed)
    if not routed:
        attributes += attribute(IFA_FLAGS, flags | IFA_F_NOPREFIXROUTE)
    body = _ADDRESS.pack(_family(ip), prefix, flags, 0, index) + attributes
    return kind, (NLM_F_CREATE | NLM_F_REPLACE if kind == RTM_NEWADDR else 0), body


def route(
    kind: int,
    destination: str,
    index: int,
    gateway: str = "",
    *,
    table: int = RT_TABLE_MAIN,
    protocol: int = RTPROT_BOOT,
) -> Message:
    """Make (RTM_NEWROUTE) or take away (RTM_DELROUTE) a route through a link. gateway: "" = neighbours are there"""
    network = ip_network(destination)
    attributes = attribute(RTA_DST, network.network_address.packed) + attribute(RTA_OIF, index)
    attributes += attribute(RTA_TABLE, table)
    scope, flags = RT_SCOPE_LINK, 0
    if gateway:
        attributes += attribute(RTA_GATEWAY, ip_address(gateway).packed)
        scope, flags = RT_SCOPE_UNIVERSE, RTNH_F_ONLINK
    if network.version == 6:
        scope = RT_SCOPE_UNIVERSE
    family = int(socket.AF_INET if network.version == 4 else socket.AF_INET6)
    head = _ROUTE.pack(family, network.prefixlen, 0, 0, RT_TABLE_UNSPEC, protocol, scope, RTN_UNICAST, flags)
    return kind, (NLM_F_CREATE | NLM_F_REPLACE if kind == RTM_NEWROUTE else 0), head + attributes


def default_route(index: int, gateway: str) -> Message:
    """Make the default route through `gateway` on a link."""
    ip = ip_address(gateway)
    attributes = attribute(RTA_OIF, index) + attribute(RTA_GATEWAY, ip.packed)
    body = _ROUTE.pack(_family(ip), 0, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, 0, RTN_UNICAST, 0) + attributes
    return RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body


def delete_default_route(family: int, index: int, metric: int) -> Message:
    """Take away the default route of a family through a link, whatever its gateway."""
    attributes = attribute(RTA_OIF, index) + (attribute(RTA_PRIORITY, metric) if metric else b"")
    return RTM_DELROUTE, 0, _ROUTE.pack(family, 0, 0, 0, RT_TABLE_MAIN, 0, 255, 0, 0) + attributes


def _family(ip: IPv4Address | IPv6Address) -> int:
    return int(socket.AF_INET if ip.version == 4 else socket.AF_INET6)


def attributes_of(body: bytes, offset: int) -> Attributes:
    """{kind: value} of the attributes in `body` from `offset` on; the nested flag is taken off."""
    found: Attributes = {}
    while offset + 4 <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        if length < 4:
            break
        found[kind & ~NESTED] = body[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


class Netlink:
    """A socket to the namespace in which it was made. Not for several threads at once."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self._socket.settimeout(30)
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, messages: Sequence[Message], what: str = "netlink") -> None:
        """Carry out the messages in order, in one call to the kernel.

        Raises: NetlinkError for the first that was refused; those after it were tried too
        """
        if not messages:
            return
        first = self._sequence + 1
        parts = []
        for kind, flags, body in messages:
            self._sequence += 1
            flags |= NLM_F_REQUEST | NLM_F_ACK
            parts.append(_HEADER.pack(16 + len(body), kind, flags, self._sequence, 0) + body)
            parts.append(b"\0" * (-len(body) % 4))
        self._socket.send(b"".join(parts))
        errors = self._acknowledgements(first, len(messages))
        if errors:
            index = min(errors)
            raise NetlinkError(errors[index], index, what)

    def _acknowledgements(self, first: int, count: int) -> dict[int, int]:
        errors: dict[int, int] = {}
        missing = count
        while missing:
            for kind, sequence, body in self._receive():
                if kind == NLMSG_ERROR and first <= sequence < first + count:
                    missing -= 1
                    error = -struct.unpack_from("=i", body)[0]
                    if error:
                        errors[sequence - first] = error
        return errors

    def dump(self, kind: int, body: bytes) -> list[bytes]:
        """Bodies of the answers to a question about everything (RTM_GET…)."""
        self._sequence += 1
        flags = NLM_F_REQUEST | NLM_F_DUMP
        self._socket.send(_HEADER.pack(16 + len(body), kind, flags, self._sequence, 0) + body)
        found: list[bytes] = []
        while True:
            for answer, sequence, content in self._receive():
                if sequence != self._sequence:
                    continue
                if answer == NLMSG_DONE:
                    return found
                if answer == NLMSG_ERROR:
                    raise NetlinkError(-struct.unpack_from("=i", content)[0], 0, "netlink dump")
                found.append(content)

    def _receive(self) -> list[tuple[int, int, bytes]]:
        data = self._socket.recv(1 << 18)
        offset, found = 0, []
        while offset + 16 <= len(data):
            length, kind, _, sequence, _ = _HEADER.unpack_from(data, offset)
            found.append((kind, sequence, data[offset + 16 : offset + length]))
            offset += (length + 3) & ~3
        return found

    def links(self) -> dict[str, tuple[int, Attributes]]:
        """{name: (index, attributes)} of every link."""
        found = {}
        for body in self.dump(RTM_GETLINK, _LINK.pack(0, 0, 0, 0, 0)):
            attributes = attributes_of(body, _LINK.size)
            name = attributes[IFLA_IFNAME].rstrip(b"\0").decode()
            found[name] = (_LINK.unpack_from(body)[2], attributes)
        return found

    def addresses(self) -> list[tuple[int, str, int]]:
        """(index of the link, address, prefix length) of every address."""
        found = []
        for body in self.dump(RTM_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0)):
            _, prefix, _, _, index = _ADDRESS.unpack_from(body)
            attributes = attributes_of(body, _ADDRESS.size)
            packed = attributes.get(IFA_LOCAL) or attributes[IFA_ADDRESS]
            found.append((index, str(ip_address(packed)), prefix))
        return found

    def routes(self) -> list[tuple[str, int, int]]:
        """(destination as CIDR, index of the link or 0, metric) of every route in the main table."""
        found = []
        for body in self.dump(RTM_GETROUTE, _ROUTE.pack(0, 0, 0, 0, 0, 0, 0, 0, 0)):
            family, prefix, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
            attributes = attributes_of(body, _ROUTE.size)
            if table != RT_TABLE_MAIN or kind != RTN_UNICAST or family not in (socket.AF_INET, socket.AF_INET6):
                continue
            zero = b"\0" * (4 if family == socket.AF_INET else 16)
            destination = ip_address(attributes.get(RTA_DST, zero))
            index = struct.unpack("=I", attributes[RTA_OIF])[0] if RTA_OIF in attributes else 0
            metric = struct.unpack("=I", attributes[RTA_PRIORITY])[0] if RTA_PRIORITY in attributes else 0
            found.append((f"{destination}/{prefix}", index, metric))
        return found
