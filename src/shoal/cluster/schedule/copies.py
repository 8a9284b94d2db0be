"""Where the tasks of one service are, and where they failed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shoal.cluster.replacing import copied
from shoal.cluster.schedule.uses import Change
from shoal.model.cluster.task import TaskState

RUNNING, COMPLETE = TaskState.RUNNING, TaskState.COMPLETE
FAILURES = (TaskState.FAILED, TaskState.REJECTED)


@dataclass(frozen=True, slots=True)
class Copies:
    """live: {node id: wanted tasks there that have not ended}    failed: {node id: tasks that failed there}"""

    live: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)


NO_COPIES = Copies()


def copies_after(copies: Copies, changes: Iterable[Change]) -> Copies:
    """Where they are after these changes."""
    live = copied(copies.live)
    failed: dict[str, int] | None = None
    for before, after in changes:
        for task, step in ((before, -1), (after, 1)):
            if task is None or not task.node_id:
                continue
            state = task.status.state
            if state <= RUNNING:
                if task.desired <= COMPLETE:
                    _add(live, task.node_id, step)
            elif state in FAILURES:
                if failed is None:
                    failed = copied(copies.failed)
                _add(failed, task.node_id, step)
    return Copies(live, copies.failed if failed is None else failed)


def _add(counts: dict[str, int], node_id: str, step: int) -> None:
    number = counts.get(node_id, 0) + step
    if number:
        counts[node_id] = number
    else:
        counts.pop(node_id, None)
