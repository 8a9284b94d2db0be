import pytest

from shoal.errors import InvalidArgument
from shoal.wire.times import NEVER, decode_time, encode_time, parse_moment, parse_time


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


NOW = 1_700_000_000 * 10**9


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1h30m", NOW - 5400 * 10**9),
        ("1600000000", 1_600_000_000 * 10**9),
        ("0.000000003", 3),
        ("1970-01-02", 86400 * 10**9),
        ("1970-01-01T01", 3600 * 10**9),
        ("1970-01-01T01:00:00.5Z", 3600 * 10**9 + 5 * 10**8),
    ],
)
def test_moments_of_filters(text: str, at: int) -> None:
    assert parse_moment(text, NOW) == at


@pytest.mark.parametrize("text", ["", "yesterday", "1d", "1970-13-01", "1970-01-01T25"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(InvalidArgument, match="failed to parse value as time or duration"):
        parse_moment(text, NOW)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        *(("", 0), ("12", 12 * 10**9), ("1.5", 1_500_000_000), ("3.000000001", 3_000_000_001)),
        *(("1.1234567899", 1_123_456_789), ("1970-01-01T00:00:01Z", 10**9)),
    ],
)
def test_times_of_parameters(text: str, at: int) -> None:
    assert parse_time("since", text) == at


def test_what_is_no_time_of_a_parameter() -> None:
    with pytest.raises(InvalidArgument, match='since: expected an RFC 3339 time, got "yesterday"'):
        parse_time("since", "yesterday")
