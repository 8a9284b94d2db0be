import pytest

from shoal.errors import InvalidArgument
from shoal.wire.times import NEVER, decode_time, encode_time


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, NEVER),
        (1_700_000_000_000_000_000, "2023-11-14T22:13:20Z"),
        (1_700_000_000_120_000_000, "2023-11-14T22:13:20.12Z"),
        (1_700_000_000_000_000_001, "2023-11-14T22:13:20.000000001Z"),
    ],
)
def test_there_and_back(at: int, text: str) -> None:
    assert encode_time(at) == text
    assert decode_time(text) == at


def test_zones() -> None:
    assert decode_time("2023-11-14T23:13:20+01:00") == 1_700_000_000_000_000_000


def test_what_is_no_time() -> None:
    with pytest.raises(InvalidArgument, match="RFC 3339"):
        decode_time("yesterday")
