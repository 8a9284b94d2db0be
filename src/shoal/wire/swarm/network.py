"""Docker's JSON of overlay networks: as any network, and as tasks show them."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.network import Network
from shoal.wire.swarm.values import encode_meta, full


def as_network(network: ClusterNetwork) -> Network:
    """The network as a node shows it, for filters and lists."""
    return Network(id=network.id, spec=replace(network.spec, scope="swarm"), created_at=network.created_at)


def encode_attached_network(network: ClusterNetwork, version: int) -> dict[str, Any]:
    """Task.NetworksAttachments[].Network."""
    spec = network.spec
    driver = full(Name=spec.driver, Options=dict(spec.options))
    pools = [full(Subnet=pool.subnet, Range=pool.ip_range, Gateway=pool.gateway) for pool in spec.ipam.config]
    ipam = {"Driver": {"Name": spec.ipam.driver}, "Configs": pools}
    return {
        **encode_meta(network.id, version, network.created_at, network.created_at),
        "Spec": {
            "Name": spec.name,
            "Labels": dict(spec.labels),
            "DriverConfiguration": driver,
            **({"IPv6Enabled": True} if spec.enable_ipv6 else {}),
            **({"Internal": True} if spec.internal else {}),
            **({"Attachable": True} if spec.attachable else {}),
            **({"Ingress": True} if spec.ingress else {}),
            "IPAMOptions": ipam,
            "Scope": "swarm",
        },
        "DriverState": driver,
        "IPAMOptions": ipam,
    }


def prefix_of(network: ClusterNetwork, address: str) -> int:
    """The length of the subnet in which an address lies; all of it where none is known."""
    ip = ip_address(address)
    for pool in network.spec.ipam.config:
        if pool.subnet and ip in ip_network(pool.subnet, strict=False):
            return ip_network(pool.subnet, strict=False).prefixlen
    return ip.max_prefixlen
