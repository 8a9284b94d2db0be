"""Which tasks get new connections: behind each virtual address, and behind each published port."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shoal.model.cluster.assignment import OverlayState, ServiceRoute, TaskEndpoint
from shoal.model.cluster.service import PortConfig


@dataclass(frozen=True, slots=True)
class Target:
    """Where new connections may go, one family. addresses: of tasks, in order of slots; () = nobody serves"""

    addresses: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.addresses)


def serving(state: OverlayState) -> dict[str, list[TaskEndpoint]]:
    """{service id: its tasks that get new connections, in order of slots}"""
    found: dict[str, list[TaskEndpoint]] = {}
    for endpoint in sorted(state.endpoints.values(), key=lambda e: (e.slot, e.task_id)):
        if endpoint.takes_new:
            found.setdefault(endpoint.service_id, []).append(endpoint)
    return found


def on_network(endpoints: Iterable[TaskEndpoint], network_id: str, version: int) -> Target:
    """The addresses that these tasks have on one network."""
    found = (a for e in endpoints for a in e.addresses if a.network_id == network_id)
    texts = (a.ipv4 if version == 4 else a.ipv6 for a in found)
    return Target(tuple(text for text in texts if text))


def ingress_target(state: OverlayState, endpoints: Iterable[TaskEndpoint], version: int) -> Target:
    """Where callers from outside reach these tasks: on the ingress network, the only one that lets them in."""
    ingress = next((n.id for n in state.networks.values() if n.spec.ingress), "")
    return on_network(endpoints, ingress, version)


def ingress_ports(state: OverlayState) -> Iterator[tuple[ServiceRoute, PortConfig]]:
    """Every port that all nodes answer on."""
    for route in state.services.values():
        for port in route.ports:
            if port.mode == "ingress" and port.published and port.protocol in ("tcp", "udp"):
                yield route, port
