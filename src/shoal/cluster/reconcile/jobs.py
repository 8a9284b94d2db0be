"""Jobs: tasks that run to their end, so many of them (replicated) or once on every node (global).

One run of a job is an **iteration**. The next one begins when the spec changes (`cluster.services`) or its schedule
says so (`cron`). A slot whose task fails gets another one, as the restart policy says.
"""

from shoal.cluster import restart
from shoal.cluster.reconcile import cron, heal
from shoal.cluster.reconcile.global_ import takes_new
from shoal.cluster.reconcile.turn import SlotKey, Turn
from shoal.cluster.task import OWN_ENDS, has_ended, is_live, is_wanted
from shoal.model.cluster.service import ServiceMode
from shoal.model.cluster.task import RestartCondition, Task
from shoal.model.cluster.task import TaskState as S

Slots = dict[SlotKey, list[Task]]
_NS = 1_000_000_000


def reconcile(turn: Turn) -> None:
    """Runs that are under way are carried on; those of before are ended, unless they may go on side by side."""
    cron.fire(turn)
    runs: dict[int, Slots] = {}
    for key, tasks in turn.slots().items():
        for task in tasks:
            runs.setdefault(task.iteration, {}).setdefault(key, []).append(task)
    current = turn.service.iteration
    for iteration, slots in runs.items():
        if iteration != current:
            _carry_on_old(turn, slots)
    if turn.service.iteration_at:
        _carry_on(turn, runs.get(current, {}))


def _carry_on_old(turn: Turn, slots: Slots) -> None:
    schedule = turn.service.spec.schedule
    if schedule is None:
        for tasks in slots.values():
            turn.remove(tasks, "next iteration")
    elif schedule.concurrency == "allow" and any(is_live(task) for tasks in slots.values() for task in tasks):
        for key, tasks in slots.items():
            _heal(turn, key, tasks)
    else:
        for tasks in slots.values():
            left = turn.stop_some(tasks, [task for task in tasks if is_live(task)], "next iteration")
            heal.orphans(turn, left)


def _carry_on(turn: Turn, slots: Slots) -> None:
    healed = {key: _heal(turn, key, tasks) for key, tasks in slots.items()}
    if turn.service.spec.mode == ServiceMode.GLOBAL_JOB:
        for node in turn.draft.view.nodes.values():
            if takes_new(turn, node) and not _is_settled(turn, healed.get(node.id, [])):
                turn.create(node.id, "create", before=healed.get(node.id, ()))
        return
    settled = {key for key, tasks in healed.items() if _is_settled(turn, tasks)}
    active = sum(any(is_live(task) for task in tasks) for tasks in healed.values())
    spec = turn.service.spec
    room = (spec.max_concurrent or spec.replicas) - active
    for key in range(1, spec.replicas + 1):
        if room <= 0:
            break
        if key not in settled:
            turn.create(key, "create", before=healed.get(key, ()))
            room -= 1


def _is_settled(turn: Turn, tasks: list[Task]) -> bool:
    """Whether a slot needs no other task: one is under way, has been completed, or was given up."""
    if not tasks:
        return False
    if any(is_live(task) or task.status.state == S.COMPLETE for task in tasks):
        return True
    newest = tasks[-1]
    if newest.status.state in OWN_ENDS:
        return not restart.wants_restart(newest, tasks, turn.draft.now)
    return newest.spec.restart.condition == RestartCondition.NONE


def _heal(turn: Turn, key: SlotKey, tasks: list[Task]) -> list[Task]:
    """A slot's tasks of one iteration, after those that failed, are lost or have to leave their node are followed."""
    newest = next((task for task in reversed(tasks) if is_wanted(task)), None)
    if newest is None or newest.status.state == S.COMPLETE:
        return heal.orphans(turn, tasks)
    cause = _why_over(turn, newest)
    if not cause or heal.waits_out(turn, newest):
        return heal.let_go(turn, tasks)
    left = heal.orphans(turn, turn.stop_some(tasks, [newest], cause))
    if isinstance(key, str) and (turn.is_lost(newest) or turn.is_draining(newest)):
        return left
    if cause == "restart":
        if not restart.wants_restart(newest, tasks, turn.draft.now):
            return left
        start_after = turn.draft.now + int(restart.delay_s(newest) * _NS)
        return [*left, turn.create(key, cause, before=left, like=newest, start_after=start_after)]
    if newest.spec.restart.condition == RestartCondition.NONE:
        return left
    return [*left, turn.create(key, cause, before=left, like=newest)]


def _why_over(turn: Turn, task: Task) -> str:
    if has_ended(task):
        return "restart"
    if turn.is_lost(task):
        return "node down"
    return "drain" if turn.is_draining(task) else ""
