"""Containers that somebody attaches to an overlay network by hand: `run --network NAME`, `network connect`.

Managers give their addresses, from the lower end of a subnet up. While none answers, every node has some of its own at
the upper end, in turn with the other nodes. A container with one of those reaches all tasks, and answers come back,
since connections remember by which node they came; who is elsewhere can call it once the managers know of it.
"""

from collections.abc import Collection
from ipaddress import ip_network

from shoal.errors import Forbidden, Unavailable
from shoal.model.network import Network

MOST_NODES, PER_NODE = 1024, 32


def check_attachable(network: Network) -> None:
    """Nothing, or raises: Forbidden when only services use this network"""
    if not network.spec.attachable:
        raise not_attachable(network.name)


def not_attachable(name: str) -> Forbidden:
    """The error of a network that only services use."""
    return Forbidden(
        f"Could not attach to network {name}: rpc error: code = PermissionDenied "
        f"desc = network {name} not manually attachable",
        hint="create it with --attachable",
    )


def own_address(network: Network, version: int, number: int, used: Collection[str]) -> str:
    """A free address of this node's own; "" when the network has no such family.

    number: of the node, from 1. used: addresses that containers here have
    Raises: Unavailable when none is left
    """
    for pool in network.spec.ipam.config:
        if not pool.subnet or (":" in pool.subnet) != (version == 6):
            continue
        subnet = ip_network(pool.subnet)
        nodes = min(MOST_NODES, subnet.num_addresses // (2 * PER_NODE))
        last = int(subnet.broadcast_address) - 1
        for turn in range(PER_NODE) if 0 < number <= nodes else ():
            address = str(subnet[last - turn * nodes - (number - 1) - int(subnet.network_address)])
            if address not in used:
                return address
        raise Unavailable(f"network {network.name} has no address left for a container attached on this node")
    return ""
