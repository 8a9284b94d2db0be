"""Which addresses a name has, as seen by one container.

A container asks for names; it sees the endpoints on its own networks, in the order of its networks. Names are compared
without case. `web` and `web.counter_default` (name and network) are the same endpoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from shoal.lifecycle.network.dns import TTL_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One endpoint and what it is called.

    names: the first one is the container's
    ttl_s: how long an answer may be kept
    """

    network_id: str
    network_name: str
    names: tuple[str, ...]
    ipv4: str = ""
    ipv6: str = ""
    ttl_s: int = TTL_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """What one container may see.

    networks: ids, the one with the default route first
    links: {alias: (network id, container id)}: names that only this container knows
    """

    networks: tuple[str, ...] = ()
    links: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """The addresses of a name that exists; either may be empty."""

    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]
    ttl_s: int = TTL_S


class Names:
    """The names of all networks of one engine."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Entry, ...]] = {}
        #: {network id: {name: {container id: entry}}}
        self._by_name: dict[str, dict[str, dict[str, Entry]]] = {}
        #: {network id: {address: PTR name}}
        self._by_address: dict[str, dict[str, str]] = {}
        self._turn = 0

    def put(self, container_id: str, entries: Sequence[Entry]) -> None:
        """Replace what is known of a container."""
        self.drop(container_id)
        self._entries[container_id] = tuple(entries)
        for entry in entries:
            names = self._by_name.setdefault(entry.network_id, {})
            for name in entry.names:
                for form in (name.lower(), f"{name}.{entry.network_name}".lower()):
                    names.setdefault(form, {})[container_id] = entry
            addresses = self._by_address.setdefault(entry.network_id, {})
            for address in (entry.ipv4, entry.ipv6):
                if address and entry.names:
                    addresses[address] = f"{entry.names[0]}.{entry.network_name}"

    def drop(self, container_id: str) -> None:
        """Forget a container. Idempotent."""
        for entry in self._entries.pop(container_id, ()):
            names = self._by_name.get(entry.network_id, {})
            for name in entry.names:
                for form in (name.lower(), f"{name}.{entry.network_name}".lower()):
                    holders = names.get(form, {})
                    holders.pop(container_id, None)
                    if not holders:
                        names.pop(form, None)
            addresses = self._by_address.get(entry.network_id, {})
            addresses.pop(entry.ipv4, None)
            addresses.pop(entry.ipv6, None)
            if not names and not addresses:
                self._by_name.pop(entry.network_id, None)
                self._by_address.pop(entry.network_id, None)

    def find(self, asker: Asker, name: str) -> Found | None:
        """The addresses of `name`, begun with another one at each call, or None when no endpoint has it."""
        name = name.rstrip(".").lower()
        entries = self._linked(asker, name)
        for network in asker.networks if not entries else ():
            entries = list(self._by_name.get(network, {}).get(name, {}).values())
            if entries:
                break
        if not entries:
            return None
        self._turn += 1
        first = self._turn % len(entries)
        entries = entries[first:] + entries[:first]
        return Found(
            tuple(dict.fromkeys(e.ipv4 for e in entries if e.ipv4)),
            tuple(dict.fromkeys(e.ipv6 for e in entries if e.ipv6)),
            min(e.ttl_s for e in entries),
        )

    def _linked(self, asker: Asker, name: str) -> list[Entry]:
        network_id, container_id = asker.links.get(name, ("", ""))
        return [e for e in self._entries.get(container_id, ()) if e.network_id == network_id]

    def reverse(self, asker: Asker, question: str) -> str | None:
        """The name of the address that a PTR question ("2.0.18.172.in-addr.arpa") is about; None: not ours."""
        address = parse_reverse(question)
        for network in asker.networks if address else ():
            name = self._by_address.get(network, {}).get(address)
            if name:
                return name
        return None


def parse_reverse(question: str) -> str:
    """The address in the name of a PTR question, "" when it is none. Source: RFC 1035 3.5, RFC 3596 2.5"""
    labels = question.rstrip(".").lower().split(".")
    try:
        if labels[-2:] == ["in-addr", "arpa"] and len(labels) == 6:
            return str(ip_address(".".join(reversed(labels[:4]))))
        if labels[-2:] == ["ip6", "arpa"] and len(labels) == 34:
            digits = "".join(reversed(labels[:32]))
            return str(ip_address(":".join(digits[i : i + 4] for i in range(0, 32, 4))))
    except ValueError:
        return ""
    return ""


def endpoint_names(name: str, aliases: Sequence[str], container_id: str, hostname: str) -> tuple[str, ...]:
    """All names of an endpoint: container name, aliases, short id, hostname."""
    return tuple(n for n in dict.fromkeys((name, *aliases, container_id[:12], hostname)) if n)
