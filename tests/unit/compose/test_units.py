"""Durations in Compose files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.compose.units import duration_text, parse_duration_ns


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
    assert duration_text(parse_duration_ns(text)) == canonical


@given(st.integers(min_value=-(10**17), max_value=10**17))
def test_the_text_of_a_duration_reads_back(duration_ns: int):
    assert parse_duration_ns(duration_text(duration_ns)) == duration_ns
