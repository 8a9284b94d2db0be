"""Tasks that are over: how many are kept, and which are forgotten."""

from collections.abc import Collection, Mapping

from shoal.cluster.draft import Draft
from shoal.cluster.reconcile.turn import SlotKey, remove, slot_key
from shoal.cluster.task import has_ended
from shoal.model.cluster.cluster import ClusterSpec
from shoal.model.cluster.task import Task, TaskState

REMOVE = TaskState.REMOVE
DEFAULT = ClusterSpec().task_history


def forget(draft: Draft, service_id: str, only: Collection[SlotKey] | None = None) -> None:
    """Removes what was to be removed and has ended, and of each slot what is older than the history is long.

    only: numbers of slots that may have become longer; None = all
    """
    cluster = draft.view.cluster
    limit = cluster.spec.task_history if cluster else DEFAULT
    slots: dict[SlotKey, list[Task]] = {}
    tasks = list(draft.tasks_of(service_id).values())
    for task in tasks if only is None else [task for task in tasks if task.slot in only]:
        if task.desired == REMOVE:
            remove(draft, task, "removed")
        else:
            slots.setdefault(slot_key(task), []).append(task)
    if limit >= 0:
        _shorten(draft, slots, limit)


def forget_service(draft: Draft, service_id: str) -> None:
    """The tasks of a service that is no more."""
    for task in list(draft.tasks_of(service_id).values()):
        remove(draft, task, "service removed")


def _shorten(draft: Draft, slots: Mapping[SlotKey, list[Task]], limit: int) -> None:
    for tasks in slots.values():
        # As many as the restart policy has to count are kept.
        most = max(limit, *(_counted(task) for task in tasks)) if len(tasks) > 1 else max(limit, 1)
        if len(tasks) <= most and limit:
            continue
        tasks.sort(key=lambda task: (task.created_at, task.id))
        newest = tasks[-1]
        over = [task for task in tasks if has_ended(task) and task is not newest]
        for task in over[: max(0, len(tasks) - most)]:
            draft.delete_task(task, "history")


def _counted(task: Task) -> int:
    return task.spec.restart.max_attempts + 1 if task.spec.restart.max_attempts else 0
