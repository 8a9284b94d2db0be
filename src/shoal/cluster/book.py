"""What one decision works out and the next one need not work out again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import compress
from operator import is_not

from shoal.cluster.allocate.addresses import Held, held_after, holding
from shoal.cluster.replacing import copied
from shoal.cluster.schedule.copies import NO_COPIES, Copies, copies_after
from shoal.cluster.schedule.filters import Eligible
from shoal.cluster.schedule.uses import UNUSED, Change, NodeUse, use_after, use_of
from shoal.cluster.view import View
from shoal.model.cluster.node import Availability, Node, NodeState
from shoal.model.cluster.service import ServiceSpec, VirtualAddress
from shoal.model.cluster.task import Placement, Task, TaskState

UNSURE = -1  #: a `room` that none is: to be tried again
NO_TASKS: Mapping[str, Task] = {}

Changes = Mapping[str, Mapping[str, Change]]  #: {service id: {id of a task of it that is not the same: its change}}


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a service's slots: those with one task as it should be, and the others."""

    spec: ServiceSpec
    settled: frozenset[int]
    odd: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A value; nothing in it is true of another view than `view`, and `read` carries over what is still the same.

    A view shares what has not changed with the view before it, so "the same" is a look at identities: no list of what
    is dirty has to be kept, and none can be wrong.

    uses: {node id: what its tasks take}
    held: {network id: {address: how many services and tasks have it}}
    copies: {service id: where its tasks are}
    looks: {service id: what was seen of its slots}
    changed: what has become of tasks since then
    quiet: {service id: when to look again, 0 = never}: nothing was to be done for these
    stuck: {service id: `room` when it was tried last}: its tasks want what is not there
    room: grows whenever something may have become free
    cursors: {pool: address to be given next}
    fine_nodes: ids of nodes whose tasks may stay, and "" for tasks that have none yet
    is_anew: nothing is known from before that would still be true of all services
    """

    view: View = field(default_factory=View)
    uses: Mapping[str, NodeUse] = field(default_factory=dict)
    held: Held = field(default_factory=dict)
    copies: Mapping[str, Copies] = field(default_factory=dict)
    looks: Mapping[str, Look] = field(default_factory=dict)
    changed: Changes = field(default_factory=dict)
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
    changed = _changed_tasks(view, before)
    services = changed_keys(view.services, before.services)
    uses = _uses(view, old, changed)
    by_nodes = _affected_by_nodes(view, before)
    affected = by_nodes.union(changed, services)
    forget_all = view.networks is not before.networks or view.cluster is not before.cluster
    is_freer = nodes_differ or view.services is not before.services or forget_all or _is_freer(uses, old.uses)
    return Book(
        view=view,
        uses=uses,
        held=_held(view, old, changed, services),
        copies=_copies(view, old, changed),
        looks={key: look for key, look in old.looks.items() if key not in by_nodes} if by_nodes else old.looks,
        changed=changed,
        quiet={} if forget_all else {key: at for key, at in old.quiet.items() if key not in affected},
        stuck=_stuck(old, changed),
        room=old.room + is_freer,
        cursors=old.cursors,
        eligible={} if nodes_differ else old.eligible,
        fine_nodes=_fine(view) if nodes_differ else old.fine_nodes,
        is_anew=forget_all,
    )


def _stuck(old: Book, changed: Changes) -> Mapping[str, int]:
    """With the services whose waiting tasks somebody else has made: the leader before this one."""
    others = {
        service_id: UNSURE
        for service_id, changes in changed.items()
        if service_id not in old.stuck and any(map(_is_waiting, changes.values()))
    }
    return {**old.stuck, **others} if others else old.stuck


def _is_waiting(change: Change) -> bool:
    task = change[1]
    return task is not None and task.status.state <= TaskState.PENDING


def changed_keys(new: Mapping[str, object], old: Mapping[str, object]) -> set[str]:
    """Keys whose values are not the same object in both."""
    if new is old:
        return set()
    # Nothing of this loop runs in the interpreter: it is most of what a decision costs in a large cluster.
    changed = set(compress(new, map(is_not, new.values(), map(old.get, new))))
    return changed.union(old.keys() - new.keys()) if len(old) + len(changed) > len(new) else changed


def _uses(view: View, old: Book, changed: Changes) -> Mapping[str, NodeUse]:
    changes_on: dict[str, list[Change]] = {}
    for changes in changed.values():
        for before, after in changes.values():
            if before is not None and before.node_id:
                changes_on.setdefault(before.node_id, []).append((before, None))
            if after is not None and after.node_id:
                changes_on.setdefault(after.node_id, []).append((None, after))
    if not changes_on:
        return old.uses
    uses = copied(old.uses)
    for node_id, moves in changes_on.items():
        use = use_after(uses.get(node_id, UNUSED), moves)
        uses[node_id] = use or use_of(view.tasks_on.get(node_id, NO_TASKS).values())
    return uses


def _is_freer(uses: Mapping[str, NodeUse], old: Mapping[str, NodeUse]) -> bool:
    if uses is old:
        return False
    return any(
        use is not before and use.has_less_than(before)
        for node_id, use in uses.items()
        if node_id and (before := old.get(node_id, UNUSED))
    )


def _held(view: View, old: Book, changed: Changes, services: Iterable[str]) -> Held:
    tasks = [(holding(before), holding(after)) for changes in changed.values() for before, after in changes.values()]
    vips = [(_vips(old.view, service_id), _vips(view, service_id)) for service_id in services]
    return held_after(old.held, [*tasks, *vips])


def _vips(view: View, service_id: str) -> tuple[VirtualAddress, ...]:
    service = view.services.get(service_id)
    return service.vips if service else ()


def _copies(view: View, old: Book, changed: Changes) -> Mapping[str, Copies]:
    if not changed:
        return old.copies
    copies = copied(old.copies)
    for service_id, changes in changed.items():
        if service_id in view.tasks_of:
            copies[service_id] = copies_after(copies.get(service_id, NO_COPIES), changes.values())
        else:
            copies.pop(service_id, None)
    return copies


def _changed_tasks(view: View, before: View) -> Changes:
    """In the same order in every run."""
    found: dict[str, dict[str, Change]] = {}
    for service_id, task_id in _maybe_changed(view, before):
        change = before.tasks.get(task_id), view.tasks.get(task_id)
        if change[0] is not change[1]:
            found.setdefault(service_id, {})[task_id] = change
    return dict(sorted(found.items()))


def _maybe_changed(view: View, before: View) -> Iterable[tuple[str, str]]:
    """(service id, task id)"""
    if view.tasks is before.tasks:
        return ()
    if (touched := view.tasks_since(before.version)) is not None:
        return touched
    changed = sorted(changed_keys(view.tasks, before.tasks))
    return [((view.tasks.get(key) or before.tasks[key]).service_id, key) for key in changed]


def _fine(view: View) -> frozenset[str]:
    nodes = view.nodes.values()
    return frozenset(
        node.id for node in nodes if node.state != NodeState.DOWN and node.spec.availability != Availability.DRAIN
    ).union([""])


def _affected_by_nodes(view: View, before: View) -> set[str]:
    """Ids of services that have to be looked at again, for what their nodes have become."""
    changed = [
        node_id
        for node_id in changed_keys(view.nodes, before.nodes)
        if _matters(view.nodes.get(node_id), before.nodes.get(node_id))
    ]
    found = {task.service_id for node_id in changed for task in view.tasks_on.get(node_id, NO_TASKS).values()}
    if changed:
        found.update(service.id for service in view.services.values() if service.spec.mode.value.startswith("global"))
    return found


def _matters(new: Node | None, old: Node | None) -> bool:
    if new is None or old is None:
        return True
    return (new.state, new.spec, new.description) != (old.state, old.spec, old.description)
