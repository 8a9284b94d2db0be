"""When a scheduled job runs. Source: Compose specification, jobs.triggers.schedule."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from shoal.cluster.reconcile.turn import Turn
from shoal.cluster.task import has_ended, is_live
from shoal.errors import InvalidArgument
from shoal.model.cluster.service import Schedule

MISSED_AFTER_NS = 30 * 1_000_000_000  #: a moment that nobody looked at for so long was missed
_NS = 1_000_000_000


def next_fire(schedule: Schedule, after: int) -> int:
    """The first moment of the schedule after this one, ns; 0 = never. Clocks that change are the time zone's business.

    Raises: InvalidArgument
    """
    try:
        zone = ZoneInfo(schedule.timezone or "UTC")
    except (KeyError, ValueError, OSError):
        raise InvalidArgument(f"unknown time zone {schedule.timezone}") from None
    try:
        found = next(CronSim(schedule.cron, datetime.fromtimestamp(after // _NS, tz=zone)), None)
    except CronSimError as error:
        raise InvalidArgument(f"invalid cron expression '{schedule.cron}': {error}") from None
    return int(found.timestamp()) * _NS if found else 0


def fire(turn: Turn) -> None:
    """Begins the next iteration of a scheduled job when it is time to, or notes why not."""
    schedule = turn.service.spec.schedule
    if schedule is None:
        return
    now, last = turn.draft.now, max(turn.service.fired_at, turn.service.created_at)
    try:
        due = next_fire(schedule, last)
        if not due or due > now:
            if due:
                turn.draft.wake(due)
            return
        following = next_fire(schedule, now)
        latest = next_fire(schedule, max(last, now - MISSED_AFTER_NS))
    except InvalidArgument:  # the time zones of this machine do not know it: nothing to wait for
        return
    if following:
        turn.draft.wake(following)
    _dealt_with(turn, schedule, due, is_on_time=latest <= now)


def _dealt_with(turn: Turn, schedule: Schedule, due: int, *, is_on_time: bool) -> None:
    tasks = turn.draft.tasks_of(turn.service.id).values()
    is_running = any(is_live(task) for task in tasks)
    if is_running and schedule.concurrency == "queue":
        return
    # It came while the run before was under way: it was put off, not missed.
    was_queued = schedule.concurrency == "queue" and any(has_ended(t) and t.status.at >= due for t in tasks)
    fired = replace(turn.service, fired_at=turn.draft.now)
    if is_running and schedule.concurrency == "forbid":
        turn.service = turn.draft.put_service(fired, "skipped: the run before is still under way")
    elif not is_on_time and not was_queued and schedule.missed_fires != "one":
        turn.service = turn.draft.put_service(fired, "skipped: missed")
    else:
        begun = replace(fired, iteration=fired.iteration + 1, iteration_at=turn.draft.now)
        turn.service = turn.draft.put_service(begun, "schedule")
