"""Sizes and durations as Compose files write them.

Sizes count in 1024s (`512m`, `1.5gb`, `64KiB`); durations are Go's (`1m30s`, `1.5h`, `300ms`).
"""

from shoal.model.units import DURATION_UNITS, NS_PER_S
from shoal.model.units import parse_duration_ns as parse_go_duration_ns

_DAY_NS = 24 * 3600 * NS_PER_S
_UNITS = {**DURATION_UNITS, "d": _DAY_NS, "w": 7 * _DAY_NS}


def parse_duration_ns(text: str) -> int:
    """Nanoseconds of a duration in which days and weeks are allowed too. Raises: ValueError"""
    return parse_go_duration_ns(text, _UNITS)


def duration_text(duration_ns: int) -> str:
    """The duration as Go prints it: `1h0m0s`, `1m30s`, `1.5s`, `300ms`."""
    if not duration_ns:
        return "0s"
    sign, left = ("-", -duration_ns) if duration_ns < 0 else ("", duration_ns)
    if left < NS_PER_S:
        for unit, size in (("ms", 10**6), ("µs", 10**3), ("ns", 1)):
            if left >= size:
                return f"{sign}{_decimal(left, size)}{unit}"
    minutes, rest = divmod(left, 60 * NS_PER_S)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, NS_PER_S)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    width = len(str(unit)) - 1
    return f"{whole}.{rest:0{width}d}".rstrip("0")
