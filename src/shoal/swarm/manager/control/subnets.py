"""Subnets of overlay networks. Pure."""

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from shoal.cluster.view import View
from shoal.errors import Forbidden, InvalidArgument
from shoal.model.cluster.cluster import Cluster
from shoal.model.network import Ipam, NetworkSpec, Pool

Net = ipaddress.IPv4Network | ipaddress.IPv6Network

OVERLAPS = "Pool overlaps with other one on this address space"
_IPV6_NETWORKS = 1 << 16


def with_subnets(view: View, cluster: Cluster, spec: NetworkSpec, taken: Iterable[str] = ()) -> NetworkSpec:
    """The spec with a subnet of each family that it wants, none of them used elsewhere in the cluster.

    taken: CIDRs that are not chosen either
    Raises: Forbidden for a wish that overlaps, or when nothing is left; InvalidArgument for what is no subnet
    """
    given = [_checked(pool) for pool in spec.ipam.config if pool.subnet]
    networks = list(of_networks(view))
    if any(_overlaps(net, networks) for _, net in given):
        raise Forbidden(OVERLAPS)
    used = [*networks, *(net for _, net in given), *_of_nodes(view), *_of_ending(view), *_of_hosts(taken)]
    pools = [pool for pool, _ in given]
    versions = {net.version for _, net in given}
    if spec.enable_ipv4 and 4 not in versions:
        pools.append(_pool(_next_ipv4(cluster, used, is_ingress=spec.ingress)))
    if spec.enable_ipv6 and 6 not in versions:
        pools.append(_pool(_next_ipv6(cluster, used)))
    return replace(spec, ipam=Ipam(driver=spec.ipam.driver, config=tuple(pools), options=spec.ipam.options))


def _checked(pool: Pool) -> tuple[Pool, Net]:
    try:
        net = ipaddress.ip_network(pool.subnet)
        if pool.ip_range and not _inside(ipaddress.ip_network(pool.ip_range), net):
            raise InvalidArgument(f"invalid ip-range {pool.ip_range}: it is not in the subnet {pool.subnet}")
        gateway = ipaddress.ip_address(pool.gateway) if pool.gateway else net[1]
    except (ValueError, IndexError) as error:
        raise InvalidArgument(f"invalid subnet {pool.subnet}: {error}") from None
    if gateway not in net:
        raise InvalidArgument(f"invalid gateway {pool.gateway}: it is not in the subnet {pool.subnet}")
    return replace(pool, gateway=str(gateway)), net


def _inside(part: Net, whole: Net) -> bool:
    return part.version == whole.version and part.subnet_of(whole)  # type: ignore[arg-type]


def of_networks(view: View) -> Iterator[Net]:
    """The subnets of all networks of the cluster."""
    for network in view.networks.values():
        for pool in network.spec.ipam.config:
            if pool.subnet:
                yield ipaddress.ip_network(pool.subnet, strict=False)


def _of_ending(view: View) -> Iterator[Net]:
    """Addresses of tasks that still end on networks that are gone: nodes have their bridges as long."""
    for task in view.tasks.values():
        for address in task.addresses:
            if address.network_id not in view.networks:
                yield from (ipaddress.ip_network(text) for text in (address.ipv4, address.ipv6) if text)


def _of_nodes(view: View) -> Iterator[Net]:
    for node in view.nodes.values():
        yield from _of_hosts(node.description.subnets)


def _of_hosts(subnets: Iterable[str]) -> Iterator[Net]:
    for subnet in subnets:
        net = ipaddress.ip_network(subnet, strict=False)
        if net.prefixlen:  # the default route is no network of the host
            yield net


def _overlaps(net: Net, others: Iterable[Net]) -> bool:
    return any(net.version == other.version and net.overlaps(other) for other in others)


def _pool(net: Net) -> Pool:
    return Pool(subnet=str(net), gateway=str(net[1]))


def _next_ipv4(cluster: Cluster, taken: Sequence[Net], *, is_ingress: bool) -> Net:
    """The first subnet of the cluster's pools that is free; the very first is kept for the ingress network."""
    first = True
    for pool in cluster.address_pools:
        whole = ipaddress.ip_network(pool)
        if whole.version != 4:
            continue
        size = max(cluster.subnet_size, whole.prefixlen)
        for net in whole.subnets(new_prefix=size):
            is_kept, first = first, False
            if (is_ingress or not is_kept) and not _overlaps(net, taken):
                return net
    raise Forbidden("could not find an available, non-overlapping IPv4 address pool among the cluster's pools")


def _next_ipv6(cluster: Cluster, taken: Sequence[Net]) -> Net:
    """A /64 of the cluster's own unique local prefix. Source: RFC 4193, section 3.2"""
    own = int.from_bytes(hashlib.sha256(cluster.id.encode()).digest()[:5], "big")
    for number in range(_IPV6_NETWORKS):
        net = ipaddress.IPv6Network(((0xFD << 120) | (own << 80) | (number << 64), 64))
        if not _overlaps(net, taken):
            return net
    raise Forbidden("could not find an available, non-overlapping IPv6 address pool")
