"""What one node has to know: its tasks, their files, and the networks between them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from shoal.cluster.book import NO_TASKS
from shoal.cluster.shared import NOTHING, Shared, peer, shared_after
from shoal.cluster.templates import filled
from shoal.cluster.view import View
from shoal.model.cluster.assignment import (
    Assignment,
    AssignmentChange,
    OverlayState,
    Peer,
)
from shoal.model.cluster.cluster import Sealed
from shoal.model.cluster.node import Node
from shoal.model.cluster.task import Task
from shoal.model.cluster.task import TaskState as S

DEFAULT_DATA_PORT = 4789
#: parts of an overlay that are told item by item
OVERLAY_PARTS = ("peers", "networks", "services", "endpoints")


def assignment(view: View, node_id: str, shared: Shared = NOTHING) -> Assignment:
    """Everything for one node; `files` is left empty: the dispatcher unseals them. See `files_of`.

    shared: of this view, where many nodes are told of it
    """
    node = view.nodes.get(node_id)
    tasks = _tasks_of(view, node_id)
    return Assignment(
        node_id=node_id,
        tasks={key: _with_node(view, task, node) for key, task in tasks.items()},
        overlay=overlay(view, node, tasks.values(), shared) if node else None,
        managers=managers_of(view),
    )


def files_of(view: View, node_id: str) -> Mapping[str, Sealed]:
    """{id: secret or config} that tasks of this node need, still sealed: those of tasks that have not ended."""
    found: dict[str, Sealed] = {}
    for task in _tasks_of(view, node_id).values():
        if task.status.state > S.RUNNING:
            continue
        for reference in task.spec.files:
            kept: Mapping[str, Sealed] = view.secrets if reference.kind == "secrets" else view.configs
            if reference.id in kept:
                found[reference.id] = kept[reference.id]
    return found


def managers_of(view: View) -> tuple[str, ...]:
    """ "host:2377" of every manager."""
    return tuple(sorted(node.manager.address for node in view.nodes.values() if node.manager and node.manager.address))


def overlay(view: View, node: Node, tasks: Iterable[Task], shared: Shared = NOTHING) -> OverlayState:
    """All that this node's overlay has to be. tasks: those on it"""
    # Containers of no service may be attached anywhere at any time: those networks are on every node.
    wanted = {network.id for network in view.networks.values() if network.spec.ingress or network.spec.attachable}
    for task in tasks:
        if task.status.state <= S.RUNNING:
            wanted.update(address.network_id for address in task.addresses)
    networks = {key: network for key, network in view.networks.items() if key in wanted}
    shared = shared_after(shared, view)
    services, endpoints = shared.of(networks)
    return OverlayState(
        own=peer(node),
        data_port=view.cluster.data_port if view.cluster else DEFAULT_DATA_PORT,
        peers={key: other for key, other in shared.peers.items() if key != node.id},
        networks=networks,
        services=services,
        endpoints=endpoints,
    )


def _tasks_of(view: View, node_id: str) -> Mapping[str, Task]:
    tasks = view.tasks_on.get(node_id, NO_TASKS) if node_id else NO_TASKS
    return {key: task for key, task in tasks.items() if task.status.state >= S.ASSIGNED and not task.is_attachment}


def _with_node(view: View, task: Task, node: Node | None) -> Task:
    """The task with its templates filled in, which only its node makes possible."""
    container = filled(task, node)
    if container is task.spec.container:
        return task
    return replace(task, spec=replace(task.spec, container=container))


def difference(old: Assignment | None, new: Assignment) -> AssignmentChange | None:
    """What to tell a node that knows `old` (None = nothing: the full set); None when nothing is different."""
    if old is None or (old.overlay is None) != (new.overlay is None):
        return _full(new)
    gone: dict[str, tuple[str, ...]] = {}
    changed: dict[str, Any] = {}
    for part, before, after in _parts(old, new):
        if before is after:
            continue
        fresh = {key: value for key, value in after.items() if _differs(before.get(key), value)}
        left = tuple(key for key in before if key not in after)
        if fresh:
            changed[part] = fresh
        if left:
            gone[part] = left
    if old.managers != new.managers:
        changed["managers"] = new.managers
    if old.overlay and new.overlay and (_head(old.overlay) != _head(new.overlay)):
        changed["own"] = new.overlay.own
    if not changed and not gone:
        return None
    data_port = new.overlay.data_port if new.overlay else DEFAULT_DATA_PORT
    return AssignmentChange(**changed, data_port=data_port, gone=gone)


def _differs(before: object, after: object) -> bool:
    return before is not after and before != after


def merged(old: Assignment, change: AssignmentChange) -> Assignment:
    """What a node knows after it was told."""
    base = Assignment(node_id=old.node_id) if change.is_full else old
    before = base.overlay
    state: OverlayState | None = before
    if change.own is not None or before is not None:
        own = change.own or (before.own if before else None)
        if own is not None:
            state = OverlayState(
                own=own,
                data_port=change.data_port,
                **{part: _merged(getattr(before, part, {}), change, part) for part in OVERLAY_PARTS},
            )
    return Assignment(
        node_id=base.node_id,
        tasks=_merged(base.tasks, change, "tasks"),
        files=_merged(base.files, change, "files"),
        overlay=state,
        managers=base.managers if change.managers is None else change.managers,
    )


def _merged(before: Mapping[str, Any], change: AssignmentChange, part: str) -> Mapping[str, Any]:
    gone, fresh = change.gone.get(part, ()), getattr(change, part)
    if not gone and not fresh:
        return before
    return {key: value for key, value in before.items() if key not in set(gone)} | dict(fresh)


def _head(state: OverlayState) -> tuple[Peer, int]:
    return state.own, state.data_port


def _full(new: Assignment) -> AssignmentChange:
    state = new.overlay
    parts = {part: getattr(state, part) for part in OVERLAY_PARTS} if state else {}
    return AssignmentChange(
        is_full=True,
        tasks=new.tasks,
        files=new.files,
        own=state.own if state else None,
        data_port=state.data_port if state else DEFAULT_DATA_PORT,
        managers=new.managers,
        **parts,
    )


def _parts(old: Assignment, new: Assignment) -> Iterable[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    yield "tasks", old.tasks, new.tasks
    yield "files", old.files, new.files
    if old.overlay is not None and new.overlay is not None:
        for part in OVERLAY_PARTS:
            yield part, getattr(old.overlay, part), getattr(new.overlay, part)
