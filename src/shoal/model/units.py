"""Sizes and durations as people write and read them: "512m", "1.5GiB", "1m30s", "5 minutes".

No regular expressions: the command line reads them, and `re` takes longer to import than many a command to run.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NS_PER_S = 10**9
_DIGITS = "0123456789."
_MOST = 1 << 63  #: of bytes and of nanoseconds: both are signed 64-bit numbers in Docker's engine
_MOST_CHARACTERS = 60

#: Go's units, {name: nanoseconds}; the two letters µ are U+00B5 and U+03BC
DURATION_UNITS = {
    "ns": 1,
    "us": 10**3,
    "\u00b5s": 10**3,
    "\u03bcs": 10**3,
    "ms": 10**6,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
}
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}


def parse_duration_ns(text: str, units: Mapping[str, int] = DURATION_UNITS) -> int:
    """Nanoseconds in Go's notation: "1m30s", "500ms", "1.5h", "0"; ends of a nanosecond are cut.

    units: {name: nanoseconds}
    Raises: ValueError, in Go's words
    """
    rest, sign = (text[1:], -1) if text.startswith("-") else (text.removeprefix("+"), 1)
    if rest == "0":
        return 0
    total = 0
    letters = "".join({letter for unit in units for letter in unit})
    while True:
        after = rest.lstrip(_DIGITS)
        number = rest[: len(rest) - len(after)]
        rest = after.lstrip(letters)
        unit = after[: len(after) - len(rest)]
        if not _is_decimal(number) or len(text) > _MOST_CHARACTERS:
            raise ValueError(f'time: invalid duration "{text}"')
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in units:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += _times(number, units[unit])
        if not rest:
            break
    if total >= _MOST:
        raise ValueError(f'time: invalid duration "{text}"')
    return sign * total


def parse_size_bytes(text: str) -> int:
    """Bytes in "512m", "1.5GiB", "2 GB", "100"; all units are powers of 1024, as Docker's. Raises: ValueError"""
    after = text.strip().lstrip(_DIGITS)
    number = text.strip()[: len(text.strip()) - len(after)]
    suffix = after.strip().lower()
    unit = suffix[:1] if suffix[1:] in ("", "b", "ib") and suffix != "b" else suffix.removesuffix("b")
    if not _is_decimal(number) or len(text) > _MOST_CHARACTERS:
        raise ValueError(f"invalid size: '{text}'")
    if unit not in _SIZE_UNITS:
        raise ValueError(f"invalid suffix: '{after.strip()}'")
    size_bytes = _times(number, _SIZE_UNITS[unit])
    if size_bytes >= _MOST:
        raise ValueError(f"invalid size: '{text}'")
    return size_bytes


def _is_decimal(number: str) -> bool:
    return number.isascii() and number.count(".") < 2 and number.strip(".") != ""


def _times(number: str, unit: int) -> int:
    """`number` units; exact, as a float would not be."""
    whole, _, fraction = number.partition(".")
    return int(whole or "0") * unit + int(fraction or "0") * unit // int("1" + "0" * len(fraction))


def elapsed_text(seconds: float) -> str:
    """ "Less than a second", "About a minute", "5 days", … Source: docker/go-units, `HumanDuration`"""
    whole = int(seconds)
    minutes = whole // 60
    hours = int(seconds / 3600 + 0.5)
    if whole < 1:
        return "Less than a second"
    if whole < 60:
        return "1 second" if whole == 1 else f"{whole} seconds"
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    days = hours // 24
    if days < 14:
        return f"{days} days"
    if days < 60:
        return f"{days // 7} weeks"
    return f"{days // 30} months" if days < 730 else f"{int(seconds / 3600) // 24 // 365} years"
