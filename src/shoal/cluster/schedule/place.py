"""Tasks of one service that want a node get one, or the reason why not."""

from collections import Counter
from collections.abc import Mapping, Sequence

from shoal.cluster.draft import Draft
from shoal.cluster.replacing import copied, replace
from shoal.cluster.schedule.copies import FAILURES as FAILURE_STATES
from shoal.cluster.schedule.explain import PENDING_MESSAGE, explain
from shoal.cluster.schedule.filters import dynamic_refusal, static_refusal
from shoal.cluster.schedule.floor import Floor
from shoal.cluster.schedule.spread import Spread
from shoal.model.cluster.task import Task, TaskStatus
from shoal.model.cluster.task import TaskState as S

MANY = 20  #: from so many like tasks on it is quicker to look at all nodes first
FAILURES = 5  #: so many of a service's tasks failed on a node within this time: it is the last choice
FAILURES_WITHIN_NS = 300 * 1_000_000_000
ASSIGNED_MESSAGE = "scheduler assigned task to node"


def place(draft: Draft, service_id: str, tasks: Sequence[Task], floor: Floor) -> bool:
    """Whether every one of these tasks of a service has a node now; those without addresses have to wait."""
    waiting = [task for task in tasks if task.status.state == S.PENDING]
    if not waiting:
        return True
    waiting.sort(key=lambda task: (task.created_at, task.slot, task.id))
    bound = [task for task in waiting if task.node_id]
    free = [task for task in waiting if not task.node_id]
    are_bound = [_place_bound(draft, task, floor) for task in bound]
    return all(are_bound) and _place_free(draft, service_id, free, floor)


def _place_free(draft: Draft, service_id: str, tasks: Sequence[Task], floor: Floor) -> bool:
    if not tasks:
        return True
    copies = draft.copies(service_id)
    counts, avoided = copied(copies.live), _avoided(draft, service_id, copies.failed)
    groups: dict[object, list[Task]] = {}
    for task in tasks:
        groups.setdefault((id(task.spec), task.host_ports), []).append(task)
    return all([_place_group(draft, group, floor, counts, avoided) for group in groups.values()])


def _avoided(draft: Draft, service_id: str, failed: Mapping[str, int]) -> set[str]:
    """Nodes where the service's tasks keep failing."""
    suspects = {node_id for node_id, number in failed.items() if number >= FAILURES}
    if not suspects:
        return suspects
    recent = Counter(
        task.node_id
        for task in draft.tasks_of(service_id).values()
        if task.status.state in FAILURE_STATES and task.status.at > draft.now - FAILURES_WITHIN_NS
    )
    return {node_id for node_id in suspects if recent[node_id] >= FAILURES}


def _place_group(draft: Draft, tasks: list[Task], floor: Floor, counts: dict[str, int], avoided: set[str]) -> bool:
    placement = tasks[0].spec.placement
    left = list(reversed(tasks))
    if len(left) < MANY:
        while left and (node_id := _untouched(left[-1], floor, counts, avoided)):
            _assign(draft, left.pop(), node_id, floor)
            counts[node_id] = counts.get(node_id, 0) + 1
    if not left:
        return True
    spread = Spread(floor, floor.eligible(placement), placement.spread, counts, avoided)
    while left and (node_id := spread.take(left[-1])):
        _assign(draft, left.pop(), node_id, floor)
        counts[node_id] = counts.get(node_id, 0) + 1
    if not left:
        return True
    reason = _explained(left[-1], floor, counts)
    for task in left:
        _wait(draft, task, reason)
    return False


def _untouched(task: Task, floor: Floor, counts: dict[str, int], avoided: set[str]) -> str:
    """The emptiest node without any task of the service, "" = there is none: the quick way for most tasks."""
    nodes = floor.least_branch(task.spec.placement, counts)
    if len(counts) >= len(nodes) and all(map(counts.get, nodes)):
        return ""
    for node_id in floor.emptiest_first():
        node = nodes.get(node_id)
        if node and not counts.get(node_id) and node_id not in avoided and floor.fits(node, task, 0):
            return node_id
    return ""


def _place_bound(draft: Draft, task: Task, floor: Floor) -> bool:
    """A task of a global service: its node, or nothing."""
    node = floor.nodes.get(task.node_id)
    if node is None:
        return False
    refusal = static_refusal(task.spec.placement, node) or dynamic_refusal(node, floor.use(node.id), task, 0)
    if refusal is None:
        _assign(draft, task, node.id, floor)
        return True
    _wait(draft, task, explain([refusal]))
    return False


def _explained(task: Task, floor: Floor, counts: dict[str, int]) -> str:
    allowed = floor.eligible(task.spec.placement)
    refusals = [
        dynamic_refusal(node, floor.use(node_id), task, counts.get(node_id, 0))
        if node_id in allowed
        else static_refusal(task.spec.placement, node)
        for node_id, node in floor.nodes.items()
    ]
    return explain(refusal for refusal in refusals if refusal)


def _assign(draft: Draft, task: Task, node_id: str, floor: Floor) -> None:
    floor.put(node_id, task)
    status = TaskStatus(state=S.ASSIGNED, at=draft.now, message=ASSIGNED_MESSAGE)
    draft.put_task(replace(task, node_id=node_id, status=status, updated_at=draft.now), "assigned")


def _wait(draft: Draft, task: Task, reason: str) -> None:
    draft.waiting[task.id] = reason
    if task.status.error != reason:
        status = replace(task.status, message=PENDING_MESSAGE, error=reason)
        draft.put_task(replace(task, status=status), "no suitable node")
