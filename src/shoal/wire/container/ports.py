"""Port maps: {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}. Source: Docker Engine API v1.51, PortMap."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.container import Container
from shoal.model.endpoint import BoundPort, PortBinding
from shoal.wire.fields import read_list, read_object, read_text

PROTOCOLS = ("tcp", "udp", "sctp")


def parse_port(text: str) -> tuple[int, str]:
    """("80/udp") -> (80, "udp"). Raises: InvalidArgument"""
    number, _, protocol = text.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in PROTOCOLS:
        raise InvalidArgument(f'invalid port specification: "{text}"')
    return _number(number, text), protocol


def _number(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) <= 65535:
        raise InvalidArgument(f'invalid port specification: "{whole}"')
    return int(text)


def parse_port_range(text: str) -> tuple[int, int]:
    """("8000-8010") -> (8000, 8010); ("80") -> (80, 80). Raises: InvalidArgument"""
    first, dash, last = text.partition("-")
    low = _number(first, text)
    high = _number(last, text) if dash else low
    if high < low:
        raise InvalidArgument(f'invalid port specification: "{text}"')
    return low, high


def expand_exposed(text: str) -> tuple[str, ...]:
    """("3000-3002/udp") -> ("3000/udp", "3001/udp", "3002/udp"). Raises: InvalidArgument"""
    ports, _, protocol = text.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in PROTOCOLS:
        raise InvalidArgument(f'invalid port specification: "{text}"')
    low, high = parse_port_range(ports)
    return tuple(f"{port}/{protocol}" for port in range(low, high + 1))


def read_port_map(value: Any, path: str) -> tuple[PortBinding, ...]:
    """The bindings of a PortMap; a port without any is published on a free one. Raises: InvalidArgument"""
    bindings: list[PortBinding] = []
    for port, entries in read_object(value, path).items():
        number, protocol = parse_port(port)
        for i, entry in enumerate(read_list(entries or [{}], f"{path}.{port}")):
            bindings.append(_binding(number, protocol, entry, f"{path}.{port}.{i}"))
    return tuple(bindings)


def _binding(number: int, protocol: str, entry: Any, path: str) -> PortBinding:
    given = read_object(entry, path)
    host_ip = read_text(given.get("HostIp") or "", f"{path}.HostIp")
    host_port = read_text(given.get("HostPort") or "", f"{path}.HostPort")
    if host_ip:
        try:
            if "%" in host_ip:  # a zone: Python takes any text as one
                raise ValueError
            ipaddress.ip_address(host_ip)
        except ValueError:
            raise InvalidArgument(f"invalid IP address: {host_ip}") from None
    if host_port not in ("", "0"):
        parse_port_range(host_port)
    return PortBinding(container_port=number, protocol=protocol, host_ip=host_ip, host_port=host_port)


def write_port_map(bindings: Iterable[PortBinding]) -> dict[str, list[dict[str, str]]]:
    """The PortMap of wishes."""
    result: dict[str, list[dict[str, str]]] = {}
    for b in bindings:
        entry = {"HostIp": b.host_ip, "HostPort": b.host_port}
        result.setdefault(f"{b.container_port}/{b.protocol}", []).append(entry)
    return result


def ports_to_show(container: Container) -> tuple[tuple[str, ...], tuple[BoundPort, ...]]:
    """(exposed, bound) ports of a running container that has a network of its own; none of any other."""
    mode = container.spec.host.network_mode
    if not container.is_running or mode in ("host", "none") or mode.startswith("container:"):
        return (), ()
    return tuple(container.spec.exposed_ports), tuple(container.bound_ports)


def write_bound_ports(exposed: Iterable[str], bound: Sequence[BoundPort]) -> dict[str, list[dict[str, str]] | None]:
    """NetworkSettings.Ports: every exposed port, null where it is not published."""
    result: dict[str, list[dict[str, str]] | None] = dict.fromkeys(exposed)
    for b in bound:
        key = f"{b.container_port}/{b.protocol}"
        result[key] = [*(result.get(key) or ()), {"HostIp": b.host_ip, "HostPort": str(b.host_port)}]
    return dict(sorted(result.items()))


def write_port_list(exposed: Iterable[str], bound: Sequence[BoundPort]) -> list[dict[str, Any]]:
    """The `Ports` of a list entry: published ones with their address, the other exposed ones without."""
    published = {f"{b.container_port}/{b.protocol}" for b in bound}
    entries: list[dict[str, Any]] = [
        {"IP": b.host_ip, "PrivatePort": b.container_port, "PublicPort": b.host_port, "Type": b.protocol} for b in bound
    ]
    for port in exposed:
        if port not in published:
            number, protocol = parse_port(port)
            entries.append({"PrivatePort": number, "Type": protocol})
    return entries
