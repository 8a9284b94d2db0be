"""Published ports in docker's notation: what `ps` shows and what `-p` takes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_PROTOCOLS = ("tcp", "udp", "sctp")


def ports_text(ports: Iterable[Mapping[str, Any]]) -> str:
    """ "0.0.0.0:5000->5000/tcp, :::5000->5000/tcp, 6379/tcp"; neighbours that are mapped alike become a range.

    ports: of the API's container summary (IP, PrivatePort, PublicPort, Type)
    """
    groups: dict[tuple[str, str], tuple[int, int]] = {}
    done: list[str] = []
    mapped: list[str] = []
    for port in sorted(ports, key=_port_order):
        address, private, protocol = str(port.get("IP") or ""), int(port["PrivatePort"]), str(port.get("Type") or "tcp")
        if address and port.get("PublicPort") != private:
            mapped.append(f"{address}:{port.get('PublicPort')}->{private}/{protocol}")
            continue
        key = (address, protocol)
        first, last = groups.get(key, (private, private))
        if key in groups and private != last + 1:
            done.append(_group_text(key, first, last))
            first = private
        groups[key] = (first, private)
    return ", ".join([*done, *(_group_text(key, *ends) for key, ends in groups.items()), *mapped])


def _port_order(port: Mapping[str, Any]) -> tuple[int, str, int, str]:
    return (
        int(port["PrivatePort"]),
        str(port.get("IP") or ""),
        int(port.get("PublicPort") or 0),
        str(port.get("Type") or ""),
    )


def _group_text(key: tuple[str, str], first: int, last: int) -> str:
    address, protocol = key
    group = f"{first}" if first == last else f"{first}-{last}"
    return f"{address}:{group}->{group}/{protocol}" if address else f"{group}/{protocol}"


def parse_publish(specs: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(ExposedPorts, PortBindings) of `-p` values: "80", "8080:80", "127.0.0.1::80", "[::1]:8000-8001:80-81/udp".

    Raises: ValueError with docker's words
    """
    exposed: dict[str, Any] = {}
    bindings: dict[str, Any] = {}
    for spec in specs:
        for port, binding in _bindings_of(spec):
            exposed[port] = {}
            bindings.setdefault(port, []).append(binding)
    return exposed, bindings


def parse_expose(specs: Iterable[str]) -> dict[str, Any]:
    """ExposedPorts of `--expose` values: "80", "8000-8010/udp". Raises: ValueError."""
    exposed: dict[str, Any] = {}
    for spec in specs:
        if ":" in spec:
            raise ValueError(f"invalid port format for --expose: {spec}")
        numbers, protocol = _split_protocol(spec)
        try:
            first, last = _range(numbers, "containerPort")
        except ValueError as error:
            raise ValueError(f"invalid range format for --expose: {spec}, error: {error}") from None
        exposed.update({f"{port}/{protocol}": {} for port in range(first, last + 1)})
    return exposed


def _bindings_of(spec: str) -> Iterable[tuple[str, dict[str, str]]]:
    text, protocol = _split_protocol(spec)
    address, host, container = _split_spec(text)
    if not container:
        raise ValueError(f"no port specified: {spec}<empty>")
    first, last = _range(container, "containerPort")
    if not host:
        for port in range(first, last + 1):
            yield f"{port}/{protocol}", {"HostIp": address, "HostPort": ""}
        return
    host_first, host_last = _range(host, "hostPort")
    if last - first != host_last - host_first:
        if first != last:  # a range for one port means "any free one of these"
            raise ValueError(f"invalid ranges specified for container and host Ports: {container} and {host}")
        yield f"{first}/{protocol}", {"HostIp": address, "HostPort": f"{host_first}-{host_last}"}
        return
    for offset in range(last - first + 1):
        yield f"{first + offset}/{protocol}", {"HostIp": address, "HostPort": str(host_first + offset)}


def _split_protocol(spec: str) -> tuple[str, str]:
    text, slash, protocol = spec.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in _PROTOCOLS:
        raise ValueError(f"invalid proto: {protocol}")
    return text, protocol


def _split_spec(text: str) -> tuple[str, str, str]:
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        if not bracket or not rest.startswith(":"):
            raise ValueError(f"invalid IP address: {text}")
        host, colon, container = rest[1:].rpartition(":")
        if not colon:
            raise ValueError(f"invalid containerPort: {text}")
        _check_address(address)
        return address, host, container
    *front, container = text.rsplit(":", 2)
    if len(front) < 2:
        return "", front[0] if front else "", container
    if front[0]:
        _check_address(front[0])
    return front[0], front[1], container


def _check_address(address: str) -> None:
    import socket

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.inet_pton(family, address.partition("%")[0])
    except OSError:
        raise ValueError(f"invalid IP address: {address}") from None


def _range(text: str, what: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    last = last if dash else first
    if not (first.isdigit() and last.isdigit()) or int(last) > 65535 or int(first) > 65535:
        raise ValueError(f"invalid {what}: {text}")
    if int(last) < int(first):
        raise ValueError(f"invalid {what}: {text}: invalid range specified for port: {text}")
    return int(first), int(last)
