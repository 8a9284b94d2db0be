"""Containers outside services that are attached to overlay networks: tasks without a service, on a node from the start.

They only get addresses. Their node's manager writes them, and wishes them removed when the container goes.
"""

from dataclasses import replace

from shoal.cluster.allocate.allocate import Allocation
from shoal.cluster.draft import Draft
from shoal.cluster.reconcile.turn import remove
from shoal.cluster.schedule.place import ASSIGNED_MESSAGE
from shoal.model.cluster.task import TaskState as S
from shoal.model.cluster.task import TaskStatus

ATTACHED = ""  #: the service id of such tasks


def reconcile(draft: Draft) -> None:
    """Those that are not wanted any more, or whose node is gone, are forgotten."""
    for task in list(draft.tasks_of(ATTACHED).values()):
        if task.desired > S.COMPLETE or task.node_id not in draft.view.nodes:
            remove(draft, task, "detached")


def allocate(draft: Draft, allocation: Allocation) -> None:
    """Addresses for the new ones; then their node has them."""
    for task in list(draft.tasks_of(ATTACHED).values()):
        if task.status.state != S.NEW or not allocation.task(task):
            continue
        status = TaskStatus(state=S.ASSIGNED, at=draft.now, message=ASSIGNED_MESSAGE)
        draft.put_task(replace(draft.tasks_of(ATTACHED)[task.id], status=status), "attached")
