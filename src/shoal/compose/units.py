"""Sizes and durations as Compose files write them.

Sizes count in 1024s (`512m`, `1.5gb`, `64KiB`); durations are Go's (`1m30s`, `1.5h`, `300ms`).
"""

import re

_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(?:([kmgtp]?)(?:i?b)?)", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)")
_NS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 24 * 3600 * 10**9,
    "w": 7 * 24 * 3600 * 10**9,
}
NS_PER_S = 10**9


def parse_size(text: str) -> int | None:
    """The size in bytes, or None where the text is none."""
    found = _SIZE.fullmatch(text.strip())
    if not found or len(text) > 40:
        return None
    value = float(found[1]) * 1024 ** _POWERS[found[2].lower()]
    return int(value) if value < 1 << 63 else None


def parse_duration_ns(text: str) -> int | None:
    """The duration in nanoseconds, or None where the text is none. Days and weeks are allowed too."""
    rest, sign = (text[1:], -1) if text.startswith("-") else (text.removeprefix("+"), 1)
    if rest == "0":
        return 0
    if not rest or len(rest) > 60:
        return None
    total, position = 0.0, 0
    while position < len(rest):
        part = _DURATION_PART.match(rest, position)
        if not part:
            return None
        total += _part_ns(part[1], _NS[part[2]])
        position = part.end()
    return sign * int(total) if total < 1 << 63 else None


def _part_ns(number: str, unit_ns: int) -> float:
    return int(number) * unit_ns if number.isdecimal() else float(number) * unit_ns


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
