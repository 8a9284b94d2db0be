"""Published ports of the routing mesh: one service each."""

from collections.abc import Iterable, Mapping
from itertools import chain

from shoal.model.cluster.service import PortConfig, Service

FIRST_PORT, LAST_PORT = 30000, 32767

Taken = Mapping[tuple[str, int], Service]  #: {(protocol, port): who has it}


def taken_ports(services: Iterable[Service]) -> dict[tuple[str, int], Service]:
    """Ports of mode ingress that are given out."""
    return {
        (port.protocol, port.published): service
        for service in services
        for port in service.ports
        if port.mode == "ingress" and port.published
    }


def allocated(service: Service, taken: Taken) -> tuple[PortConfig, ...] | str:
    """The service's ports, each with its number; or why that can't be. A port that was chosen before stays.

    Ports of mode host with no number get theirs on their node.
    """
    chosen: list[PortConfig] = []
    mine: set[tuple[str, int]] = {
        (port.protocol, port.published) for port in service.spec.endpoint.ports if port.mode == "ingress"
    }
    earlier = {_same(port): port.published for port in service.ports if port.mode == "ingress"}
    for port in service.spec.endpoint.ports:
        if port.mode != "ingress":
            chosen.append(port)
            continue
        published = port.published or _free(port, earlier.get(_same(port), 0), service, taken, mine)
        other = taken.get((port.protocol, published))
        if not published:
            return f"no port is free from {FIRST_PORT} to {LAST_PORT}"
        if other is not None and other.id != service.id:
            return (
                f"port '{published}' is already in use by service '{other.spec.name}' ({other.id}) as an ingress port"
            )
        mine.add((port.protocol, published))
        chosen.append(_numbered(port, published))
    return tuple(chosen)


def _free(port: PortConfig, earlier: int, service: Service, taken: Taken, mine: set[tuple[str, int]]) -> int:
    for number in chain([earlier] if earlier else [], range(FIRST_PORT, LAST_PORT + 1)):
        owner = taken.get((port.protocol, number))
        if (owner is None or owner.id == service.id) and (port.protocol, number) not in mine:
            return number
    return 0


def _same(port: PortConfig) -> tuple[str, int, str]:
    return port.name, port.target, port.protocol


def _numbered(port: PortConfig, published: int) -> PortConfig:
    return PortConfig(
        target=port.target,
        published=published,
        protocol=port.protocol,
        mode=port.mode,
        name=port.name,
        host_ip=port.host_ip,
    )
