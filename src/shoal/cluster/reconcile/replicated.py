"""Replicated services: as many slots as replicas, each with one task."""

from collections import Counter

from shoal.cluster import update
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
        slots, settled = turn.slots(), set()
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
        turn.changed_slots.update(slots)


def _odd_slots(turn: Turn) -> tuple[Slots, set[SlotKey]]:
    """(slots that need a look, the others: each has one task, as it should be). One pass: most slots need none."""
    if turn.is_anew or update.is_under_way(turn) or turn.service.rebalance_at:
        return turn.slots(), set()
    tasks = turn.draft.tasks_of(turn.service.id).values()
    fine, version = turn.draft.fine_nodes, turn.service.spec_version
    settled: set[SlotKey] = set()
    odd: set[SlotKey] = set()
    over: set[SlotKey] = set()
    for task in tasks:
        desired, slot = task.desired, task.slot
        if task.status.state > RUNNING and desired > COMPLETE:
            if desired == REMOVE:
                turn.note_changed(slot)
            else:
                over.add(slot)
        elif (
            desired != RUNNING
            or task.status.state > RUNNING
            or slot in settled
            or task.node_id not in fine
            or not (task.spec_version == version or turn.is_clean(task))
        ):
            odd.add(slot)
        else:
            settled.add(slot)
    odd |= over - settled
    slots: Slots = {}
    if odd:
        for task in tasks:
            if task.slot in odd and task.desired != REMOVE:
                slots.setdefault(task.slot, []).append(task)
        for members in slots.values():
            members.sort(key=age)
    return slots, settled - odd


def _fill(turn: Turn, slots: Slots, filled: set[SlotKey], replicas: int) -> None:
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
