"""Which subnets and addresses are given out."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from shoal.errors import Forbidden, InvalidArgument, Unavailable
from shoal.model.network import Network, NetworkSpec, Pool

Subnet = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
_EXHAUSTED = "all predefined address pools have been fully subnetted"


def parse_default_pool(text: str) -> Iterator[IPv4Network]:
    """The subnets of a default pool "BASE/LENGTH[:SIZE]", of /SIZE each (/16 where not said).

    Raises: InvalidArgument
    """
    base, _, size = text.partition(":")
    try:
        network = IPv4Network(base)
        return iter(network.subnets(new_prefix=int(size) if size else max(16, network.prefixlen)))
    except ValueError as error:
        raise InvalidArgument(f'address_pools: "{text}": {error}') from None


def complete_spec(
    spec: NetworkSpec, networks: Iterable[Network], default_pools: Sequence[str], ula: str, avoid: Sequence[str] = ()
) -> NetworkSpec:
    """`spec` with a subnet and a gateway in each of its pools.

    networks: those that exist; no subnet overlaps theirs
    ula: the IPv6 /48 from which /64s are taken
    avoid: CIDRs that are in use on the host: not chosen, but allowed when asked for

    Raises: InvalidArgument, Forbidden on overlap, Unavailable when the pools are used up
    """
    taken = [ip_network(pool.subnet) for network in networks for pool in network.spec.ipam.config if pool.subnet]
    pools: list[Pool] = []
    for version, pool in wanted_pools(spec):
        if pool.subnet:
            given = _parse_pool(pool)
            _check_overlap(given, taken)
        else:
            given = _choose(version, default_pools, ula, [*taken, *_subnets(avoid)])
        taken.append(given)
        gateway = pool.gateway or _first_free(given, pool)
        pools.append(replace(pool, subnet=str(given), gateway=gateway))
    return replace(spec, ipam=replace(spec.ipam, config=tuple(pools)))


def chosen(asked: NetworkSpec, completed: NetworkSpec) -> tuple[str, ...]:
    """The subnets in `completed` that were not asked for."""
    given = {pool.subnet for pool in asked.ipam.config}
    return tuple(pool.subnet for pool in completed.ipam.config if pool.subnet not in given)


def subnets(specs: Iterable[NetworkSpec]) -> list[str]:
    """Those of all their pools."""
    return [pool.subnet for spec in specs for pool in spec.ipam.config if pool.subnet]


def displaced(network: Network, host_subnets: Sequence[str]) -> bool:
    """True when a subnet that we chose for the network is now in use elsewhere on the host."""
    taken = list(_subnets(host_subnets))
    return any(_overlaps(ip_network(subnet), taken) for subnet in network.chosen_subnets)


def without_chosen(network: Network) -> NetworkSpec:
    """What was asked for: the network's spec without the subnets that we chose."""
    asked = tuple(p for p in network.spec.ipam.config if p.subnet not in network.chosen_subnets)
    return replace(network.spec, ipam=replace(network.spec.ipam, config=asked))


def wanted_pools(spec: NetworkSpec) -> list[tuple[int, Pool]]:
    """(IP version, what was asked for), with an empty pool for each version that is wanted and has none."""
    pools = []
    for pool in spec.ipam.config:
        version = 6 if ":" in pool.subnet else 4
        if not pool.subnet and (pool.gateway or pool.ip_range or pool.aux_addresses):
            raise _invalid("invalid pool: an ip-range, gateway or auxiliary address needs its subnet")
        if pool.subnet and (spec.enable_ipv6 if version == 6 else spec.enable_ipv4):
            pools.append((version, pool))
    found = {version for version, _ in pools}
    if spec.enable_ipv4 and 4 not in found:
        pools.insert(0, (4, Pool()))
    if spec.enable_ipv6 and 6 not in found:
        pools.append((6, Pool()))
    return pools


def _parse_pool(pool: Pool) -> Subnet:
    subnet = _parse_subnet(pool.subnet, "subnet")
    if pool.ip_range:
        ip_range = _parse_subnet(pool.ip_range, "ip-range")
        if ip_range.version != subnet.version or not ip_range.subnet_of(subnet):  # type: ignore[arg-type]
            raise _invalid(f"invalid ip-range {pool.ip_range}: parent subnet {subnet} doesn't contain ip-range")
    for name, value in (
        ("gateway", pool.gateway),
        *((f"auxiliary address {n}", a) for n, a in pool.aux_addresses.items()),
    ):
        if value and ("%" in value or _is_no_address(value) or ip_address(value) not in subnet):
            raise _invalid(f"invalid {name} {value}: parent subnet {subnet} doesn't contain this address")
    return subnet


def _parse_subnet(text: str, what: str) -> Subnet:
    try:
        if "%" in text:  # a zone: Python takes any text as one
            raise ValueError
        network = ip_network(text, strict=False)
    except ValueError:
        raise _invalid(f'invalid {what} "{text}": invalid CIDR block notation') from None
    if ip_address(text.partition("/")[0]) != network.network_address:
        raise _invalid(f"invalid {what} {text}: it should be {network}")
    return network


def _is_no_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return True
    return False


