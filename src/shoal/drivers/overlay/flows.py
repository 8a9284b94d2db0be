"""Connections that lead to tasks, as conntrack has them. Source: nf_conntrack_netlink.c, nf_conntrack_common.h"""

import socket
import struct
from collections.abc import Collection, Iterator
from ipaddress import ip_address

from shoal.drivers.network.netfilter import BODY, delete_flow, dump_flows, open_netfilter
from shoal.drivers.network.netlink import attributes_of
from shoal.lifecycle.overlay import numbers

CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_PROTOINFO, CTA_MARK = 1, 2, 3, 4, 8
CTA_TUPLE_IP, CTA_TUPLE_PROTO, CTA_PROTO_NUM = 1, 2, 1
CTA_IP_V4_SRC, CTA_IP_V6_SRC = 1, 3
CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE = 1, 1
IPS_DST_NAT = 1 << 5
#: SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, SYN_SENT2; the others are over
_OPEN = frozenset((1, 2, 3, 4, 5, 9))
Attributes = dict[int, bytes]


def balanced_connections(addresses: Collection[str]) -> int:
    """TCP connections to these addresses, not over yet, that were translated here or came from another node."""
    return sum(1 for _, flow in _to(addresses, socket.IPPROTO_TCP) if _is_open(flow) and _is_balanced(flow))


def forget_datagrams(addresses: Collection[str]) -> int:
    """How many UDP flows to these addresses are forgotten: their next datagram goes to another task."""
    forgotten = 0
    with open_netfilter() as netlink:
        for family, flow in _to(addresses, socket.IPPROTO_UDP):
            if _is_balanced(flow):
                forgotten += delete_flow(netlink, family, flow[CTA_TUPLE_ORIG])
    return forgotten


def _to(addresses: Collection[str], protocol: int) -> Iterator[tuple[int, Attributes]]:
    """(family, attributes) of each flow whose answers come from one of these addresses."""
    wanted = {ip_address(address).packed for address in addresses}
    families = sorted({socket.AF_INET if len(packed) == 4 else socket.AF_INET6 for packed in wanted})
    with open_netfilter() as netlink:
        for family in families:
            for message in dump_flows(netlink, family):
                flow = attributes_of(message, BODY)
                reply = attributes_of(flow.get(CTA_TUPLE_REPLY, b""), 0)
                ips = attributes_of(reply.get(CTA_TUPLE_IP, b""), 0)
                proto = attributes_of(reply.get(CTA_TUPLE_PROTO, b""), 0)
                source = ips.get(CTA_IP_V4_SRC) or ips.get(CTA_IP_V6_SRC)
                if source in wanted and proto.get(CTA_PROTO_NUM) == bytes([protocol]):
                    yield family, flow


def _is_open(flow: Attributes) -> bool:
    tcp = attributes_of(attributes_of(flow.get(CTA_PROTOINFO, b""), 0).get(CTA_PROTOINFO_TCP, b""), 0)
    return tcp.get(CTA_PROTOINFO_TCP_STATE, b"\0")[0] in _OPEN


def _is_balanced(flow: Attributes) -> bool:
    status = struct.unpack("!I", flow.get(CTA_STATUS, b"\0\0\0\0"))[0]
    mark = struct.unpack("!I", flow.get(CTA_MARK, b"\0\0\0\0"))[0]
    return bool(status & IPS_DST_NAT) or mark & numbers.MARK_MASK == numbers.MARK
