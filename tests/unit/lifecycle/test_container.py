import pytest

from shoal.errors import InvalidTransition
from shoal.lifecycle.container import TABLE, Event, step
from shoal.model.container import ContainerStatus as S


def test_a_whole_life() -> None:
    status = S.CREATED
    for event in (Event.START, Event.PAUSE, Event.RESUME, Event.EXIT_RESTARTING, Event.START, Event.EXIT, Event.REMOVE):
        status = step(status, event)
    assert status is S.REMOVING


def test_every_status_can_come_to_its_end() -> None:
    ends = {S.REMOVING}
    while True:
        more = {before for (before, _), after in TABLE.items() if after in ends} | ends
        if more == ends:
            break
        ends = more
    assert ends == set(S)


def test_running_ones_are_never_removed_as_they_are() -> None:
    for status in (S.RUNNING, S.PAUSED):
        with pytest.raises(InvalidTransition, match=status.value):
            step(status, Event.REMOVE)
