"""Addresses on overlay networks: each belongs to one endpoint at a time."""

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from shoal.cluster.replacing import copied
from shoal.cluster.task import has_ended
from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.cluster.service import VirtualAddress
from shoal.model.cluster.task import Address, Task

Held = Mapping[str, Mapping[str, int]]  #: {network id: {address: how many have it}}
NONE: Mapping[str, int] = {}

_SHARED_SIZE = 64  #: addresses of the smallest subnet that services share with containers outside of them


def held_after(held: Held, changes: Iterable[tuple[Sequence[Address | VirtualAddress], ...]]) -> Held:
    """What is held after these changes. changes: (what a service or task had, what it has)"""
    own: dict[str, dict[str, int]] = {}
    for before, after in changes:
        if before == after:
            continue
        for addresses, step in ((before, -1), (after, 1)):
            for address in addresses:
                counts = own.get(address.network_id)
                if counts is None:
                    counts = own[address.network_id] = copied(held.get(address.network_id, NONE))
                for text in filter(None, (address.ipv4, address.ipv6)):
                    number = counts.pop(text, 0) + step
                    if number:
                        counts[text] = number
    return {key: counts for key, counts in {**held, **own}.items() if counts} if own else held


def holding(task: Task | None) -> tuple[Address, ...]:
    """The addresses that a task has until it has ended."""
    return () if task is None or has_ended(task) else task.addresses


@dataclass(frozen=True, slots=True)
class _Range:
    """first, last: as numbers; kept: addresses that nobody gets; is_whole: all of the subnet"""

    name: str
    version: int
    prefix: int
    first: int
    last: int
    kept: frozenset[int]
    is_whole: bool


class Addresses:
    """Gives out what nobody holds, each time after the last one given, so that a freed address rests for a while."""

    def __init__(
        self,
        networks: Mapping[str, ClusterNetwork],
        held: Held,
        cursors: Mapping[str, int],
    ) -> None:
        self._networks = networks
        self._held = held
        self.cursors = dict(cursors)  #: {pool: number to be tried next}
        self._given: dict[str, set[str]] = {}
        self._ranges: dict[str, list[_Range]] = {}

    def take(self, network_id: str) -> tuple[str, str] | None:
        """(IPv4, IPv6) of a network, "" where it has none of a kind; None = all are taken."""
        found = ["", ""]
        for version in (4, 6):
            ranges = [r for r in self._ranges_of(network_id) if r.version == version]
            if not ranges:
                continue
            address = next(filter(None, (self._free(network_id, part) for part in ranges)), "")
            if not address:
                return None
            found[version == 6] = address
        self._given.setdefault(network_id, set()).update(filter(None, found))
        return found[0], found[1]

    def take_these(self, network_id: str, *wanted: str) -> tuple[str, str] | None:
        """(IPv4, IPv6) of a network; those wanted, "" = any. None = one of them is taken, or is nobody's to have."""
        is_taken = self._is_taken(network_id)
        if any(address and (is_taken(address) or not self._can_have(network_id, address)) for address in wanted):
            return None
        self._given.setdefault(network_id, set()).update(filter(None, wanted))
        if all(wanted):
            return wanted[0], wanted[1]
        any_of = self.take(network_id)
        return None if any_of is None else (wanted[0] or any_of[0], wanted[1] or any_of[1])

    def _can_have(self, network_id: str, address: str) -> bool:
        """Whether an endpoint can have it: in a subnet, also outside of the range that is given out by itself."""
        number = ipaddress.ip_address(address)
        for pool in self._networks[network_id].spec.ipam.config:
            net = ipaddress.ip_network(pool.subnet or "0.0.0.0/32", strict=False)
            if pool.subnet and number in net:
                part = _range(network_id, pool.subnet, "", (pool.gateway,))
                return int(number) not in part.kept
        return False

    def prefix(self, network_id: str) -> int:
        """Length of the network's (first) prefix."""
        return next((part.prefix for part in self._ranges_of(network_id)), 0)

    def _ranges_of(self, network_id: str) -> list[_Range]:
        ranges = self._ranges.get(network_id)
        if ranges is None:
            spec = self._networks[network_id].spec
            made = [
                _range(network_id, pool.subnet, pool.ip_range, (pool.gateway, *pool.aux_addresses.values()))
                for pool in spec.ipam.config
                if pool.subnet
            ]
            if spec.attachable:
                made = [_lower_half(part) if part.is_whole else part for part in made]
            wanted = {version for version, on in ((4, spec.enable_ipv4), (6, spec.enable_ipv6)) if on}
            ranges = self._ranges[network_id] = [part for part in made if part.version in wanted]
        return ranges

    def _is_taken(self, network_id: str) -> Callable[[str], bool]:
        """Whether somebody has an address."""
        held, given = self._held.get(network_id, NONE), self._given.setdefault(network_id, set())
        return lambda address: address in given or address in held

    def _free(self, network_id: str, part: _Range) -> str:
        is_taken, text = self._is_taken(network_id), _ipv4 if part.version == 4 else _ipv6
        start = self.cursors.get(part.name, part.first)
        if not part.first <= start <= part.last:
            start = part.first
        # At most as many steps as there are addresses taken: the next one is free, or there is none.
        held = len(self._held.get(network_id, NONE)) + len(self._given[network_id])
        steps = min(held + len(part.kept) + 1, part.last - part.first + 1)
        number = start
        for _ in range(steps):
            if number not in part.kept and not is_taken(address := text(number)):
                self.cursors[part.name] = number + 1 if number < part.last else part.first
                return address
            number = number + 1 if number < part.last else part.first
        return ""


def _lower_half(part: _Range) -> _Range:
    """Of a network that containers outside services use too: nodes give those addresses of the upper half.

    See `lifecycle.overlay.attaching`; smaller subnets than these have no room for both.
    """
    size = part.last - part.first + 1
    return replace(part, last=part.first + size // 2 - 1) if size >= _SHARED_SIZE else part


@lru_cache(maxsize=1024)
def _range(network_id: str, subnet: str, ip_range: str, reserved: tuple[str, ...]) -> _Range:
    """reserved: the gateway first, "" = the first address"""
    net = ipaddress.ip_network(subnet, strict=False)
    part = ipaddress.ip_network(ip_range, strict=False) if ip_range else net
    first, last = int(net.network_address), int(net.broadcast_address)
    kept = {first, last} if net.version == 4 and net.prefixlen < 31 else {first}
    kept.update(int(ipaddress.ip_address(address)) for address in reserved if address)
    if not reserved[0]:
        kept.add(first + 1)
    return _Range(
        f"{network_id}/{subnet}",
        net.version,
        net.prefixlen,
        int(part.network_address),
        int(part.broadcast_address),
        frozenset(kept),
        not ip_range,
    )


def _ipv4(number: int) -> str:
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _ipv6(number: int) -> str:
    return str(ipaddress.IPv6Address(number))
