"""Containers outside services that are attached to overlay networks: tasks without a service, on a node from the start.

They only get addresses, and are where they are at once: no node is told to make them. Which there are says their node;
see `swarm.manager.attached`.
"""

from dataclasses import replace

from shoal.cluster.allocate.allocate import Allocation
from shoal.cluster.draft import Draft
from shoal.cluster.reconcile.turn import remove
from shoal.cluster.task import has_ended
from shoal.model.cluster.task import TaskState as S
from shoal.model.cluster.task import TaskStatus

ATTACHED = ""  #: the service id of such tasks


def reconcile(draft: Draft) -> None:
    """Those that are not wanted any more, or whose node is gone, are forgotten."""
    for task in list(draft.tasks_of(ATTACHED).values()):
        is_over = task.is_attachment and has_ended(task)
        if is_over or task.desired > S.COMPLETE or task.node_id not in draft.view.nodes:
            remove(draft, task, "detached")


def allocate(draft: Draft, allocation: Allocation) -> None:
    """Addresses for the new ones; from then on every node knows where they are."""
    for task in list(draft.tasks_of(ATTACHED).values()):
        if task.status.state != S.NEW or not allocation.task(task):
            continue
        status = TaskStatus(state=S.RUNNING, at=draft.now, message="attached", container_id=task.status.container_id)
        draft.put_task(replace(draft.tasks_of(ATTACHED)[task.id], status=status), "attached")
