"""The cluster's networks as one node has them."""

from dataclasses import replace
from ipaddress import ip_network

from shoal.model.cluster.assignment import OverlayState
from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.network import MTU, Network, Pool


def with_gateways(state: OverlayState) -> OverlayState:
    """`state` with a gateway in every pool: the same address on every node."""
    return replace(state, networks={id: _complete(network) for id, network in state.networks.items()})


def _complete(network: ClusterNetwork) -> ClusterNetwork:
    ipam = network.spec.ipam
    if all(pool.gateway for pool in ipam.config if pool.subnet):
        return network
    pools = tuple(replace(pool, gateway=pool.gateway or _first_address(pool)) for pool in ipam.config)
    return replace(network, spec=replace(network.spec, ipam=replace(ipam, config=pools)))


def _first_address(pool: Pool) -> str:
    return str(ip_network(pool.subnet, strict=False)[1]) if pool.subnet else ""


def network_record(network: ClusterNetwork, interface: str, mtu: int) -> Network:
    """The network as the engine keeps it. mtu: of the tunnel; a smaller one may have been asked for"""
    asked = int(network.spec.options.get(MTU, 0) or 0)
    return Network(
        id=network.id,
        spec=replace(network.spec, driver="overlay", scope="swarm"),
        created_at=network.created_at,
        interface=interface,
        mtu=min(asked, mtu) if asked else mtu,
    )
