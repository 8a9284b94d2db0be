"""Subnets and addresses."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.errors import Forbidden, InvalidArgument, Unavailable
from shoal.lifecycle.network.ipam import allocate, complete_spec, gateway, mac_address, parse_default_pool, ula_prefix
from shoal.model.network import Ipam, Network, NetworkSpec, Pool
from shoal.model.settings import Settings

POOLS = Settings().address_pools
ULA = ula_prefix("0123456789")


def network(*pools: Pool, name: str = "app") -> Network:
    return Network(id="1" * 64, spec=NetworkSpec(name=name, ipam=Ipam(config=pools)), created_at=0)


def completed(*pools: Pool, others: tuple[Network, ...] = (), avoid: tuple[str, ...] = (), **more: bool) -> Ipam:
    spec = NetworkSpec(name="app", ipam=Ipam(config=pools), **more)
    return complete_spec(spec, others, POOLS, ULA, avoid).ipam


def test_default_pools_are_cut_into_subnets() -> None:
    assert [str(s) for s in parse_default_pool("172.18.0.0/15")] == ["172.18.0.0/16", "172.19.0.0/16"]
    assert len(list(parse_default_pool("192.168.0.0/16:20"))) == 16
    with pytest.raises(InvalidArgument, match=r'address_pools: "10\.0\.0\.1/8"'):
        parse_default_pool("10.0.0.1/8")


def test_subnets_of_others_and_of_the_host_are_not_chosen() -> None:
    other = network(Pool(subnet="172.17.0.0/16"))
    chosen = completed(others=(other,), avoid=("172.18.4.0/24", "0.0.0.0/0"))
    assert chosen.config == (Pool(subnet="172.19.0.0/16", gateway="172.19.0.1"),)


def test_what_was_asked_for_is_taken_though_the_host_uses_it() -> None:
    pool = Pool(subnet="10.1.0.0/16", gateway="10.1.0.9", ip_range="10.1.5.0/24")
    assert completed(pool, avoid=("10.1.0.0/16",)).config == (pool,)


def test_ipv6_subnets_come_from_the_hosts_own_prefix() -> None:
    first = completed(enable_ipv6=True)
    assert first.config[1] == Pool(subnet="fd01:2345:6789::/64", gateway="fd01:2345:6789::1")
    taken = network(*first.config)
    assert completed(others=(taken,), enable_ipv6=True).config[1].subnet == "fd01:2345:6789:1::/64"
    only = completed(enable_ipv4=False, enable_ipv6=True)
    assert [p.subnet for p in only.config] == ["fd01:2345:6789::/64"]


@pytest.mark.parametrize(
    ("pool", "text"),
    [
        (Pool(subnet="10.1.0.7/16"), "invalid subnet 10.1.0.7/16: it should be 10.1.0.0/16"),
        (Pool(subnet="ten"), 'invalid subnet "ten"'),
        (Pool(subnet="10.1.0.0/16", gateway="10.2.0.1"), "invalid gateway 10.2.0.1: parent subnet 10.1.0.0/16"),
        (Pool(subnet="10.1.0.0/16", ip_range="10.2.0.0/24"), "doesn't contain ip-range"),
        (Pool(subnet="10.1.0.0/16", aux_addresses={"r": "x"}), "invalid auxiliary address r x"),
        (Pool(gateway="10.1.0.1"), "needs its subnet"),
    ],
)
def test_wrong_pools_are_refused(pool: Pool, text: str) -> None:
    with pytest.raises(InvalidArgument, match=text):
        completed(pool)


def test_overlaps_are_refused() -> None:
    with pytest.raises(Forbidden, match="Pool overlaps with other one on this address space"):
        completed(Pool(subnet="10.1.2.0/24"), others=(network(Pool(subnet="10.1.0.0/16")),))
    with pytest.raises(Forbidden, match="Pool overlaps"):
        completed(Pool(subnet="10.1.0.0/24"), Pool(subnet="10.1.0.0/25"))


def test_the_pools_may_be_used_up() -> None:
    taken = tuple(network(Pool(subnet=str(s))) for text in POOLS for s in parse_default_pool(text))
    with pytest.raises(Unavailable, match="all predefined address pools have been fully subnetted"):
        completed(others=taken)


def test_addresses_are_given_lowest_first_around_what_is_reserved() -> None:
    of = network(Pool(subnet="10.1.0.0/29", gateway="10.1.0.1", aux_addresses={"router": "10.1.0.3"}))
    used: set[str] = set()
    for expected in ("10.1.0.2", "10.1.0.4", "10.1.0.5", "10.1.0.6"):
        address, prefix = allocate(of, 4, used)
        assert (address, prefix) == (expected, 29)
        used.add(address)
    with pytest.raises(Unavailable, match="no available IPv4 addresses on this network's address pools: app"):
        allocate(of, 4, used)
    assert allocate(of, 6, used) == ("", 0)


def test_an_ip_range_limits_what_is_given_but_not_what_may_be_asked() -> None:
    of = network(Pool(subnet="10.1.0.0/16", gateway="10.1.0.1", ip_range="10.1.5.0/24"))
    assert allocate(of, 4, ()) == ("10.1.5.0", 16)
    assert allocate(of, 4, (), "10.1.9.9") == ("10.1.9.9", 16)


@pytest.mark.parametrize("wanted", ["10.1.0.1", "10.1.0.7", "10.1.0.0", "10.1.255.255"])
def test_fixed_addresses_that_are_taken(wanted: str) -> None:
    of = network(Pool(subnet="10.1.0.0/16", gateway="10.1.0.1"))
    with pytest.raises(Forbidden, match="Address already in use"):
        allocate(of, 4, {"10.1.0.7"}, wanted)


def test_a_second_pool_serves_when_the_first_is_full() -> None:
    of = network(Pool(subnet="10.1.0.0/30", gateway="10.1.0.1"), Pool(subnet="10.2.0.0/24", gateway="10.2.0.1"))
    assert allocate(of, 4, {"10.1.0.2"}) == ("10.2.0.2", 24)
    assert gateway(of, 4) == "10.1.0.1"


@given(
    prefix=st.integers(16, 30),
    used=st.sets(st.integers(0, 40), max_size=30),
    version=st.sampled_from([4]),
)
def test_an_address_is_free_inside_and_never_the_gateway(prefix: int, used: set[int], version: int) -> None:
    subnet = ip_network(f"10.3.0.0/{prefix}")
    taken = {str(subnet.network_address + n) for n in used}
    of = network(Pool(subnet=str(subnet), gateway="10.3.0.1"))
    try:
        address, length = allocate(of, version, taken)
    except Unavailable:
        assert {str(h) for h in subnet.hosts()} <= taken | {"10.3.0.1"}
        return
    assert ip_address(address) in subnet and length == prefix
    assert address not in taken | {"10.3.0.1", str(subnet.network_address), str(subnet.broadcast_address)}


def test_mac_addresses_follow_from_ipv4() -> None:
    assert mac_address("172.18.0.2", "ffffffff") == "02:42:ac:12:00:02"
    assert mac_address("", "0123456789") == "02:42:01:23:45:67"
