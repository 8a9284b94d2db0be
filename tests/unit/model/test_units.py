"""Sizes and durations as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.model.units import elapsed_text, parse_duration_ns, parse_size_bytes

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.9, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (59.9, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (59 * MINUTE + 59, "59 minutes"),
        (HOUR, "About an hour"),
        (89 * MINUTE, "About an hour"),
        (90 * MINUTE, "2 hours"),
        (3 * HOUR, "3 hours"),
        (47 * HOUR, "47 hours"),
        (2 * DAY, "2 days"),
        (11 * DAY, "11 days"),
        (14 * DAY, "2 weeks"),
        (60 * DAY, "2 months"),
        (5 * 30 * DAY, "5 months"),
        (730 * DAY, "2 years"),
    ],
)
def test_elapsed_times(seconds: float, text: str) -> None:
    assert elapsed_text(seconds) == text


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        *(("0", 0), ("100", 100), ("5b", 5), ("1B", 1), ("1k", 1024), ("1kb", 1024), ("2 k", 2048), ("64KiB", 65536)),
        *(("512m", 512 << 20), ("1.5GiB", 3 << 29), ("1.5gb", 3 << 29), ("2 GB", 2 << 30), (".5k", 512), ("1.k", 1024)),
        ("9007199254740993", 9007199254740993),  # no float holds it
    ],
)
def test_sizes(text: str, size_bytes: int) -> None:
    assert parse_size_bytes(text) == size_bytes


@pytest.mark.parametrize(
    "text",
    ["", "x", "m", ".", "1z", "-5m", "1.2.3", "1mm", "1bb", "1ib", "nan", "ten", "1e3", "\u0663", "9" * 50, "9999999p"],
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="invalid"):
        parse_size_bytes(text)


@pytest.mark.parametrize(
    ("text", "duration_ns"),
    [
        *(("1m30s", 90 * 10**9), ("500ms", 5 * 10**8), ("1.5h", 5400 * 10**9), ("2us", 2000), ("0.1ns", 0)),
        *(("0", 0), ("0s", 0), ("-3s", -3 * 10**9), ("+1s", 10**9), ("1\u00b5s", 1000), ("1\u03bcs", 1000)),
        ("9007199.254740993s", 9007199254740993),
    ],
)
def test_durations(text: str, duration_ns: int) -> None:
    assert parse_duration_ns(text) == duration_ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "5",
        "s",
        "1x",
        "1d",
        ".s",
        "1..5s",
        "1 s",
        "1m 3s",
        "1s2",
        "--1s",
        "\u0663s",
        "9" * 90 + "s",
        "9999999h",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="time: "):
        parse_duration_ns(text)


@given(st.text("0123456789.hmsnuµkgib -+", max_size=12))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    for parse in (parse_duration_ns, parse_size_bytes):
        try:
            assert isinstance(parse(text), int)
        except ValueError as error:
            assert str(error)
