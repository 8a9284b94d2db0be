"""Netfilter's own netlink: news of deleted tables, and connections to be forgotten. Source: nfnetlink, ctnetlink(7)."""

import asyncio
import errno
import socket
import struct
from collections.abc import Collection, Iterator

from shoal.drivers.network.netlink import (
    NESTED,
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    attributes_of,
)

NETLINK_NETFILTER = 12
NFNLGRP_NFTABLES = 7
DELTABLE = 10 << 8 | 2
NFTA_TABLE_NAME = 1
CT_GET, CT_DELETE = 1 << 8 | 1, 1 << 8 | 2
CTA_TUPLE_ORIG, CTA_TUPLE_PROTO = 1, 2
CTA_PROTO_NUM, CTA_PROTO_DST_PORT = 1, 3
_HEADER = struct.Struct("=IHHII")
_FAMILY = struct.Struct("=BBH")
BODY = _HEADER.size + _FAMILY.size


def open_netfilter(groups: int = 0) -> socket.socket:
    """A socket to the calling thread's namespace."""
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
    made.bind((0, groups))
    return made


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, message from its header on) of each message in a datagram."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        yield kind, data[offset : offset + length]
        offset += (length + 3) & ~3


class TableNews:
    """Tells when a table was deleted, by whomever; one socket in the namespace of whoever makes it."""

    def __init__(self) -> None:
        self._socket = open_netfilter(1 << (NFNLGRP_NFTABLES - 1))
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()

    async def wait_deleted(self, table: str) -> None:
        """Returns after a table of this name was deleted, or when news were missed."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                data = await loop.sock_recv(self._socket, 1 << 16)
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    return
                raise
            for kind, message in _messages(data):
                name = attributes_of(message, BODY).get(NFTA_TABLE_NAME, b"") if kind == DELTABLE else b""
                if name.rstrip(b"\0").decode() == table:
                    return


def forget_udp(ports: Collection[int]) -> int:
    """How many UDP flows that were made to these ports of the host are forgotten; their next datagram is a new flow.

    Without this a client that keeps sending from one port stays with a container that is gone.
    """
    forgotten = 0
    with open_netfilter() as netlink:
        for family in (socket.AF_INET, socket.AF_INET6):
            for message in dump_flows(netlink, family):
                original = attributes_of(message, BODY).get(CTA_TUPLE_ORIG, b"")
                if _udp_port(original) in ports:
                    forgotten += delete_flow(netlink, family, original)
    return forgotten


def _udp_port(tuple_: bytes) -> int:
    """The destination port of a UDP flow, 0 for others."""
    protocol = attributes_of(attributes_of(tuple_, 0).get(CTA_TUPLE_PROTO, b""), 0)
    if protocol.get(CTA_PROTO_NUM) != bytes([socket.IPPROTO_UDP]):
        return 0
    return int(struct.unpack("!H", protocol[CTA_PROTO_DST_PORT])[0])


def _send(netlink: socket.socket, kind: int, flags: int, family: int, body: bytes = b"") -> None:
    head = _HEADER.pack(BODY + len(body), kind, NLM_F_REQUEST | flags, 1, 0)
    netlink.send(head + _FAMILY.pack(family, 0, 0) + body)


def dump_flows(netlink: socket.socket, family: int) -> list[bytes]:
    """Every tracked connection, as messages whose attributes begin at BODY."""
    _send(netlink, CT_GET, NLM_F_DUMP, family)
    found: list[bytes] = []
    while True:
        for kind, message in _messages(netlink.recv(1 << 18)):
            if kind in (NLMSG_DONE, NLMSG_ERROR):
                return found
            found.append(message)


def delete_flow(netlink: socket.socket, family: int, original: bytes) -> bool:
    """True when the flow with this CTA_TUPLE_ORIG was there."""
    body = struct.pack("=HH", 4 + len(original), CTA_TUPLE_ORIG | NESTED) + original
    _send(netlink, CT_DELETE, NLM_F_ACK, family, body)
    _, answer = next(_messages(netlink.recv(1 << 16)))
    return bool(struct.unpack_from("=i", answer, _HEADER.size)[0] == 0)
