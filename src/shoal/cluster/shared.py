"""What is told to many nodes alike, worked out once for all of them: peers, routes of services, endpoints of tasks."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from shoal.cluster.book import NO_TASKS, changed_keys
from shoal.cluster.replacing import copied
from shoal.cluster.task import is_wanted
from shoal.cluster.view import View
from shoal.model.cluster.assignment import Peer, ServiceRoute, TaskEndpoint
from shoal.model.cluster.node import Node, NodeState
from shoal.model.cluster.service import Service
from shoal.model.cluster.task import Task
from shoal.model.cluster.task import TaskState as S

R = TypeVar("R")  #: a record
V = TypeVar("V")  #: what is made of one

Endpoints = Mapping[str, TaskEndpoint]
Routes = Mapping[str, ServiceRoute]


@dataclass(frozen=True, slots=True)
class Shared:
    """True of `view`; `shared_after` gives the next one. What has not changed is the same object in both.

    peers: {node id: peer}    routes: {service id: route}    on: {network id: endpoints of tasks that are on it}
    told: what was put together of these for some networks; filled as it is asked for
    """

    view: View = field(default_factory=View)
    peers: Mapping[str, Peer] = field(default_factory=dict)
    routes: Routes = field(default_factory=dict)
    on: Mapping[str, Endpoints] = field(default_factory=dict)
    told: dict[frozenset[str], tuple[Routes, Endpoints]] = field(default_factory=dict)

    def of(self, networks: Iterable[str]) -> tuple[Routes, Endpoints]:
        """(services that are on one of these networks or publish a port, tasks on one of them)"""
        wanted = frozenset(networks)
        found = self.told.get(wanted)
        if found is None:
            routes = {key: made for key, made in self.routes.items() if _is_told(made, wanted)}
            parts = [self.on[key] for key in sorted(wanted) if key in self.on]
            endpoints = parts[0] if len(parts) == 1 else {key: one for part in parts for key, one in part.items()}
            found = self.told[wanted] = routes, endpoints
        return found


NOTHING = Shared()


def shared_after(old: Shared, view: View) -> Shared:
    """For this view. Cost: what has changed since the view of `old`, and a look at every identity"""
    before = old.view
    if view is before:
        return old
    on = _on(old, view)
    peers = _remade(old.peers, before.nodes, view.nodes, _peer_if_numbered)
    routes = _remade(old.routes, before.services, view.services, route)
    is_same = on is old.on and routes is old.routes
    return Shared(view, peers, routes, on, old.told if is_same else {})


def peer(node: Node) -> Peer:
    """A node as others send packets to it."""
    end = data_address(node)
    return Peer(
        node_id=node.id,
        number=node.number,
        address=end,
        is_ready=node.state == NodeState.READY,
        addresses=(node.address,) if node.address not in ("", end) else (),
    )


def data_address(node: Node) -> str:
    """Where a node's tunnel ends: its own address for that, else the one that it is reached at."""
    return node.data_address or node.address


def route(service: Service) -> ServiceRoute:
    """How a service is found."""
    ports = tuple(port for port in service.ports if port.mode == "ingress" and port.published)
    attachments = service.spec.task.networks
    return ServiceRoute(
        service_id=service.id,
        name=service.spec.name,
        mode=service.spec.endpoint.mode or "vip",
        vips=service.vips,
        ports=ports,
        networks=tuple(attachment.target for attachment in attachments),
        aliases={attachment.target: attachment.aliases for attachment in attachments if attachment.aliases},
    )


def endpoint(task: Task, node: Node | None) -> TaskEndpoint:
    """Where a task is; it gets new connections while it runs, is wanted, and its node answers."""
    is_serving = task.status.state == S.RUNNING and is_wanted(task)
    return TaskEndpoint(
        task_id=task.id,
        task_name=task.name,
        service_id=task.service_id,
        node_id=task.node_id,
        slot=task.slot,
        addresses=task.addresses,
        takes_new=is_serving and _answers(node),
        hostname=task.spec.container.hostname,
    )


def _answers(node: Node | None) -> bool:
    return node is not None and node.state != NodeState.DOWN


def _is_told(made: ServiceRoute, wanted: frozenset[str]) -> bool:
    return bool(made.ports) or not wanted.isdisjoint([*made.networks, *(vip.network_id for vip in made.vips)])


def _peer_if_numbered(node: Node) -> Peer | None:
    return peer(node) if node.number else None


def _remade(
    known: Mapping[str, V], before: Mapping[str, R], after: Mapping[str, R], make: Callable[[R], V | None]
) -> Mapping[str, V]:
    """What is `known` of the records `before`, as it is of those `after`; `known` itself where nothing differs."""
    changed = changed_keys(after, before)
    fresh = {key: made for key in sorted(changed) if key in after and (made := make(after[key])) is not None}
    if all(known.get(key) == fresh.get(key) for key in changed):
        return known
    return {key: one for key, one in known.items() if key not in changed} | fresh


def _on(old: Shared, view: View) -> Mapping[str, Endpoints]:
    changed = changed_keys(view.tasks, old.view.tasks)
    for node_id in changed_keys(view.nodes, old.view.nodes):
        if _answers(view.nodes.get(node_id)) != _answers(old.view.nodes.get(node_id)):
            changed.update(view.tasks_on.get(node_id, NO_TASKS))
    on = copied(old.on)
    own: dict[str, dict[str, TaskEndpoint]] = {}
    for key in sorted(changed):  # the same order in every run: simulations are replayed
        task, was = view.tasks.get(key), _known(old, key)
        now = endpoint(task, view.nodes.get(task.node_id)) if task is not None and _has_endpoint(task) else None
        if now == was:
            continue
        for network_id in _networks(was) | _networks(now):
            if network_id not in own:
                on[network_id] = own[network_id] = copied(on.get(network_id, {}))
            if now is not None and network_id in _networks(now):
                own[network_id][key] = now
            else:
                own[network_id].pop(key, None)
    return on if own else old.on


def _known(old: Shared, task_id: str) -> TaskEndpoint | None:
    task = old.view.tasks.get(task_id)
    if task is None or not task.addresses:
        return None
    return old.on.get(task.addresses[0].network_id, {}).get(task_id)


def _networks(one: TaskEndpoint | None) -> set[str]:
    return {address.network_id for address in one.addresses} if one is not None else set()


def _has_endpoint(task: Task) -> bool:
    return bool(task.addresses) and S.ASSIGNED <= task.status.state <= S.RUNNING
