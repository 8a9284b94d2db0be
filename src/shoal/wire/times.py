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
