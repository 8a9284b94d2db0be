"""The tunnel of a node as a plan: the device, the peers behind it, which address is where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from shoal.lifecycle.overlay import numbers
from shoal.model.cluster.assignment import OverlayState, Peer

HEADER_BYTES = {4: 50, 6: 70}  #: inner Ethernet 14, VXLAN 8, UDP 8, IP 20 or 40


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelPlan:
    """device: its name. number, local: of this node. peers: {number: address of its underlay}

    routes: {"10.1.0.5": number of the peer where it is}, IPv4 and IPv6 addresses
    """

    device: str
    vni: int
    port: int
    number: int
    local: str
    peers: Mapping[int, str] = field(default_factory=dict)
    routes: Mapping[str, int] = field(default_factory=dict)


def others(state: OverlayState) -> list[Peer]:
    """The peers that can be sent to."""
    return [p for p in state.peers.values() if p.address and p.node_id != state.own.node_id and p.number]


def cluster_vni(state: OverlayState) -> int:
    """The VNI: from what all nodes know alike."""
    return numbers.vni(next((n.id for n in state.networks.values() if n.spec.ingress), ""))


def plan_tunnel(state: OverlayState, device: str) -> TunnelPlan | None:
    """None while this node is alone: then nothing is to be sent, and no port is taken."""
    peers = others(state)
    if not peers or not state.own.address:
        return None
    by_node = {peer.node_id: peer.number for peer in peers}
    routes: dict[str, int] = {}
    for endpoint in state.endpoints.values():
        number = by_node.get(endpoint.node_id)
        for address in endpoint.addresses if number else ():
            if address.network_id in state.networks:
                routes.update((text, number) for text in (address.ipv4, address.ipv6) if text and number)
    return TunnelPlan(
        device=device,
        vni=cluster_vni(state),
        port=state.data_port,
        number=state.own.number,
        local=state.own.address,
        peers={peer.number: peer.address for peer in peers},
        routes=routes,
    )


def overlay_mtu(uplink: int, own_address: str) -> int:
    """What fits into one packet of the uplink. own_address: of the underlay; "" counts as IPv4"""
    version = ip_address(own_address).version if own_address else 4
    return uplink - HEADER_BYTES[version]
