"""Global services: one task on every node that the placement allows."""

from shoal.cluster import update
from shoal.cluster.reconcile.heal import heal, is_filled
from shoal.cluster.reconcile.turn import Turn
from shoal.cluster.schedule.filters import unsuited
from shoal.cluster.task import is_wanted
from shoal.model.cluster.node import Availability, Node, NodeState
from shoal.model.cluster.task import Task


def reconcile(turn: Turn) -> None:
    """A slot is a node: emptied where no task may be, filled where one is missing; a node that is down is let be."""
    slots = turn.slots()
    filled: dict[int | str, list[Task]] = {}
    for key, tasks in slots.items():
        cause = _must_be_empty(turn, str(key))
        if cause:
            for task in tasks:
                if is_wanted(task):
                    turn.stop(task, cause)
            if cause == REMOVED:
                heal(turn, key, [task for task in turn.slots().get(key, [])])
            continue
        if turn.is_down(str(key)):
            continue  # nothing replaces its task elsewhere: who comes back goes on with it
        healed = heal(turn, key, tasks)
        if healed and is_filled(turn, healed):
            filled[key] = healed
    if update.step(turn, filled):
        return
    for node in turn.draft.view.nodes.values():
        if node.id not in filled and takes_new(turn, node):
            turn.create(node.id, "node joined" if slots else "create", before=turn.slots().get(node.id, ()))


REMOVED = "node removed"


def takes_new(turn: Turn, node: Node) -> bool:
    """Whether a node without a task of the service is to get one."""
    return (
        node.state == NodeState.READY
        and node.spec.availability == Availability.ACTIVE
        and unsuited(turn.service.spec.task.placement, node) is None
    )


def _must_be_empty(turn: Turn, node_id: str) -> str:
    """Why there must be no task on a node; "" = there may."""
    node = turn.draft.view.nodes.get(node_id)
    if node is None:
        return REMOVED
    if node.spec.availability == Availability.DRAIN:
        return "node drained"
    if unsuited(turn.service.spec.task.placement, node) is not None:
        return "placement"
    return ""
