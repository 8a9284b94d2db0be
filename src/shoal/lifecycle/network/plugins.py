"""What network plugins are told: options in the shape that Docker's engine gives them. Source: libnetwork, netlabel."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from shoal.model.endpoint import PortBinding
from shoal.model.network import NetworkSpec

GENERIC = "com.docker.network.generic"
ENABLE_IPV4 = "com.docker.network.enable_ipv4"
ENABLE_IPV6 = "com.docker.network.enable_ipv6"
INTERNAL = "com.docker.network.internal"
PORT_MAP = "com.docker.network.portmap"
EXPOSED_PORTS = "com.docker.network.endpoint.exposedports"

_PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}  #: by IP protocol number
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,9}")


def network_options(spec: NetworkSpec) -> dict[str, Any]:
    """Of CreateNetwork: the user's own below one key."""
    options: dict[str, Any] = {
        GENERIC: dict(spec.options),
        ENABLE_IPV4: spec.enable_ipv4,
        ENABLE_IPV6: spec.enable_ipv6,
    }
    return {**options, INTERNAL: True} if spec.internal else options


def endpoint_options(
    ports: Sequence[PortBinding], exposed: Sequence[str], driver_opts: Mapping[str, str]
) -> dict[str, Any]:
    """Of CreateEndpoint, Join and ProgramExternalConnectivity. exposed: "80/tcp" """
    numbers = {(port.container_port, port.protocol) for port in ports}
    for text in exposed:
        number, _, protocol = text.partition("/")
        numbers.add((int(number), protocol or "tcp"))
    return {
        **driver_opts,
        EXPOSED_PORTS: [{"Proto": _PROTOCOLS.get(p, 6), "Port": number} for number, p in sorted(numbers)],
        PORT_MAP: [_port(port) for port in ports],
    }


def _port(port: PortBinding) -> dict[str, Any]:
    first, _, last = port.host_port.partition("-")
    return {
        "Proto": _PROTOCOLS.get(port.protocol, 6),
        "IP": "",
        "Port": port.container_port,
        "HostIP": port.host_ip,
        "HostPort": int(first or 0),
        "HostPortEnd": int(last or first or 0),
    }


def link_name(prefix: str, chosen: str, taken: Collection[str]) -> str:
    """What a plugin's link is called in the container. chosen: by us, "eth1"; taken: by its other links"""
    if not _PREFIX.fullmatch(prefix) or prefix == "eth":
        return chosen
    return next(name for i in range(len(taken) + 1) if (name := f"{prefix}{i}") not in taken)
