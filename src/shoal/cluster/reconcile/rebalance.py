"""Evening out on request: as few tasks as possible move, each one elsewhere first."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from shoal.cluster.reconcile.heal import REBALANCE as CAUSE
from shoal.cluster.reconcile.turn import SlotKey, Turn
from shoal.cluster.schedule.constraints import label_of
from shoal.cluster.schedule.filters import dynamic_refusal, eligible
from shoal.cluster.schedule.uses import UNUSED
from shoal.cluster.task import is_live
from shoal.model.cluster.node import Node
from shoal.model.cluster.task import Task
from shoal.model.cluster.task import TaskState as S

Counts = Mapping[str, int]  #: {node id: tasks}


def step(turn: Turn, slots: Mapping[SlotKey, list[Task]]) -> None:
    """The next move, or the end of it. A slot moves once at most; what fits nowhere better stays."""
    service = turn.service
    if not service.rebalance_at or turn.hold:
        return
    moved = {key: task for key, tasks in slots.items() for task in tasks if _is_move(turn, task)}
    if any(is_live(task) and task.status.state < S.RUNNING and not task.status.error for task in moved.values()):
        return
    single = {key: live[0] for key, tasks in slots.items() if len(live := [t for t in tasks if is_live(t)]) == 1}
    node_id = _fullest(turn, single)
    movable = [
        key
        for key, task in single.items()
        if key not in moved and task.node_id == node_id and task.status.state == S.RUNNING
    ]
    if not movable or any(task.status.error for task in moved.values()):
        stuck = [task for task in moved.values() if task.status.state < S.ASSIGNED]
        turn.stop_some(stuck, stuck, CAUSE)
        turn.service = turn.draft.put_service(replace(service, rebalance_at=0), "rebalanced")
        return
    key = max(movable)
    turn.create(key, CAUSE, before=slots[key])


def next_source(
    counts: Counts, nodes: Mapping[str, Node], paths: Sequence[str], has_room: Callable[[str], bool]
) -> str:
    """The node that one task should leave, "" = tasks are spread as evenly as can be.

    nodes: that may have tasks    paths: of the spread preferences, outermost first
    """
    return _source(list(nodes), counts, nodes, paths, has_room)


def _source(
    ids: Sequence[str],
    counts: Counts,
    nodes: Mapping[str, Node],
    paths: Sequence[str],
    has_room: Callable[[str], bool],
) -> str:
    groups: dict[str, list[str]] = {}
    for node_id in ids:
        name = label_of(nodes[node_id], paths[0]) if paths else node_id
        groups.setdefault(name, []).append(node_id)
    sums = {name: sum(counts.get(node_id, 0) for node_id in members) for name, members in groups.items()}
    open_groups = [name for name, members in groups.items() if any(map(has_room, members))]
    if open_groups:
        fullest, least = max(sums, key=lambda name: sums[name]), min(sums[name] for name in open_groups)
        if sums[fullest] - least > 1:
            return max(groups[fullest], key=lambda node_id: counts.get(node_id, 0))
    if not paths:
        return ""
    inner = (_source(members, counts, nodes, paths[1:], has_room) for members in groups.values())
    return next(filter(None, inner), "")


def _fullest(turn: Turn, tasks: Mapping[SlotKey, Task]) -> str:
    if not tasks:
        return ""
    like = next(iter(tasks.values()))
    placement = turn.service.spec.task.placement
    nodes = eligible(placement, turn.draft.view.nodes).nodes
    counts = Counter(_nodes_of(tasks.values()))

    def has_room(node_id: str) -> bool:
        use = turn.draft.uses.get(node_id, UNUSED)
        return dynamic_refusal(nodes[node_id], use, like, counts[node_id]) is None

    return next_source(counts, nodes, placement.spread, has_room)


def _nodes_of(tasks: Iterable[Task]) -> Iterable[str]:
    return (task.node_id for task in tasks)


def _is_move(turn: Turn, task: Task) -> bool:
    return task.cause == CAUSE and task.created_at >= turn.service.rebalance_at
