from shoal.lifecycle.health import probe_argv, schedule_of, step, wait_ns
from shoal.model.health import Health, Healthcheck, HealthStatus, Probe

S = 1_000_000_000
CHECK = Healthcheck(
    test=("CMD", "true"), interval_ns=10 * S, start_period_ns=30 * S, start_interval_ns=1 * S, retries=2
)
SCHEDULE = schedule_of(CHECK)


def probe(at_s: float, exit_code: int) -> Probe:
    return Probe(start_at=int(at_s * S), end_at=int(at_s * S) + 1, exit_code=exit_code, output="")


def after(*probes: Probe) -> Health:
    health = Health()
    for item in probes:
        health = step(SCHEDULE, health, item, started_at=0)
    return health


def test_first_success_makes_it_healthy() -> None:
    assert after(probe(1, 0)).status is HealthStatus.HEALTHY


def test_failures_of_the_start_period_do_not_count() -> None:
    health = after(probe(1, 1), probe(2, 1), probe(3, 1))
    assert (health.status, health.failing_streak) == (HealthStatus.STARTING, 0)


def test_enough_failures_make_it_unhealthy() -> None:
    assert after(probe(31, 1)).status is HealthStatus.STARTING
    assert after(probe(31, 1), probe(41, 1)).status is HealthStatus.UNHEALTHY


def test_once_healthy_the_start_period_protects_no_longer() -> None:
    assert after(probe(1, 0), probe(2, 1), probe(3, 1)).status is HealthStatus.UNHEALTHY


def test_a_success_heals() -> None:
    health = after(probe(31, 1), probe(41, 1), probe(51, 0))
    assert (health.status, health.failing_streak) == (HealthStatus.HEALTHY, 0)


def test_the_log_keeps_five() -> None:
    assert [p.start_at // S for p in after(*(probe(n, 0) for n in range(8))).log] == [3, 4, 5, 6, 7]


def test_waits() -> None:
    assert wait_ns(SCHEDULE, Health(), 0, 5 * S) == 1 * S
    assert wait_ns(SCHEDULE, Health(), 0, 31 * S) == 10 * S
    assert wait_ns(SCHEDULE, Health(status=HealthStatus.HEALTHY), 0, 5 * S) == 10 * S


def test_defaults() -> None:
    schedule = schedule_of(Healthcheck(test=("CMD-SHELL", "true")))
    assert (schedule.interval_ns, schedule.timeout_ns, schedule.retries) == (30 * S, 30 * S, 3)


def test_what_is_run() -> None:
    assert probe_argv(Healthcheck(test=("CMD", "a", "b")), ()) == ("a", "b")
    assert probe_argv(Healthcheck(test=("CMD-SHELL", "a b")), ()) == ("/bin/sh", "-c", "a b")
    assert probe_argv(Healthcheck(test=("CMD-SHELL", "x")), ("/bin/bash", "-ec")) == ("/bin/bash", "-ec", "x")
    assert probe_argv(Healthcheck(test=("NONE",)), ()) is None
    assert probe_argv(None, ()) is None
