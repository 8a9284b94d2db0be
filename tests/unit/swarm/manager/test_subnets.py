"""Subnets of overlay networks: given out of the cluster's pools, never one that anybody uses."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from shoal.cluster.view import View
from shoal.errors import Forbidden, InvalidArgument
from shoal.model.cluster.cluster import Cluster, ClusterNetwork, ClusterSpec
from shoal.model.cluster.node import NodeDescription
from shoal.model.cluster.task import Address
from shoal.model.network import Ipam, NetworkSpec, Pool
from shoal.swarm.manager.control.subnets import with_subnets
from tests.support.managers import node, task

CLUSTER = Cluster(id="c", spec=ClusterSpec(), created_at=1, updated_at=1, ca_certificate="")
FRONT = NetworkSpec(name="front", driver="overlay")


def spec(*pools: Pool, **changes: object) -> NetworkSpec:
    return replace(FRONT, ipam=Ipam(config=pools), **changes)  # type: ignore[arg-type]


def view(*networks: NetworkSpec, host_subnets: tuple[str, ...] = ()) -> View:
    records = [ClusterNetwork(id=str(i), spec=network, created_at=1) for i, network in enumerate(networks)]
    here = replace(node("w"), description=NodeDescription(subnets=host_subnets))
    return View().changed(1, [(record, 1) for record in (*records, here)])


def subnets(given: NetworkSpec) -> list[str]:
    return [pool.subnet for pool in given.ipam.config]


def test_networks_come_one_after_the_other_and_the_first_is_of_the_ingress() -> None:
    first = with_subnets(view(), CLUSTER, FRONT)
    assert (subnets(first), first.ipam.config[0].gateway) == (["10.1.0.0/16"], "10.1.0.1")
    assert subnets(with_subnets(view(first), CLUSTER, FRONT)) == ["10.2.0.0/16"]
    assert subnets(with_subnets(view(first), CLUSTER, replace(FRONT, ingress=True))) == ["10.0.0.0/16"]


def test_what_a_node_uses_itself_is_left_out() -> None:
    taken = ("0.0.0.0/0", "10.0.0.0/15", "10.2.128.0/24", "fe80::/64")
    assert subnets(with_subnets(view(host_subnets=taken), CLUSTER, FRONT)) == ["10.3.0.0/16"]


def test_what_the_managers_host_has_by_now_is_left_out() -> None:
    taken = ("0.0.0.0/0", "10.0.0.0/15", "10.2.128.0/24", "fe80::/64")
    assert subnets(with_subnets(view(), CLUSTER, FRONT, taken)) == ["10.3.0.0/16"]
    asked = with_subnets(view(), CLUSTER, spec(Pool(subnet="10.1.0.0/24")), taken)
    assert subnets(asked) == ["10.1.0.0/24"], "what is asked for is given"


def test_a_subnet_in_which_tasks_still_end_is_left_alone() -> None:
    address = Address(network_id="gone", ipv4="10.1.0.7")
    ending = view().changed(2, [(replace(task("w"), addresses=(address,)), 2)])
    assert subnets(with_subnets(ending, CLUSTER, FRONT)) == ["10.2.0.0/16"]


def test_pools_and_sizes_are_the_clusters() -> None:
    small = replace(CLUSTER, address_pools=("10.9.0.0/29", "10.8.0.0/23"), subnet_size=24)
    first = with_subnets(view(), small, FRONT)
    assert subnets(first) == ["10.8.0.0/24"]
    second = with_subnets(view(first), small, FRONT)
    assert subnets(second) == ["10.8.1.0/24"]
    with pytest.raises(Forbidden, match="could not find an available, non-overlapping IPv4 address pool"):
        with_subnets(view(first, second), small, FRONT)


def test_ipv6_is_of_the_clusters_own_prefix() -> None:
    first = with_subnets(view(), CLUSTER, replace(FRONT, enable_ipv6=True))
    second = with_subnets(view(first), CLUSTER, replace(FRONT, enable_ipv6=True))
    nets = [ip_network(subnets(given)[1]) for given in (first, second)]
    assert nets[0] != nets[1]
    assert {str(net.supernet(new_prefix=48)) for net in nets} == {str(nets[0].supernet(new_prefix=48))}
    assert all(net.prefixlen == 64 and net.is_private for net in nets)
    elsewhere = with_subnets(view(), replace(CLUSTER, id="d"), replace(FRONT, enable_ipv6=True))
    assert subnets(elsewhere)[1] != subnets(first)[1]


def test_a_wish_is_kept_with_its_gateway() -> None:
    given = with_subnets(view(), CLUSTER, spec(Pool(subnet="192.168.7.0/24", ip_range="192.168.7.128/25")))
    assert given.ipam.config == (Pool(subnet="192.168.7.0/24", ip_range="192.168.7.128/25", gateway="192.168.7.1"),)


@pytest.mark.parametrize(
    ("pool", "error", "said"),
    [
        (Pool(subnet="10.1.2.0/24"), Forbidden, "Pool overlaps with other one on this address space"),
        (Pool(subnet="10.7.0.1/16"), InvalidArgument, "has host bits set"),
        (Pool(subnet="nonsense"), InvalidArgument, "invalid subnet nonsense"),
        (Pool(subnet="10.7.0.0/16", gateway="10.8.0.1"), InvalidArgument, "invalid gateway 10.8.0.1"),
        (Pool(subnet="10.7.0.0/16", ip_range="10.8.0.0/24"), InvalidArgument, "invalid ip-range 10.8.0.0/24"),
    ],
)
def test_wishes_that_cannot_be(pool: Pool, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        with_subnets(view(spec(Pool(subnet="10.1.0.0/16"))), CLUSTER, spec(pool))
