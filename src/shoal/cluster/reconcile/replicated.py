"""Replicated services: as many slots as replicas, each with one task."""

from collections import Counter

from shoal.cluster import update
from shoal.cluster.reconcile import rebalance
from shoal.cluster.reconcile.heal import heal, is_filled
from shoal.cluster.reconcile.turn import SlotKey, Turn
from shoal.cluster.task import is_wanted
from shoal.model.cluster.task import Task
from shoal.model.cluster.task import TaskState as S

Slots = dict[SlotKey, list[Task]]


def reconcile(turn: Turn) -> None:
    """Tasks ended, made and replaced until the service is as it is wanted."""
    slots = {key: heal(turn, key, tasks) for key, tasks in turn.slots().items()}
    filled = {key: tasks for key, tasks in slots.items() if tasks and is_filled(turn, tasks)}
    replicas = turn.service.spec.replicas
    for key in _surplus(filled, len(filled) - replicas):
        turn.remove(filled.pop(key), "scale down")
        slots.pop(key)
    if update.step(turn, filled):
        return
    rebalance.step(turn, filled)
    _fill(turn, slots, filled, replicas)


def _fill(turn: Turn, slots: Slots, filled: Slots, replicas: int) -> None:
    missing = replicas - len(filled)
    cause, key = "scale up" if slots else "create", 0
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
