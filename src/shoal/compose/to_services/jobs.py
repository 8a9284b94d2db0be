"""Jobs of a file as services that run to completion."""

from collections.abc import Iterator, Mapping
from typing import Any

from shoal.compose.loading.tree import Path

#: a calendar of five fields
_CRON_FIELDS = 5


def job_refusals(path: Path, job: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What of a job's triggers can't be done."""
    triggers = job.get("triggers")
    if triggers is None:
        return
    schedules = triggers.get("schedule") or ()
    at: Path = (*path, "triggers")
    if not schedules and triggers.get("manual") is False:
        yield (*at, "manual"), "nothing would ever start it: no schedule, and people may not"
    if len(schedules) > 1:
        yield (*at, "schedule", 1), "a job has one schedule; write a job for each"
    for i, one in enumerate(schedules):
        cron = one if isinstance(one, str) else one.get("cron", "")
        if len(str(cron).split()) != _CRON_FIELDS:
            yield (*at, "schedule", i), f'expected the five fields of a cron expression, got "{cron}"'


def schedule_body(triggers: Mapping[str, Any]) -> dict[str, str] | None:
    """`Schedule` of a job's body; None where only people start it."""
    schedules = triggers.get("schedule") or ()
    if not schedules:
        return None
    one = schedules[0] if not isinstance(schedules[0], str) else {"cron": schedules[0]}
    return {
        "Cron": one["cron"],
        "Timezone": one.get("timezone") or "UTC",
        "Concurrency": one.get("concurrency") or "forbid",
        "MissedFires": one.get("missed_fires") or "one",
    }


def job_mode(triggers: Mapping[str, Any]) -> dict[str, Any]:
    """`Mode` of a job: one task a run; none until somebody runs it where only people start it."""
    return {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1 if triggers.get("schedule") else 0}}
