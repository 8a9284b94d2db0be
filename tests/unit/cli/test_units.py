"""Times, sizes and values in docker's words."""

import calendar
import time

import pytest

from shoal.cli.units import (
    binary_size_text,
    ellipsis,
    go_time_of,
    parse_time_s,
    rfc3339_text,
    short_id,
    size_text,
)


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-22T09:47:42.123456789Z", "2026-11-22 09:47:42.123456789 +0000 UTC"),
        ("2026-11-22T09:47:42.500000000Z", "2026-11-22 09:47:42.5 +0000 UTC"),
        ("2026-11-22T09:47:42Z", "2026-11-22 09:47:42 +0000 UTC"),
        ("", ""),
    ],
)
def test_times_as_go_prints_them(text: str, shown: str) -> None:
    assert go_time_of(text) == shown


def test_the_zone_of_a_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for zone in ("UTC", "Europe/Berlin"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        found.append(rfc3339_text(1_800_000_000))
    monkeypatch.undo()
    time.tzset()
    assert found == ["2027-01-15T08:00:00Z", "2027-01-15T09:00:00+01:00"]


@pytest.mark.parametrize("day", ["1970-01-01", "2000-02-29", "1999-12-31", "2100-03-01", "2026-11-22"])
def test_times_are_those_of_the_calendar(day: str) -> None:
    assert parse_time_s(f"{day}T01:02:03Z") == calendar.timegm(time.strptime(f"{day} 01:02:03", "%Y-%m-%d %H:%M:%S"))


@pytest.mark.parametrize("day", ["2000-13-01", "2000-00-01", "2000-01-32", "2000-01-00"])
def test_days_that_are_none(day: str) -> None:
    with pytest.raises(ValueError, match="no such day"):
        parse_time_s(f"{day}T00:00:00Z")
