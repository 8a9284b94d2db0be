"""Modes of `--chmod`: octal, or symbolic as chmod(1) takes them."""

import re

_CLAUSE = re.compile(r"([ugoa]*)([-+=])([rwxXst]*|[ugo])")
_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007}
_BITS = {"r": 0o444, "w": 0o222, "x": 0o111}


def check_mode(text: str) -> None:
    """Raises: ValueError when `text` is no mode."""
    apply_mode(text, 0o644, is_dir=False)


def apply_mode(text: str, mode: int, *, is_dir: bool) -> int:
    """The permission bits of a file that has `mode`, after `--chmod=text`. Raises: ValueError"""
    if re.fullmatch(r"[0-7]{1,4}", text):
        return int(text, 8)
    mode &= 0o7777
    for clause in text.split(","):
        match = _CLAUSE.fullmatch(clause)
        if not match:
            raise ValueError(f'expected an octal mode such as 0755, or one such as u+x,go=r, got "{text}"')
        mode = _clause(mode, match[1] or "a", match[2], match[3], is_dir)
    return mode


def _clause(mode: int, who: str, operator: str, bits: str, is_dir: bool) -> int:
    mask = 0
    for letter in "ugo" if "a" in who else who:
        mask |= _WHO[letter]
    value = _value(mode, bits, is_dir) & mask
    if operator == "+":
        return mode | value
    if operator == "-":
        return mode & ~value
    return (mode & ~mask) | value


def _value(mode: int, bits: str, is_dir: bool) -> int:
    if bits in ("u", "g", "o") and bits:
        digit = (mode >> {"u": 6, "g": 3, "o": 0}[bits]) & 7
        return digit << 6 | digit << 3 | digit
    value = 0
    for bit in bits:
        if bit == "X":
            value |= 0o111 if is_dir or mode & 0o111 else 0
        elif bit == "s":
            value |= 0o6000
        elif bit == "t":
            value |= 0o1000
        else:
            value |= _BITS[bit]
    return value
