"""Durations, time ranges, macros of Prometheus queries. Source: Grafana's page "Prometheus template variables"."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

_UNITS_MS = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "M": 2_592_000_000,
    "y": 31_536_000_000,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w|M|y)")
_RELATIVE = re.compile(r"now(?:(?P<sign>[+-])(?P<span>\d+(?:ms|s|m|h|d|w|M|y)))?(?:/(?P<unit>[smhdwMy]))?")
#: (up to, rounded): a calculated interval becomes a length that people read easily; milliseconds
_ROUNDED = (
    (15, 10),
    (35, 20),
    (75, 50),
    (150, 100),
    (350, 200),
    (750, 500),
    (1_500, 1_000),
    (3_500, 2_000),
    (7_500, 5_000),
    (12_500, 10_000),
    (17_500, 15_000),
    (25_000, 20_000),
    (45_000, 30_000),
    (90_000, 60_000),
    (210_000, 120_000),
    (450_000, 300_000),
    (750_000, 600_000),
    (1_050_000, 900_000),
    (1_500_000, 1_200_000),
    (2_700_000, 1_800_000),
    (5_400_000, 3_600_000),
    (9_000_000, 7_200_000),
    (16_200_000, 10_800_000),
    (32_400_000, 21_600_000),
    (86_400_000, 43_200_000),
    (604_800_000, 86_400_000),
    (1_814_400_000, 604_800_000),
    (3_628_800_000, 2_592_000_000),
)
#: Prometheus refuses more points than this in one answer
MAX_POINTS = 11_000
DEFAULT_SCRAPE_MS = 15_000
DEFAULT_POINTS = 1_000


def parse_duration_ms(text: str) -> int:
    """Milliseconds of "15s", "1h30m", ">10s" (at least) or bare seconds. Raises: ValueError"""
    text = text.strip().lstrip(">").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return int(float(text) * 1000)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f'expected a duration such as 15s or 1h30m, got "{text}"')
    return int(sum(float(number) * _UNITS_MS[unit] for number, unit in parts))


def format_duration(length_ms: int) -> str:
    """`length_ms` in the largest unit that gives a whole number, as Prometheus reads it."""
    for unit in ("w", "d", "h", "m", "s"):
        if length_ms >= _UNITS_MS[unit] and length_ms % _UNITS_MS[unit] == 0:
            return f"{length_ms // _UNITS_MS[unit]}{unit}"
    return f"{length_ms}ms"


def parse_time_ms(text: str | int, now_ms: int) -> int:
    """Milliseconds since the epoch of `text`: a number of them, or "now", "now-6h", "now/d". Raises: ValueError

    Rounded ("/d") is down, in UTC
    """
    text = str(text).strip()
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    match = _RELATIVE.fullmatch(text)
    if match is None:
        raise ValueError(f'expected milliseconds or a time such as now-6h, got "{text}"')
    at = now_ms
    if match["span"]:
        at += parse_duration_ms(match["span"]) * (1 if match["sign"] == "+" else -1)
    if match["unit"]:
        unit_ms = _UNITS_MS[match["unit"]]
        at -= at % unit_ms
    return at


def round_interval_ms(interval_ms: float) -> int:
    """The round length that serves for a calculated `interval_ms`."""
    if interval_ms <= 10:
        return 1
    for limit, rounded in _ROUNDED:
        if interval_ms <= limit:
            return rounded
    return _UNITS_MS["y"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTimes:
    """When a query is evaluated. `start_ms` and `end_ms` are multiples of `step_ms`, so that graphs stand still."""

    start_ms: int
    end_ms: int
    step_ms: int
    range_ms: int
    interval_ms: int
    scrape_ms: int


def query_times(
    from_ms: int, to_ms: int, *, points: int, min_interval: str = "", scrape: str = "", factor: int = 1
) -> QueryTimes:
    """The times of one query.

    points: how many the panel has room for
    min_interval: of the query ("" = the data source's scrape interval)
    factor: one point for this many intervals
    Raises: ValueError for no duration
    """
    scrape_ms = parse_duration_ms(scrape) if scrape else DEFAULT_SCRAPE_MS
    least = parse_duration_ms(min_interval) if min_interval else scrape_ms
    span = max(1, to_ms - from_ms)
    wanted = span / max(1, points or DEFAULT_POINTS)
    interval = least if wanted < least else max(least, round_interval_ms(wanted))
    interval = max(interval, 1)
    step = interval * max(1, factor)
    if span / step > MAX_POINTS:
        step = max(step, round_interval_ms(span / MAX_POINTS), math.ceil(span / MAX_POINTS))
    return QueryTimes(
        start_ms=from_ms - from_ms % step,
        end_ms=to_ms - to_ms % step,
        step_ms=step,
        range_ms=span,
        interval_ms=step,
        scrape_ms=scrape_ms,
    )


def macros(times: QueryTimes) -> dict[str, str]:
    """{name: value} of the macros that a query may hold."""
    rate_ms = max(times.interval_ms + times.scrape_ms, 4 * times.scrape_ms)
    range_s = max(1, round(times.range_ms / 1000))
    return {
        "__interval": format_duration(times.interval_ms),
        "__interval_ms": str(times.interval_ms),
        "__rate_interval": format_duration(rate_ms),
        "__rate_interval_ms": str(rate_ms),
        "__range": f"{range_s}s",
        "__range_s": str(range_s),
        "__range_ms": str(times.range_ms),
    }


def expand(query: str, values: Mapping[str, str]) -> str:
    """`query` with `$name` and `${name}` of `values` replaced; other names stay as they are."""

    def replacement(match: re.Match[str]) -> str:
        return values.get(match[1] or match[2], match[0])

    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", replacement, query)
