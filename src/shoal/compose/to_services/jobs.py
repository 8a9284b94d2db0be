"""Jobs of a file: loaded as services are, told apart by their `triggers`; services that run to completion."""

from collections.abc import Iterator, Mapping
from typing import Any

from shoal.compose.loading.tree import BadValue, Map, Path, marks_of

#: a calendar of five fields
_CRON_FIELDS = 5


def with_jobs(tree: Map) -> Map:
    """`tree` with its jobs among the services. Raises: InvalidArgument for a name that both have"""
    jobs, services = tree.get("jobs") or Map(), tree.get("services") or Map()
    if not jobs:
        return tree
    for name in jobs:
        if name in services:
            raise BadValue(("jobs", name), f'there is a service "{name}" too; names are of one or the other').located(
                tree
            )
    joined = Map({**services, **jobs}, services.mark)
    joined.marks = {**marks_of(services), **marks_of(jobs)}
    return tree.like({**{key: value for key, value in tree.items() if key != "jobs"}, "services": joined})


def without_jobs(tree: Map) -> Map:
    """`tree` with jobs in their own section again."""
    services = tree.get("services") or Map()
    jobs = {name: one for name, one in services.items() if isinstance(one, Map) and "triggers" in one}
    if not jobs:
        return tree
    rest = {name: one for name, one in services.items() if name not in jobs}
    result = tree.like({**tree, "services": services.like(rest), "jobs": services.like(jobs)})
    result.marks = {**tree.marks, "jobs": services.mark} if services.mark else tree.marks
    return result


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
