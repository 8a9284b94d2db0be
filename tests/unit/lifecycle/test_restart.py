import pytest

from shoal.lifecycle.restart import Ended, next_delay_s, starts_with_engine
from shoal.model.container import RestartMode as M
from shoal.model.container import RestartPolicy

ALWAYS = RestartPolicy(mode=M.ALWAYS)


def test_delays_double_from_100_ms_to_a_minute() -> None:
    delays: list[float] = []
    last = 0.0
    for count in range(12):
        delay = next_delay_s(ALWAYS, Ended(exit_code=1, ran_s=0.1, restarts=count, last_delay_s=last))
        assert delay is not None
        delays.append(last := delay)
    assert delays[:4] == [0.1, 0.2, 0.4, 0.8]
    assert delays[-1] == 60.0


def test_ten_seconds_of_running_begin_anew() -> None:
    assert next_delay_s(ALWAYS, Ended(exit_code=1, ran_s=10.0, restarts=9, last_delay_s=30.0)) == 0.1


@pytest.mark.parametrize(
    ("policy", "ended", "again"),
    [
        (RestartPolicy(), Ended(exit_code=1, ran_s=1, restarts=0), False),
        (ALWAYS, Ended(exit_code=0, ran_s=1, restarts=0), True),
        (ALWAYS, Ended(exit_code=0, ran_s=1, restarts=0, stopped=True), False),
        (RestartPolicy(mode=M.UNLESS_STOPPED), Ended(exit_code=0, ran_s=1, restarts=0), True),
        (RestartPolicy(mode=M.ON_FAILURE), Ended(exit_code=0, ran_s=1, restarts=0), False),
        (RestartPolicy(mode=M.ON_FAILURE), Ended(exit_code=3, ran_s=1, restarts=99), True),
        (RestartPolicy(mode=M.ON_FAILURE, max_retries=2), Ended(exit_code=3, ran_s=1, restarts=1), True),
        (RestartPolicy(mode=M.ON_FAILURE, max_retries=2), Ended(exit_code=3, ran_s=1, restarts=2), False),
    ],
)
def test_whether_it_is_started_again(policy: RestartPolicy, ended: Ended, again: bool) -> None:
    assert (next_delay_s(policy, ended) is not None) is again


@pytest.mark.parametrize(
    ("mode", "stopped", "was_running", "code", "starts"),
    [
        (M.ALWAYS, True, False, 0, True),
        (M.UNLESS_STOPPED, True, False, 0, False),
        (M.UNLESS_STOPPED, False, True, 255, True),
        (M.ON_FAILURE, False, True, 255, True),
        (M.ON_FAILURE, False, False, 1, False),
        (M.NO, False, True, 255, False),
    ],
)
def test_at_the_engines_start(mode: M, stopped: bool, was_running: bool, code: int, starts: bool) -> None:
    policy = RestartPolicy(mode=mode)
    answer = starts_with_engine(policy, manually_stopped=stopped, was_running=was_running, exit_code=code)
    assert answer is starts
