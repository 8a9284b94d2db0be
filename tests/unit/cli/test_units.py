"""Times, sizes and values in docker's words."""

import pytest

from shoal.cli.units import binary_size_text, duration_text, ellipsis, parse_time_s, short_id, size_text
from shoal.cli.values import parse_bytes, parse_duration_ns

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.9, "Less than a second"),
        (1, "1 second"),
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
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0B"), (999, "999B"), (13_300, "13.3kB"), (57_500_000, "57.5MB"),
     (5_600_000, "5.6MB"), (124_000_000, "124MB"), (1_040_000_000, "1.04GB")],
)  # fmt: skip
def test_sizes(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text


def test_binary_sizes() -> None:
    assert binary_size_text(2_096_000_000) == "1.952GiB"


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("0", 0), ("100", 100), ("5b", 5), ("1k", 1024), ("1kb", 1024), ("512m", 512 << 20), 
     ("1.5GiB", 3 << 29), ("2 GB", 2 << 30), ("-1", -1)],
)  # fmt: skip
def test_bytes(text: str, size_bytes: int) -> None:
    assert parse_bytes(text) == size_bytes


@pytest.mark.parametrize("text", ["", "x", "1z", "-5m", "1.2.3", "1mm", "nan"])
def test_bytes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("text", "nanos"),
    [("1m30s", 90 * 10**9), ("500ms", 5 * 10**8), ("1.5h", 5400 * 10**9), ("0", 0), ("2us", 2000), ("-3s", -3 * 10**9)],
)
def test_spans(text: str, nanos: int) -> None:
    assert parse_duration_ns(text) == nanos


@pytest.mark.parametrize("text", ["", "5", "1x", "s", "1..5s", "1m 3s"])
def test_spans_that_are_none(text: str) -> None:
    with pytest.raises(ValueError):
        parse_duration_ns(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02T00:00:00Z", 86400.0),
        ("1970-01-01T01:00:00.5+01:00", 0.5),
        ("1970-01-01T00:00:00-02:30", 9000.0),
        ("0001-01-01T00:00:00Z", 0.0),
        ("", 0.0),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert parse_time_s(text) == seconds


def test_ellipsis_and_ids() -> None:
    assert ellipsis("docker-entrypoint.sh redis-server", 20) == "docker-entrypoint.s…"
    assert ellipsis("node app.js", 20) == "node app.js"
    assert short_id("sha256:8a899915ef650123") == "8a899915ef65"
