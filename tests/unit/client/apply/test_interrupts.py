"""Ctrl-C while a plan is carried out, at any step of it."""

import signal
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from shoal.client.apply import applier as module
from shoal.client.apply.interrupts import interrupts
from tests.support.fake_docker import FakeDocker
from tests.unit.client.apply.test_applier import Bench, create


def test_the_first_is_told_and_the_second_raised() -> None:
    told: list[int] = []
    with pytest.raises(KeyboardInterrupt), interrupts(lambda: told.append(1)):
        signal.raise_signal(signal.SIGINT)
        assert told == [1]
        signal.raise_signal(signal.SIGINT)
    assert told == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_anybody_to_tell_it_is_raised_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts(None):
        signal.raise_signal(signal.SIGINT)


class InterruptAtLine:
    """Raises SIGINT when the run comes to its n-th line."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> Any:
        owner = frame.f_locals.get("self")
        if frame.f_code.co_filename != module.__file__ or type(owner).__name__ != "_Run":
            return None
        if event == "line" and frame.f_code.co_name in ("to_the_end", "_take", "_begin_what_is_ready", "_hand_out"):
            self.left -= 1
            if self.left == 0:
                signal.raise_signal(signal.SIGINT)
        return self


def test_no_answer_is_lost_wherever_it_comes() -> None:
    """An exception between taking an answer and noting it left the run waiting for ever."""
    assert threading.current_thread() is threading.main_thread()
    for number in range(1, 1000):
        bench = Bench(FakeDocker(("busybox",)))
        at_line = InterruptAtLine(number)
        before = sys.gettrace()
        sys.settrace(at_line)
        try:
            outcome = bench.apply(create("a"), create("b", "create a"))
        finally:
            sys.settrace(before)
        assert set(outcome.answers) | set(outcome.skipped) == {"create a", "create b"}
        bench.docker.close()
        if at_line.left > 0:
            assert number > 20
            return
        assert outcome.interrupted
    raise AssertionError("the run has no end")
