import signal

import pytest

from shoal.errors import InvalidArgument
from shoal.model.signals import SIGNALS, parse_signal


@pytest.mark.parametrize(
    ("text", "number"),
    [("TERM", 15), ("SIGTERM", 15), ("sigquit", 3), ("9", 9), ("SIGRTMIN+3", 37), ("RTMAX-1", 63), ("RTMIN", 34)],
)
def test_parse(text: str, number: int) -> None:
    assert parse_signal(text) == number


def test_names_are_those_of_this_kernel() -> None:
    known = {s.name.removeprefix("SIG"): s.value for s in signal.Signals if not s.name.startswith("SIGRT")}
    assert {name: SIGNALS[name] for name in known} == known


@pytest.mark.parametrize("text", ["", "0", "65", "NOPE", "RTMIN+40", "RTMAX+1", "-9", "²"])
def test_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid signal"):
        parse_signal(text)
