"""Which names the overlay's networks have, for the resolver of each container."""

from collections.abc import Iterable

from shoal.lifecycle.network.names import Entry
from shoal.model.cluster.assignment import OverlayState, ServiceRoute, TaskEndpoint

#: tasks come and go: an answer that is kept any longer names one that is gone
TTL_S = 1


def named_entries(state: OverlayState) -> dict[str, tuple[Entry, ...]]:
    """{id of a task or service: its entries}, on the networks that are here.

    A service is its virtual address, or with mode dnsrr each of its tasks. Tasks count while they get new connections.
    """
    found = {route.service_id: tuple(_service_entries(state, route)) for route in state.services.values()}
    for endpoint in state.endpoints.values():
        is_own = endpoint.service_id or endpoint.node_id != state.own.node_id  # else its names are its container's
        if endpoint.takes_new and is_own:
            found[endpoint.task_id] = tuple(_task_entries(state, endpoint))
    return {id: entries for id, entries in found.items() if entries}


def _service_entries(state: OverlayState, route: ServiceRoute) -> Iterable[Entry]:
    for vip in route.vips if route.mode == "vip" else ():
        network = state.networks.get(vip.network_id)
        if network is not None and not network.spec.ingress:
            names = (route.name, *route.aliases.get(network.id, ()))
            yield _entry(network.id, network.spec.name, names, vip.ipv4, vip.ipv6)


def _task_entries(state: OverlayState, endpoint: TaskEndpoint) -> Iterable[Entry]:
    route = state.services.get(endpoint.service_id)
    for address in endpoint.addresses:
        network = state.networks.get(address.network_id)
        if network is None or network.spec.ingress:
            continue
        names = [endpoint.task_name, endpoint.hostname]
        if route is not None:
            names += [f"tasks.{name}" for name in (route.name, *route.aliases.get(network.id, ()))]
        if route is not None and route.mode == "dnsrr":
            names += [route.name, *route.aliases.get(network.id, ())]
        if not endpoint.service_id:  # a container that somebody has attached
            names += address.aliases
        yield _entry(network.id, network.spec.name, names, address.ipv4, address.ipv6)


def _entry(network_id: str, network_name: str, names: Iterable[str], ipv4: str, ipv6: str) -> Entry:
    return Entry(
        network_id=network_id,
        network_name=network_name,
        names=tuple(dict.fromkeys(name for name in names if name)),
        ipv4=ipv4,
        ipv6=ipv6,
        ttl_s=TTL_S,
    )
