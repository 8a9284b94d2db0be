"""What happened to the objects of the cluster, told from two views of it. Source: moby, daemon/cluster."""

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from shoal.cluster.view import View
from shoal.model.cluster.cluster import ClusterNetwork, Sealed
from shoal.model.cluster.node import Node
from shoal.model.cluster.service import Service, ServiceMode

#: (type, action, id, attributes)
Happening = tuple[str, str, str, Mapping[str, str]]
Publish = Callable[[str, str, str, Mapping[str, str]], None]
R = TypeVar("R")


def teller(publish: Publish) -> Callable[[View, View, Collection[tuple[str, str]] | None], None]:
    """A listener of the mirror that publishes."""

    def tell(before: View, after: View, _touched: object) -> None:
        for happening in happenings(before, after):
            publish(*happening)

    return tell


def happenings(before: View, after: View) -> list[Happening]:
    """Of services, nodes, secrets, configs and networks; what only the leader writes down for itself is left out."""
    return [
        *_differences("service", before.services, after.services, _service),
        *_differences("node", before.nodes, after.nodes, _node),
        *_differences("secret", before.secrets, after.secrets, _sealed),
        *_differences("config", before.configs, after.configs, _sealed),
        *_differences("network", before.networks, after.networks, _network),
    ]


def _differences(
    noun: str,
    before: Mapping[str, R],
    after: Mapping[str, R],
    attributes: Callable[[R | None, R], Mapping[str, str] | None],
) -> list[Happening]:
    """attributes: of (what was, what is); None = nothing that anybody should hear of"""
    if before is after:
        return []
    found: list[Happening] = []
    for identity, now in after.items():
        was = before.get(identity)
        if was is not now and (said := attributes(was, now)) is not None:
            found.append((noun, "create" if was is None else "update", identity, said))
    gone = [(identity, record) for identity, record in before.items() if identity not in after]
    return [*found, *((noun, "remove", identity, attributes(None, record) or {}) for identity, record in gone)]


def _service(was: Service | None, now: Service) -> Mapping[str, str] | None:
    said = {"name": now.spec.name}
    if was is None:
        return said
    states = [(service.update_status.state if service.update_status else "") for service in (was, now)]
    if was.spec == now.spec and states[0] == states[1]:
        return None
    if now.spec.mode is ServiceMode.REPLICATED:
        said |= _changed("replicas", str(was.spec.replicas), str(now.spec.replicas))
    return said | _changed("updatestate", *states)


def _node(was: Node | None, now: Node) -> Mapping[str, str] | None:
    said = {"name": now.spec.name or now.description.hostname}
    if was is None:
        return said
    if (was.spec, was.state) == (now.spec, now.state):
        return None
    return said | {
        **_changed("state", was.state.value, now.state.value),
        **_changed("availability", was.spec.availability.value, now.spec.availability.value),
        **_changed("role", was.spec.role.value, now.spec.role.value),
    }


def _changed(name: str, old: str, new: str) -> dict[str, str]:
    if old == new:
        return {}
    return {f"{name}.new": new} | ({f"{name}.old": old} if old else {})


def _sealed(was: Sealed | None, now: Sealed) -> Mapping[str, str] | None:
    return {"name": now.name}


def _network(was: ClusterNetwork | None, now: ClusterNetwork) -> Mapping[str, str] | None:
    return {"name": now.spec.name, "type": now.spec.driver} if was is None else None
