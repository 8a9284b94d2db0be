"""What one decision works out and the next one need not work out again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shoal.cluster.allocate.addresses import Held, held_after, held_by
from shoal.cluster.schedule.filters import Eligible
from shoal.cluster.schedule.uses import UNUSED, NodeUse, use_of
from shoal.cluster.view import View
from shoal.model.cluster.node import Availability, Node, NodeState
from shoal.model.cluster.task import Placement, Task

NO_TASKS: Mapping[str, Task] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A value; nothing in it is true of another view than `view`, and `read` carries over what is still the same.

    A view shares what has not changed with the view before it, so "the same" is a look at identities: no list of what
    is dirty has to be kept, and none can be wrong.

    uses: {node id: what its tasks take}
    held: {service id: addresses that it and its tasks have}
    quiet: {service id: when to look again, 0 = never}: nothing was to be done for these
    stuck: {service id: `room` when it was tried last}: its tasks want what is not there
    room: grows whenever something may have become free
    cursors: {pool: address to be given next}
    fine_nodes: ids of nodes whose tasks may stay, and "" for tasks that have none yet
    is_anew: nothing is known from before that would still be true of all services
    """

    view: View = field(default_factory=View)
    uses: Mapping[str, NodeUse] = field(default_factory=dict)
    held: Mapping[str, Held] = field(default_factory=dict)
    quiet: Mapping[str, int] = field(default_factory=dict)
    stuck: Mapping[str, int] = field(default_factory=dict)
    room: int = 0
    cursors: Mapping[str, int] = field(default_factory=dict)
    eligible: Mapping[Placement, Eligible] = field(default_factory=dict)
    fine_nodes: frozenset[str] = frozenset([""])
    is_anew: bool = True


EMPTY = Book()


def read(view: View, old: Book) -> Book:
    """The book for this view."""
    before = old.view
    nodes_differ = view.nodes is not before.nodes
    uses = _uses(view, old)
    affected = _affected(view, before)
    forget_all = view.networks is not before.networks or view.cluster is not before.cluster
    is_freer = nodes_differ or view.services is not before.services or forget_all or _is_freer(uses, old.uses)
    return Book(
        view=view,
        uses=uses,
        held=_held(view, old),
        quiet={} if forget_all else {key: at for key, at in old.quiet.items() if key not in affected},
        stuck=old.stuck,
        room=old.room + is_freer,
        cursors=old.cursors,
        eligible={} if nodes_differ else old.eligible,
        fine_nodes=_fine(view) if nodes_differ else old.fine_nodes,
        is_anew=forget_all,
    )


def changed_keys(new: Mapping[str, object], old: Mapping[str, object]) -> set[str]:
    """Keys whose values are not the same object in both."""
    if new is old:
        return set()
    changed = {key for key, value in new.items() if old.get(key) is not value}
    return changed.union(old.keys() - new.keys()) if len(old) + len(changed) > len(new) else changed


def _uses(view: View, old: Book) -> Mapping[str, NodeUse]:
    changed = changed_keys(view.tasks_on, old.view.tasks_on)
    if not changed:
        return old.uses
    uses = dict(old.uses)
    for node_id in changed:
        uses[node_id] = use_of(view.tasks_on.get(node_id, NO_TASKS).values())
    return uses


def _is_freer(uses: Mapping[str, NodeUse], old: Mapping[str, NodeUse]) -> bool:
    if uses is old:
        return False
    return any(
        use is not before and use.has_less_than(before)
        for node_id, use in uses.items()
        if node_id and (before := old.get(node_id, UNUSED))
    )


def _held(view: View, old: Book) -> Mapping[str, Held]:
    services = changed_keys(view.services, old.view.services)
    changed = changed_keys(view.tasks_of, old.view.tasks_of) - services
    if not changed and not services:
        return old.held
    held = dict(old.held)
    for service_id in changed:
        tasks, before = view.tasks_of.get(service_id, NO_TASKS), old.view.tasks_of.get(service_id, NO_TASKS)
        held[service_id] = held_after(held.get(service_id, {}), before, tasks, changed_keys(tasks, before))
    for service_id in services:
        service, tasks = view.services.get(service_id), view.tasks_of.get(service_id, NO_TASKS)
        held[service_id] = held_by(service, tasks.values())
    return {key: addresses for key, addresses in held.items() if addresses}


def _fine(view: View) -> frozenset[str]:
    nodes = view.nodes.values()
    return frozenset(
        node.id for node in nodes if node.state != NodeState.DOWN and node.spec.availability != Availability.DRAIN
    ).union([""])


def _affected(view: View, before: View) -> set[str]:
    """Ids of services that have to be looked at again."""
    found = changed_keys(view.tasks_of, before.tasks_of) | changed_keys(view.services, before.services)
    changed = [
        node_id
        for node_id in changed_keys(view.nodes, before.nodes)
        if _matters(view.nodes.get(node_id), before.nodes.get(node_id))
    ]
    for node_id in changed:
        found.update(task.service_id for task in view.tasks_on.get(node_id, NO_TASKS).values())
    if changed:
        found.update(service.id for service in view.services.values() if service.spec.mode.value.startswith("global"))
    return found


def _matters(new: Node | None, old: Node | None) -> bool:
    if new is None or old is None:
        return True
    return (new.state, new.spec, new.description) != (old.state, old.spec, old.description)
