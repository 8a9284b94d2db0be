"""Sizes and durations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.compose.units import duration_text, parse_duration_ns, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("300", 300), ("512m", 512 << 20), ("1.5gb", 3 << 29), ("64KiB", 65536), ("2 k", 2048), ("1B", 1)],
)
def test_sizes(text: str, size: int):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "m", "-1m", "1x", "1mm", "ten", "1e3", "9" * 50])
def test_what_is_no_size(text: str):
    assert parse_size(text) is None


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("90s", "1m30s"),
        ("1500ms", "1.5s"),
        ("1h", "1h0m0s"),
        ("0", "0s"),
        ("1.5h", "1h30m0s"),
        ("2d", "48h0m0s"),
        ("250us", "250µs"),
        ("-1s", "-1s"),
        ("1h2m3s", "1h2m3s"),
        ("100ms", "100ms"),
    ],
)
def test_durations_as_go_prints_them(text: str, canonical: str):
    assert duration_text(parse_duration_ns(text) or 0) == canonical


@pytest.mark.parametrize("text", ["", "90", "s", "1x", "1 s", "1s2", "--1s", "9" * 90 + "s"])
def test_what_is_no_duration(text: str):
    assert parse_duration_ns(text) is None


@given(st.integers(min_value=-(10**17), max_value=10**17))
def test_the_text_of_a_duration_reads_back(duration_ns: int):
    # a float carries 15 digits of the seconds
    back = parse_duration_ns(duration_text(duration_ns))
    assert back is not None and abs(back - duration_ns) <= 1