def _invalid(reason: str) -> InvalidArgument:
    return InvalidArgument(f"invalid network config:\n{reason}")


def _check_overlap(wanted: Subnet, taken: Iterable[Subnet]) -> None:
    if _overlaps(wanted, taken):
        raise Forbidden("invalid pool request: Pool overlaps with other one on this address space")


def _overlaps(wanted: Subnet, taken: Iterable[Subnet]) -> bool:
    return any(wanted.version == other.version and wanted.overlaps(other) for other in taken)


def _subnets(texts: Iterable[str]) -> Iterator[Subnet]:
    for text in texts:
        subnet = ip_network(text, strict=False)
        if subnet.prefixlen:  # the default route is no reason to avoid everything
            yield subnet


def _choose(version: int, default_pools: Sequence[str], ula: str, taken: Sequence[Subnet]) -> Subnet:
    subnets: Iterable[Subnet] = (subnet for text in default_pools for subnet in parse_default_pool(text))
    if version == 6:
        subnets = IPv6Network(ula).subnets(new_prefix=64)
    for subnet in subnets:
        if not _overlaps(subnet, taken):
            return subnet
    raise Unavailable(_EXHAUSTED, hint="remove networks that are not used: shoal network prune")


def _first_free(subnet: Subnet, pool: Pool) -> str:
    aux = set(pool.aux_addresses.values())
    return next((str(a) for a in _hosts(subnet) if str(a) not in aux), "")


def _hosts(subnet: Subnet) -> Iterator[Address]:
    """The addresses of `subnet` that a host may have, lowest first."""
    first, last = int(subnet.network_address), int(subnet.broadcast_address)
    if subnet.num_addresses > 2:
        first += 1
        last -= 1 if subnet.version == 4 else 0
    make = IPv4Address if subnet.version == 4 else IPv6Address
    return (make(n) for n in range(first, last + 1))


def allocate(network: Network, version: int, used: Collection[str], wanted: str = "") -> tuple[str, int]:
    """An address for a new endpoint and the prefix length of its subnet; ("", 0) when the network has no such family.

    version: 4 or 6
    used: addresses of the network's endpoints
    wanted: the fixed address asked for, "" = the lowest free one

    Raises: InvalidArgument when `wanted` is outside of the network; Forbidden when it is used; Unavailable when none is
        left
    """
    pools = [p for p in network.spec.ipam.config if p.subnet and (":" in p.subnet) == (version == 6)]
    if wanted:
        return _allocate_fixed(network, pools, used, wanted)
    if not pools:
        return "", 0
    for pool in pools:
        subnet = ip_network(pool.subnet)
        for address in ip_network(pool.ip_range) if pool.ip_range else _hosts(subnet):
            text = str(address)
            if text not in used and not _is_reserved(address, subnet, pool):
                return text, subnet.prefixlen
    raise Unavailable(
        f"no available IPv{version} addresses on this network's address pools: {network.name} ({network.id})"
    )


def _allocate_fixed(network: Network, pools: Sequence[Pool], used: Collection[str], wanted: str) -> tuple[str, int]:
    address = ip_address(wanted)
    for pool in pools:
        subnet = ip_network(pool.subnet)
        if address not in subnet:
            continue
        text = str(address)
        if text in used or _is_reserved(address, subnet, pool, with_aux=False):
            raise Forbidden("Address already in use", hint=f"{text} on network {network.name}")
        return text, subnet.prefixlen
    raise InvalidArgument(
        f"invalid config for network {network.name}: invalid endpoint settings:\n"
        f"no configured subnet or ip-range contain the IP address {wanted}"
    )


def _is_reserved(address: Address, subnet: Subnet, pool: Pool, *, with_aux: bool = True) -> bool:
    if pool.gateway and address == ip_address(pool.gateway):
        return True
    if subnet.num_addresses > 2 and address in (subnet.network_address, subnet.broadcast_address):
        return subnet.version == 4 or address == subnet.network_address
    return with_aux and str(address) in pool.aux_addresses.values()


def gateway(network: Network, version: int) -> str:
    """The gateway of this family, "" where there is none."""
    for pool in network.spec.ipam.config:
        if pool.subnet and (":" in pool.subnet) == (version == 6):
            return pool.gateway
    return ""


def mac_address(ipv4: str, seed: str) -> str:
    """A locally administered MAC address; an IPv4 address has always the same, so no neighbour remembers a wrong one.

    seed: hex digits to take it from where there is no IPv4 address
    """
    if ipv4:
        return "02:42:" + ":".join(f"{int(part):02x}" for part in ipv4.split("."))
    return "02:42:" + ":".join(seed[i : i + 2] for i in range(0, 8, 2))


def ula_prefix(seed: str) -> str:
    """The unique local IPv6 /48 of this host. seed: at least 10 hex digits. Source: RFC 4193"""
    return f"fd{seed[:2]}:{seed[2:6]}:{seed[6:10]}::/48"


def check_unused(name: str, active: Sequence[str], network_id: str) -> None:
    """Nothing, or raises Forbidden when containers (their names) are still attached."""
    if active:
        raise Forbidden(
            f"error while removing network: network {name} id {network_id} has active endpoints",
            hint="used by " + ", ".join(active),
        )
