"""Times and sizes for people, in docker's words."""

from __future__ import annotations

import time

from shoal.model.units import elapsed_text

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")


def size_text(size_bytes: float) -> str:
    """ "57.5MB": three digits, units of 1000."""
    return _scaled(size_bytes, 1000.0, _DECIMAL, "%.3g%s")


def size_text4(size_bytes: float) -> str:
    """ "57.52MB": four digits, units of 1000."""
    return _scaled(size_bytes, 1000.0, _DECIMAL, "%.4g%s")


def binary_size_text(size_bytes: float) -> str:
    """ "1.952GiB": four digits, units of 1024."""
    return _scaled(size_bytes, 1024.0, _BINARY, "%.4g%s")


def _scaled(size: float, base: float, units: tuple[str, ...], shape: str) -> str:
    index = 0
    while size >= base and index < len(units) - 1:
        size /= base
        index += 1
    return shape % (size, units[index])


def ellipsis(text: str, width: int) -> str:
    """`text` in at most `width` characters, the last one "…" where it was cut."""
    if len(text) <= width:
        return text
    return text[: width - 1] + "…" if width > 1 else text[:width]


def short_id(identifier: str) -> str:
    """The 12 digits that stand for an id; "sha256:" in front is left out."""
    return identifier.partition(":")[2][:12] if ":" in identifier else identifier[:12]


def parse_time_s(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time ("2026-11-22T09:47:42.123456789Z"); 0.0 for Go's zero time.

    Raises: ValueError
    """
    if not text or text.startswith("0001-01-01"):
        return 0.0
    whole, _, rest = text.partition("T")
    clock, zone_s = _split_zone(rest)
    clock, _, fraction = clock.partition(".")
    year, month, day = (int(part) for part in whole.split("-"))
    hour, minute, second = (int(part) for part in clock.split(":"))
    seconds = _days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone_s
    return seconds + (float(f"0.{fraction}") if fraction else 0.0)


def _days_since_1970(year: int, month: int, day: int) -> int:
    """Without `calendar`, whose import takes longer than a table of tasks. Years begin in March, leap days end them."""
    if not (1 <= month <= 12 and 1 <= day <= 31):
        raise ValueError(f"no such day: {year}-{month}-{day}")
    year, month = (year - 1, month + 9) if month <= 2 else (year, month - 3)
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 1 - 719468


def _split_zone(text: str) -> tuple[str, int]:
    if text.endswith(("Z", "z")):
        return text[:-1], 0
    for sign in "+-":
        clock, found, zone = text.partition(sign)
        if found:
            hours, _, minutes = zone.partition(":")
            return clock, int(f"{sign}1") * (int(hours) * 3600 + int(minutes or 0) * 60)
    return text, 0


def go_time_text(seconds: float) -> str:
    """A time as Go's Time.String prints it: "2026-11-22 09:47:42 +0000 UTC"."""
    local = time.localtime(seconds)
    return time.strftime("%Y-%m-%d %H:%M:%S %z %Z", local)


def go_time_of(text: str) -> str:
    """An RFC 3339 time in UTC as Go's Time.String prints it, to the nanosecond; any other text as it is."""
    day, letter, clock = text.partition("T")
    if not letter or not clock.endswith("Z"):
        return text
    whole, point, fraction = clock[:-1].partition(".")
    fraction = fraction.rstrip("0")
    return f"{day} {whole}{point if fraction else ''}{fraction} +0000 UTC"


def rfc3339_text(seconds: float) -> str:
    """A local time as "2026-11-22T09:47:42Z", or with "+01:00" in the end."""
    local = time.localtime(seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + zone_text(local)


def zone_text(local: time.struct_time) -> str:
    """ "Z" or "+01:00"."""
    zone = time.strftime("%z", local)
    return "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"


def ago_text(then_s: float, now_s: float) -> str:
    """ "5 days ago"."""
    return elapsed_text(now_s - then_s) + " ago"
