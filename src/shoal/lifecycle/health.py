"""The health of a container from the results of its checks. Source: Docker, `daemon/health.go`."""

from dataclasses import dataclass, replace

from shoal.model.health import Health, Healthcheck, HealthStatus, Probe

DEFAULT_INTERVAL_NS = 30_000_000_000
DEFAULT_TIMEOUT_NS = 30_000_000_000
DEFAULT_START_INTERVAL_NS = 5_000_000_000
DEFAULT_RETRIES = 3
LOG_LENGTH = 5
OUTPUT_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A health check with every default filled in; durations in ns."""

    interval_ns: int
    timeout_ns: int
    start_period_ns: int
    start_interval_ns: int
    retries: int


def schedule_of(check: Healthcheck) -> Schedule:
    """The schedule of `check`."""
    return Schedule(
        interval_ns=check.interval_ns or DEFAULT_INTERVAL_NS,
        timeout_ns=check.timeout_ns or DEFAULT_TIMEOUT_NS,
        start_period_ns=check.start_period_ns,
        start_interval_ns=check.start_interval_ns or DEFAULT_START_INTERVAL_NS,
        retries=check.retries or DEFAULT_RETRIES,
    )


def probe_argv(check: Healthcheck | None, shell: tuple[str, ...]) -> tuple[str, ...] | None:
    """What to run to check, None where there is nothing to check.

    shell: of the image; () = /bin/sh -c
    """
    if check is None or not check.test or check.test[0] == "NONE":
        return None
    if check.test[0] == "CMD":
        return check.test[1:] or None
    return (*(shell or ("/bin/sh", "-c")), *check.test[1:])


def wait_ns(schedule: Schedule, health: Health, started_at: int, now: int) -> int:
    """Ns from the end of one check (or the start) to the next one."""
    starting = health.status is HealthStatus.STARTING and now - started_at < schedule.start_period_ns
    return schedule.start_interval_ns if starting else schedule.interval_ns


def step(schedule: Schedule, health: Health, probe: Probe, started_at: int) -> Health:
    """The health after one more check.

    A failure during the start period counts for nothing; the first success ends "starting".
    """
    log = (*health.log, probe)[-LOG_LENGTH:]
    if probe.exit_code == 0:
        return Health(status=HealthStatus.HEALTHY, failing_streak=0, log=log)
    in_start_period = probe.start_at - started_at < schedule.start_period_ns
    if health.status is HealthStatus.STARTING and in_start_period:
        return replace(health, log=log)
    streak = health.failing_streak + 1
    status = HealthStatus.UNHEALTHY if streak >= schedule.retries else health.status
    return Health(status=status, failing_streak=streak, log=log)
