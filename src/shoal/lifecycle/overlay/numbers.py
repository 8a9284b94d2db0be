"""What follows from a node's number: addresses in the tunnel, MAC, connection mark, conntrack zone, routing table.

Every node derives the same for every peer, so nobody has to be asked. Numbers go from 1 to 65,000.
"""

from ipaddress import IPv4Address, IPv6Address
from zlib import crc32

#: callers of published ports for which the kernel has no translation ([::1]) come by this address, through netd
MESH_ADDRESS = "169.254.255.254"
#: the upper four bits say that a mark is ours; no bit is used that kube-proxy or Tailscale give a meaning
MARK, MARK_MASK = 0x50000000, 0xF0000000
TABLE = 0x53000000
RULE_PRIORITY = 5300
_LINK_LOCAL = int(IPv4Address("169.254.0.0"))
_ULA = int(IPv6Address("fd53:686f:616c::"))
#: 169.254.169.254 and its neighbours answer cloud machines that ask about themselves
_CLOUD = range(168 << 8, 171 << 8)


def tunnel_ipv4(number: int) -> str:
    """A node's address in the tunnel: what others route to, and what callers on its 127.0.0.1 are seen as."""
    return str(IPv4Address(_LINK_LOCAL + (number if number < _CLOUD.start else number + len(_CLOUD))))


def tunnel_ipv6(number: int) -> str:
    """As `tunnel_ipv4`."""
    return str(IPv6Address(_ULA + number))


def tunnel_mac(number: int) -> str:
    """Of a node's end of the tunnel."""
    return ":".join(f"{byte:02x}" for byte in b"\x02\x53\x68" + number.to_bytes(3, "big"))


def mark(number: int) -> int:
    """Of connections that a node has sent us through the tunnel."""
    return MARK | (number >> 12 << 24) | (number & 0xFFF)


def table(number: int) -> int:
    """The routing table that leads to a node."""
    return TABLE | number


def vni(cluster_wide: str) -> int:
    """The number of a cluster's tunnel. cluster_wide: any text that is the same on all its nodes"""
    return 4096 + crc32(cluster_wide.encode()) % (2**24 - 4096)


def device_name(instance: str) -> str:
    """Of the tunnel's device. instance: of the engine"""
    return f"{instance}-vx"


def table_name(instance: str) -> str:
    """Of the overlay's nft tables."""
    return f"{instance}_overlay"
