"""Values as people write them: "512m", "1m30s", "KEY=value"."""

from __future__ import annotations

_BYTE_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_DURATION_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def parse_bytes(text: str) -> int:
    """Bytes in "512m", "1.5GiB", "100"; units are powers of 1024. "-1" stays -1 (no limit). Raises: ValueError."""
    if text == "-1":
        return -1
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    unit = text[len(digits) :].strip().lower()
    unit = unit[:-2] if unit.endswith("ib") else unit[:-1] if len(unit) == 2 and unit.endswith("b") else unit
    if unit not in _BYTE_UNITS:
        raise ValueError(f"invalid suffix: '{text[len(digits) :]}'")
    try:
        value = float(digits)
    except ValueError:
        raise ValueError(f"invalid size: '{text}'") from None
    if value < 0 or value != value or value > 2**63:
        raise ValueError(f"invalid size: '{text}'")
    return int(value * _BYTE_UNITS[unit])


def parse_duration_ns(text: str) -> int:
    """Nanoseconds in Go's notation: "1m30s", "500ms", "1.5h", "0". Raises: ValueError."""
    rest, sign = text, 1
    if rest[:1] in ("-", "+"):
        sign, rest = (-1 if rest[0] == "-" else 1), rest[1:]
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f'time: invalid duration "{text}"')
    total = 0.0
    while rest:
        after = rest.lstrip("0123456789.")
        digits = rest[: len(rest) - len(after)]
        rest = after.lstrip("nµumsh")
        unit = after[: len(after) - len(rest)]
        if not digits or digits.count(".") > 1 or digits == ".":
            raise ValueError(f'time: invalid duration "{text}"')
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _DURATION_UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += float(digits) * _DURATION_UNITS[unit]
    return sign * round(total)


def split_pair(text: str, separator: str = "=") -> tuple[str, str | None]:
    """("KEY", "value") of "KEY=value"; ("KEY", None) without a separator."""
    key, found, value = text.partition(separator)
    return key, value if found else None
