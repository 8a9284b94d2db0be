"""Times on the wire."""

import re
from datetime import UTC, datetime

from shoal.errors import InvalidArgument

NEVER = "0001-01-01T00:00:00Z"
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)")


def encode_time(at: int) -> str:
    """RFC 3339 with nanoseconds, trailing zeros cut as Go's; 0 is year 1.

    at: ns since the epoch
    """
    if at == 0:
        return NEVER
    seconds, ns = divmod(at, 1_000_000_000)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{ns:09d}".rstrip("0") if ns else ""
    return f"{whole}{fraction}Z"


def decode_time(text: str) -> int:
    """Ns since the epoch of an RFC 3339 time; 0 for year 1. Raises: InvalidArgument"""
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise InvalidArgument(f'expected an RFC 3339 time, got "{text}"')
    if found[1].startswith("0001-"):
        return 0
    zone = "+00:00" if found[4] in "Zz" else found[4]
    seconds = int(datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}").timestamp())
    return seconds * 1_000_000_000 + int((found[3] or "").ljust(9, "0"))


_UNITS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION_PART = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)(ns|us|µs|ms|s|m|h)")
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d))?)?)?")


def parse_moment(text: str, now_ns: int) -> int:
    """Ns since the epoch that a filter such as `until` means.

    text: "1h30m" (before now), "1700000000.5" (Unix time), "2024-01-02", "2024-01-02T03:04:05Z"
    Raises: InvalidArgument
    """
    if re.fullmatch(r"\d{1,11}(\.\d*)?", text):
        seconds, _, fraction = text.partition(".")
        return int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)
    parts = _DURATION_PART.findall(text)
    if parts and "".join(amount + unit for amount, unit in parts) == text:
        return now_ns - round(sum(float(amount) * _UNITS_NS[unit] for amount, unit in parts))
    if date := _DATE.fullmatch(text):
        return decode_time(f"{date[1]}T{date[2] or '00'}:{date[3] or '00'}:{date[4] or '00'}Z")
    return decode_time(text)
