"""One slot made right: ended and lost tasks replaced, nodes emptied, waiting tasks let go, doubles ended."""

from dataclasses import replace

from shoal.cluster import restart
from shoal.cluster.reconcile.turn import SlotKey, Turn
from shoal.cluster.task import NODE_REMOVED, OWN_ENDS, has_ended, is_wanted, orphaned
from shoal.model.cluster.task import RestartCondition, Task
from shoal.model.cluster.task import TaskState as S

REBALANCE = "rebalance"  #: the cause of tasks that only even out
_NS = 1_000_000_000


def heal(turn: Turn, key: SlotKey, tasks: list[Task]) -> list[Task]:
    """The slot's tasks as they will be, oldest first."""
    tasks = _replace_ended(turn, key, tasks)
    if isinstance(key, int):
        tasks = _leave_draining_node(turn, key, tasks)
    tasks = _end_doubles(turn, tasks)
    return let_go(turn, tasks)


def is_filled(turn: Turn, tasks: list[Task]) -> bool:
    """Whether a slot has what it needs: a task that is wanted, or one that ended and must not be started again."""
    if any(is_wanted(task) for task in tasks):
        return True
    newest = tasks[-1]
    if not has_ended(newest) and not turn.is_lost(newest):
        return newest.spec.restart.condition == RestartCondition.NONE
    if newest.status.state in OWN_ENDS:
        return not restart.wants_restart(newest, tasks, turn.draft.now)
    return newest.spec.restart.condition == RestartCondition.NONE


def _replace_ended(turn: Turn, key: SlotKey, tasks: list[Task]) -> list[Task]:
    over = [task for task in tasks if is_wanted(task) and (has_ended(task) or turn.is_lost(task))]
    if not over or waits_out(turn, over[-1]):
        return orphans(turn, tasks)
    newest = over[-1]
    alive = [task for task in tasks if is_wanted(task) and task not in over]
    ended = [task for task in over if has_ended(task)]
    lost = [task for task in over if not has_ended(task)]
    left = turn.stop_some(turn.stop_some(tasks, ended, "ended"), lost, "node down")
    left = orphans(turn, left)
    if not _needs_another(turn, newest, tasks, alive):
        return left
    if not has_ended(newest):
        return [*left, turn.create(key, "node down", before=left, like=_kept_spec(turn, newest))]
    like = _kept_spec(turn, newest)
    is_same = like is not None or turn.is_clean(newest)  # another spec deserves a try at once
    start_after = turn.draft.now + int(restart.delay_s(newest) * _NS) if is_same else 0
    return [*left, turn.create(key, "restart", before=left, like=like, start_after=start_after)]


def waits_out(turn: Turn, task: Task) -> bool:
    """Whether it ended before it might start (its image can't be had, say): the next one waits until then."""
    if not has_ended(task) or task.start_after <= turn.draft.now or not (turn.is_clean(task) or turn.is_paused):
        return False
    turn.draft.wake(task.start_after)
    return True


def orphans(turn: Turn, tasks: list[Task]) -> list[Task]:
    """Tasks on nodes that are no members any more have ended, as far as can be known."""
    nodes = turn.draft.view.nodes
    if all(not task.node_id or task.node_id in nodes or has_ended(task) for task in tasks):
        return tasks
    return [_orphaned(turn, task) if task.node_id and task.node_id not in nodes else task for task in tasks]


def _orphaned(turn: Turn, task: Task) -> Task:
    if has_ended(task):
        return task
    return turn.draft.put_task(orphaned(task, turn.draft.now, NODE_REMOVED), "node removed")


def _needs_another(turn: Turn, ended: Task, tasks: list[Task], alive: list[Task]) -> bool:
    if any(other.created_at > ended.created_at for other in alive):
        return False
    settled = [other for other in alive if not turn.is_draining(other)]
    if settled and (turn.is_paused or any(turn.is_clean(other) for other in settled)):
        return False
    if not has_ended(ended):
        return ended.spec.restart.condition != RestartCondition.NONE
    return restart.wants_restart(ended, tasks, turn.draft.now)


def _kept_spec(turn: Turn, task: Task) -> Task | None:
    """While an update is paused, a task that ends is followed by one like itself."""
    return task if turn.is_paused and not turn.is_clean(task) else None


def _leave_draining_node(turn: Turn, key: SlotKey, tasks: list[Task]) -> list[Task]:
    """A task elsewhere first; the one on the draining node is told to stop when that one runs (`_end_doubles`)."""
    wanted = [task for task in tasks if is_wanted(task)]
    if not wanted or not all(turn.is_draining(task) for task in wanted):
        return tasks
    newest = wanted[-1]
    keeps_running = newest.status.state == S.RUNNING and newest.spec.restart.condition != RestartCondition.NONE
    if not keeps_running:
        tasks = turn.stop_some(tasks, wanted, "node drained")
    if newest.spec.restart.condition == RestartCondition.NONE:
        return tasks
    return [*tasks, turn.create(key, "drain", before=tasks, like=_kept_spec(turn, newest))]


def _end_doubles(turn: Turn, tasks: list[Task]) -> list[Task]:
    """At most one task of a slot is kept: the newest right one that runs; until it does also the older that runs."""
    alive = [task for task in tasks if is_wanted(task) and not has_ended(task)]
    if len(alive) < 2:
        return tasks
    right = [t for t in alive if t.status.state == S.RUNNING and turn.is_clean(t) and not turn.is_draining(t)]
    if right:
        surplus = [task for task in alive if task is not right[-1] and not _moves(turn, task, right[-1])]
    else:
        waiting = [task for task in alive if task.status.state < S.RUNNING]
        running = [task for task in alive if task.status.state == S.RUNNING]
        running.sort(key=turn.is_draining, reverse=True)
        surplus = [*waiting[:-1], *running[:-1]]
        if waiting and _fits_nowhere(waiting[-1]):
            surplus += [task for task in running[-1:] if turn.is_draining(task)]
    return turn.stop_some(tasks, surplus, "replaced")


def _fits_nowhere(task: Task) -> bool:
    """Whether a node was looked for in vain: what it was to replace on a draining node does not wait for it."""
    return task.status.state == S.PENDING and not task.node_id and bool(task.status.error)


def _moves(turn: Turn, task: Task, other: Task) -> bool:
    """Whether it is on its way to take the place of the other one, which is as right as itself."""
    return task.cause == REBALANCE and task.created_at > other.created_at and turn.is_clean(task)


def let_go(turn: Turn, tasks: list[Task]) -> list[Task]:
    """Tasks that wait are told to run when nothing speaks against it any more."""
    if all(task.desired != S.READY for task in tasks):
        return tasks
    blocked = any(map(turn.is_in_the_way, tasks))
    return [_released(turn, task, blocked) if task.desired == S.READY else task for task in tasks]


def _released(turn: Turn, task: Task, blocked: bool) -> Task:
    now = turn.draft.now
    if task.start_after > now:
        turn.draft.wake(task.start_after)
    if task.start_after > now or blocked or turn.hold:
        if task.hold == turn.hold:
            return task
        return turn.draft.put_task(replace(task, hold=turn.hold), turn.hold or "start")
    return turn.draft.put_task(replace(task, desired=turn.goal, hold="", updated_at=now), "start")
