"""Whether an ended task gets another one in its slot, and when."""

from collections.abc import Sequence

from shoal.cluster.task import OWN_ENDS
from shoal.model.cluster.task import RestartCondition, Task, TaskState

FIRST_DELAY_S = 0.1
LAST_DELAY_S = 60.0
QUICK_END_S = 10.0  #: a task that ends sooner after its start makes the next one wait longer
_NS = 1_000_000_000


def wants_restart(task: Task, slot: Sequence[Task], now: int) -> bool:
    """Whether the policy of an ended task asks for another one. slot: all tasks of its slot"""
    policy = task.spec.restart
    if policy.condition == RestartCondition.NONE:
        return False
    if policy.condition == RestartCondition.ON_FAILURE and task.status.state == TaskState.COMPLETE:
        return False
    if not policy.max_attempts:
        return True
    return restarts(task, slot, now) < policy.max_attempts


def restarts(task: Task, slot: Sequence[Task], now: int) -> int:
    """How often this slot was restarted for the task's spec, within the policy's window."""
    policy = task.spec.restart
    same = [
        t.created_at
        for t in slot
        if t.spec_version == task.spec_version and t.iteration == task.iteration and t.status.state in OWN_ENDS
    ]
    since = now - int(policy.window_s * _NS) if policy.window_s else -1
    return sum(at > since for at in sorted(same)[1:])


def delay_s(task: Task) -> float:
    """Seconds until the task that follows this one may start."""
    policy = task.spec.restart
    if policy.delay_s is not None:
        return policy.delay_s
    started_at = task.running_at or max(task.created_at, task.start_after)
    waited_s = max(0, task.start_after - task.created_at) / _NS
    if not waited_s or task.status.at - started_at >= QUICK_END_S * _NS:
        return FIRST_DELAY_S
    return min(2 * waited_s, LAST_DELAY_S)
