"""What the host's network looks like."""

import fcntl
import socket
import struct
from pathlib import Path

from shoal.contracts.networking import HostNetwork
from shoal.drivers.network import netlink as nl

DEFAULT_MTU = 1500
SIOCGIFMTU = 0x8921
#: systemd-resolved lists itself (a loopback address) in /etc/resolv.conf and the real servers here
RESOLVED_CONF = Path("/run/systemd/resolve/resolv.conf")


def read_host(etc: Path) -> HostNetwork:
    """The host as the calling thread's namespace shows it. etc: the directory of resolv.conf and hosts"""
    with nl.Netlink() as netlink:
        routes = netlink.routes()
    return HostNetwork(
        mtu=_mtu(_uplink(routes)),
        subnets=tuple(dict.fromkeys(d for d, _, _ in routes if not d.endswith("/0"))),
        resolv_conf=_resolv_conf(etc),
        hosts=_read(etc / "hosts"),
        has_ipv6=_read(Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")).strip() == "0",
    )


def _uplink(routes: list[tuple[str, int, int]]) -> int:
    """The index of the link with the best default route, 0 where there is none; IPv4 before IPv6."""
    for destination in ("0.0.0.0/0", "::/0"):
        found = [(metric, index) for d, index, metric in routes if d == destination and index > 1]
        if found:
            return min(found)[1]
    return 0


def _mtu(index: int) -> int:
    """The MTU of a link. Source: netdevice(7)"""
    if not index:
        return DEFAULT_MTU
    request = struct.pack("16si20x", socket.if_indextoname(index).encode(), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return int(struct.unpack("16si20x", fcntl.ioctl(any_socket, SIOCGIFMTU, request))[1])


def _resolv_conf(etc: Path) -> str:
    text = _read(etc / "resolv.conf")
    servers = [line.split()[1] for line in text.splitlines() if line.startswith("nameserver") and len(line.split()) > 1]
    if servers == ["127.0.0.53"] and RESOLVED_CONF.exists():
        return _read(RESOLVED_CONF)
    return text


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
