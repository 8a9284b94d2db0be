"""Rolling update and rollback: which slots are replaced next, and when to stop.

No memory but the records: what an update has done so far is seen from its tasks, so any leader carries it on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shoal.cluster.reconcile.turn import SlotKey, Turn
from shoal.cluster.services import rolled_back
from shoal.cluster.task import has_ended, is_live, is_wanted
from shoal.model.cluster.service import UpdateConfig, UpdateStatus
from shoal.model.cluster.task import RestartCondition, Task
from shoal.model.cluster.task import TaskState as S

Slots = Mapping[SlotKey, list[Task]]
UPDATING, ROLLING_BACK = "updating", "rollback_started"
UNDER_WAY = (UPDATING, ROLLING_BACK)
CAUSES = {UPDATING: "update", ROLLING_BACK: "rollback"}
_NS = 1_000_000_000


def step(turn: Turn, slots: Slots) -> bool:
    """Whether the service has another spec now (it was rolled back), so that it has to be looked at anew."""
    if turn.is_paused:
        return False
    dirty = [key for key, tasks in slots.items() if is_dirty(turn, tasks)]
    if not is_under_way(turn):
        if not dirty:
            return False
        _begin(turn)
    failed = _first_failed(turn, slots)
    if failed is not None and _too_many_failed(turn, slots, len(dirty)):
        return _stopped(turn, failed)
    under_way = _under_way(turn, slots)
    if not turn.hold:
        limit = config_of(turn).parallelism or len(slots)
        for key in _order(turn, slots, dirty)[: max(0, limit - under_way)]:
            _replace(turn, key, slots[key])
            under_way += 1
    if not dirty and not under_way:
        _complete(turn, slots)
    return False


def is_dirty(turn: Turn, tasks: Sequence[Task]) -> bool:
    """Whether a slot has no task of the service's spec."""
    alive = [task for task in tasks if is_live(task)]
    return not any(turn.is_clean(task) for task in alive or tasks[-1:])


def config_of(turn: Turn) -> UpdateConfig:
    """How slots are replaced now."""
    status, spec = turn.service.update_status, turn.service.spec
    return spec.rollback if status is not None and status.state.startswith("rollback") else spec.update


def is_under_way(turn: Turn) -> bool:
    """Whether slots are being replaced."""
    status = turn.service.update_status
    return status is not None and status.state in UNDER_WAY


def _begin(turn: Turn) -> None:
    status = UpdateStatus(state=UPDATING, started_at=turn.draft.now, message="update in progress")
    turn.service = turn.draft.put_service(replace(turn.service, update_status=status), "update")


def _status(turn: Turn) -> UpdateStatus:
    return turn.service.update_status or UpdateStatus(state=UPDATING)


def _is_of_update(turn: Turn, task: Task) -> bool:
    return task.spec_version == turn.service.spec_version and task.created_at >= _status(turn).started_at


def _has_failed(task: Task, monitor_s: float) -> bool:
    """Whether it ended before it had run for as long as it is watched."""
    state = task.status.state
    is_failure = state in (S.FAILED, S.REJECTED) or (
        state == S.COMPLETE and task.spec.restart.condition == RestartCondition.ANY
    )
    return is_failure and (not task.running_at or task.status.at <= task.running_at + int(monitor_s * _NS))


def _failed(turn: Turn, slots: Slots) -> list[list[Task]]:
    monitor_s = config_of(turn).monitor_s
    found = [[t for t in tasks if _is_of_update(turn, t) and _has_failed(t, monitor_s)] for tasks in slots.values()]
    return [tasks for tasks in found if tasks]


def _first_failed(turn: Turn, slots: Slots) -> Task | None:
    return min((tasks[0] for tasks in _failed(turn, slots)), key=lambda task: task.status.at, default=None)


def _too_many_failed(turn: Turn, slots: Slots, dirty: int) -> bool:
    config = config_of(turn)
    updated = sum(any(_is_of_update(turn, task) for task in tasks) for tasks in slots.values())
    return config.on_failure != "continue" and len(_failed(turn, slots)) > config.max_failure_ratio * max(
        1, dirty + updated
    )


def _stopped(turn: Turn, failed: Task) -> bool:
    """Paused, or rolled back as the user wished. Returns: whether the spec is another one now"""
    draft, service, config = turn.draft, turn.service, config_of(turn)
    reason = f"due to failure or early termination of task {failed.id}"
    status = _status(turn)
    if status.state == UPDATING and config.on_failure == "rollback" and service.previous is not None:
        back = rolled_back(service, draft.now, f"update rolled back {reason}")
        turn.service = draft.put_service(back, "rollback")
        return True
    is_update = status.state == UPDATING
    paused = replace(
        status,
        state="paused" if is_update else "rollback_paused",
        message=f"{'update' if is_update else 'rollback'} paused {reason}",
    )
    turn.service = draft.put_service(replace(service, update_status=paused), "update paused")
    return False


def _newest_of_update(turn: Turn, tasks: Sequence[Task]) -> Task | None:
    cause = CAUSES[_status(turn).state]
    return next((task for task in reversed(tasks) if task.cause == cause and _is_of_update(turn, task)), None)


def _under_way(turn: Turn, slots: Slots) -> int:
    """How many slots are being replaced: until the new task runs, or has ended, and the delay is over."""
    delay = int(config_of(turn).delay_s * _NS)
    count = 0
    for tasks in slots.values():
        task = _newest_of_update(turn, tasks)
        if task is None:
            continue
        if is_live(task) and task.status.state < S.RUNNING:
            count += 1
            continue
        since = task.running_at if task.status.state == S.RUNNING else task.status.at
        if delay and since + delay > turn.draft.now:
            turn.draft.wake(since + delay)
            count += 1
    return count


def _order(turn: Turn, slots: Slots, dirty: Sequence[SlotKey]) -> list[SlotKey]:
    """First what does not run anyway, then what has to leave its node, then by number."""

    def weight(key: SlotKey) -> tuple[bool, bool]:
        running = [task for task in slots[key] if is_live(task) and task.status.state == S.RUNNING]
        return bool(running), not any(turn.is_draining(task) for task in running)

    return sorted(sorted(dirty, key=lambda key: (isinstance(key, str), key)), key=weight)


def _replace(turn: Turn, key: SlotKey, tasks: list[Task]) -> None:
    cause = CAUSES[_status(turn).state]
    old = [task for task in tasks if is_wanted(task)]
    if config_of(turn).order == "start-first":  # what does not run need not be kept until the new one does
        old = [task for task in old if task.status.state != S.RUNNING]
    turn.create(key, cause, before=turn.stop_some(tasks, old, cause))


def _complete(turn: Turn, slots: Slots) -> None:
    """The end, once every new task has run for as long as it is watched."""
    draft, status = turn.draft, _status(turn)
    monitor = int(config_of(turn).monitor_s * _NS)
    watched = [task for task in (_newest_of_update(turn, tasks) for tasks in slots.values()) if task]
    until = max((task.running_at + monitor for task in watched if not has_ended(task)), default=0)
    if until > draft.now:
        draft.wake(until)
        return
    is_update = status.state == UPDATING
    done = replace(
        status,
        state="completed" if is_update else "rollback_completed",
        message="update completed" if is_update else "rollback completed",
        completed_at=draft.now,
    )
    turn.service = draft.put_service(replace(turn.service, update_status=done), "update completed")
