"""Replicated services: as many slots as replicas, each with one task."""

from collections import Counter

from shoal.cluster import update
from shoal.cluster.book import Look
from shoal.cluster.reconcile import rebalance
from shoal.cluster.reconcile.heal import heal, is_filled
from shoal.cluster.reconcile.turn import SlotKey, Turn, age
from shoal.cluster.task import is_wanted
from shoal.model.cluster.task import Task
from shoal.model.cluster.task import TaskState as S

RUNNING, COMPLETE, REMOVE = S.RUNNING, S.COMPLETE, S.REMOVE
Slots = dict[SlotKey, list[Task]]


def reconcile(turn: Turn) -> None:
    """Tasks ended, made and replaced until the service is as it is wanted."""
    slots, settled = _odd_slots(turn)
    replicas = turn.service.spec.replicas
    if len(slots) + len(settled) > replicas:
        slots, settled = _all_slots(turn), frozenset()
    turn.look = Look(turn.service.spec, settled, turn.removing.union(map(int, slots)))
    slots = {key: heal(turn, key, tasks) for key, tasks in slots.items()}
    filled = {key: tasks for key, tasks in slots.items() if tasks and is_filled(turn, tasks)}
    for key in _surplus(filled, len(filled) + len(settled) - replicas):
        turn.remove(filled.pop(key), "scale down")
        slots.pop(key)
    if update.step(turn, filled):
        return
    rebalance.step(turn, filled)
    _fill(turn, slots, settled.union(filled), replicas)
    if turn.changed_slots is not None:
        turn.changed_slots.update(slots, turn.removing)


def _odd_slots(turn: Turn) -> tuple[Slots, frozenset[int]]:
    """(slots that need a look, the others: each has one task, as it should be).

    Where the slots were looked at before only those of tasks that have changed since, or that were odd, are again.
    """
    service = turn.service
    if turn.is_anew or update.is_under_way(turn) or service.rebalance_at:
        return _all_slots(turn), frozenset()
    tasks = turn.draft.tasks_of(service.id)
    look = turn.look
    if look is None or look.spec is not service.spec:
        slots, known = _by_slot(turn, list(tasks.values())), frozenset[int]()
    else:
        candidates = look.odd.union([task.slot for change in turn.changed if (task := change[1] or change[0])])
        known = look.settled - candidates
        slots = _by_slot(turn, [task for task in tasks.values() if task.slot in candidates])
    settled = {key for key, members in slots.items() if _is_settled(turn, members)}
    odd: Slots = {key: members for key, members in slots.items() if key not in settled}
    return odd, known.union(settled)


def _all_slots(turn: Turn) -> Slots:
    turn.changed_slots = None
    tasks = turn.draft.tasks_of(turn.service.id).values()
    turn.removing = frozenset(task.slot for task in tasks if task.desired == REMOVE)
    return turn.slots()


def _by_slot(turn: Turn, tasks: list[Task]) -> dict[int, list[Task]]:
    slots: dict[int, list[Task]] = {}
    turn.removing = frozenset(task.slot for task in tasks if task.desired == REMOVE)
    for task in tasks:
        if task.desired != REMOVE:
            slots.setdefault(task.slot, []).append(task)
    for members in slots.values():
        if len(members) > 1:
            members.sort(key=age)
    return slots


def _is_settled(turn: Turn, tasks: list[Task]) -> bool:
    """Whether one task is as it should be, and the others are over."""
    fine = turn.draft.fine_nodes
    count = 0
    for task in tasks:
        if task.desired <= COMPLETE:
            is_right = task.desired == RUNNING and task.node_id in fine and task.status.state <= RUNNING
            if not is_right or not turn.is_clean(task):
                return False
            count += 1
        elif task.status.state <= RUNNING:
            return False
    return count == 1


def _fill(turn: Turn, slots: Slots, filled: frozenset[SlotKey], replicas: int) -> None:
    missing = replicas - len(filled)
    cause, key = "scale up" if slots or filled else "create", 0
    while missing > 0:
        key += 1
        if key not in filled:
            turn.create(key, cause, before=slots.get(key, ()))
            missing -= 1


def _surplus(filled: Slots, count: int) -> list[SlotKey]:
    """The slots to give up: first those that do not run, then those on the nodes with the most tasks."""
    if count <= 0:
        return []
    shown = {key: _shown(tasks) for key, tasks in filled.items()}
    load = Counter(task.node_id for task in shown.values() if task.status.state == S.RUNNING)
    chosen: list[SlotKey] = []
    left = sorted(filled, key=lambda key: (shown[key].status.state == S.RUNNING, -int(key)))
    waiting = [key for key in left if shown[key].status.state != S.RUNNING]
    chosen.extend(waiting[:count])
    running = [key for key in left if shown[key].status.state == S.RUNNING]
    while len(chosen) < count:
        fullest = max(running, key=lambda key: (load[shown[key].node_id], int(key)))
        running.remove(fullest)
        load[shown[fullest].node_id] -= 1
        chosen.append(fullest)
    return chosen


def _shown(tasks: list[Task]) -> Task:
    """The task that stands for a slot: one that runs, else the newest."""
    wanted = [task for task in tasks if is_wanted(task)] or tasks
    return max(wanted, key=lambda task: (task.status.state == S.RUNNING, task.created_at))
