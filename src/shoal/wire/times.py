"""Times on the wire."""

import re
from datetime import UTC, datetime

from shoal.errors import InvalidArgument
from shoal.model.units import NS_PER_S, parse_duration_ns

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


_SECONDS = re.compile(r"(\d{1,11})(?:\.(\d{0,9})\d*)?", re.ASCII)
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d))?)?)?")


def parse_moment(text: str, now_ns: int) -> int:
    """Ns since the epoch that a filter such as `until` means.

    text: "1h30m" (before now), "1700000000.5" (Unix time), "2024-01-02", "2024-01-02T03:04:05Z"
    Raises: InvalidArgument
    """
    at = _unix_time(text)
    if at is not None:
        return at
    try:
        return now_ns - parse_duration_ns(text)
    except ValueError:
        date = _DATE.fullmatch(text)
    try:
        return decode_time(f"{date[1]}T{date[2] or '00'}:{date[3] or '00'}:{date[4] or '00'}Z" if date else text)
    except (InvalidArgument, ValueError):
        raise InvalidArgument(f'failed to parse value as time or duration: "{text}"') from None


def parse_time(name: str, text: str) -> int:
    """Ns since the epoch of "1700000000.5" or an RFC 3339 time; 0 of "". `name` is the parameter's.

    Raises: InvalidArgument
    """
    if not text:
        return 0
    at = _unix_time(text)
    if at is not None:
        return at
    try:
        return decode_time(text)
    except InvalidArgument as error:
        raise InvalidArgument(f"{name}: {error.message}") from None


def _unix_time(text: str) -> int | None:
    found = _SECONDS.fullmatch(text)
    return int(found[1]) * NS_PER_S + int((found[2] or "").ljust(9, "0")) if found else None
