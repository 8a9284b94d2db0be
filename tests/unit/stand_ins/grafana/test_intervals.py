"""Durations, steps and macros of queries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.stand_ins.grafana import support  # noqa: F401

from panelist.intervals import (  # isort: skip
    MAX_POINTS,
    expand,
    format_duration,
    macros,
    parse_duration_ms,
    parse_time_ms,
    query_times,
    round_interval_ms,
)

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("text", "length_ms"), [("15s", 15_000), ("1h30m", 5_400_000), (">10s", 10_000), ("2.5", 2_500), ("250ms", 250)]
)
def test_durations(text, length_ms):
    assert parse_duration_ms(text) == length_ms


@pytest.mark.parametrize("text", ["", "soon", "15 s", "s15"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration_ms(text)


@given(st.integers(1, 10**10))
def test_a_written_duration_is_read_as_the_same(length_ms):
    assert parse_duration_ms(format_duration(length_ms)) == length_ms


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("1700000000000", 1_700_000_000_000),
        ("now", 100_000_000),
        ("now-1h", 96_400_000),
        ("now/d", 86_400_000),
        ("now-1d/d", 0),
    ],
)
def test_times(text, at_ms):
    assert parse_time_ms(text, 100_000_000) == at_ms


def test_a_panel_gets_as_many_points_as_it_has_room_for_but_none_between_two_scrapes():
    wide = query_times(0, HOUR_MS, points=100, scrape="15s")
    assert (wide.step_ms, wide.range_ms) == (30_000, HOUR_MS)
    assert query_times(0, HOUR_MS, points=2_000, scrape="15s").step_ms == 15_000
    assert query_times(0, HOUR_MS, points=2_000, scrape="15s", min_interval="1m").step_ms == 60_000
    assert query_times(0, HOUR_MS, points=100, scrape="15s", factor=2).step_ms == 60_000


def test_graphs_stand_still_as_time_goes_on():
    times = query_times(1_000_003, 1_000_003 + HOUR_MS, points=100)
    assert times.start_ms % times.step_ms == times.end_ms % times.step_ms == 0


@given(st.integers(0, 10**12), st.integers(1, 10**11), st.integers(0, 5_000), st.integers(1, 10))
def test_prometheus_is_never_asked_for_more_points_than_it_gives(start, span, points, factor):
    times = query_times(start, start + span, points=points, min_interval="1ms", factor=factor)
    assert (times.end_ms - times.start_ms) / times.step_ms <= MAX_POINTS + 1
    assert times.step_ms >= 1


@given(st.floats(0.1, 10**9))
def test_intervals_are_rounded_to_within_a_factor(interval):
    assert round_interval_ms(interval) <= max(interval * 2, 10) or interval < 20


def test_macros():
    values = macros(query_times(0, HOUR_MS, points=100, scrape="15s"))
    query = "rate(x[$__rate_interval]) + ${__interval} $__interval_ms [$__range] $__range_s $other ${node:regex}"
    assert expand(query, values) == "rate(x[1m]) + 30s 30000 [3600s] 3600 $other ${node:regex}"


def test_rates_span_at_least_four_scrapes_and_one_step_more_than_a_step():
    assert macros(query_times(0, 300_000, points=1000, scrape="10s"))["__rate_interval"] == "40s"
    assert macros(query_times(0, 24 * HOUR_MS, points=100, scrape="10s"))["__rate_interval"] == "910s"
