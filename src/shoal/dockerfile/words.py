"""Words, JSON arrays, durations and comma lists in the text of an instruction."""

import json
import re
from difflib import get_close_matches

_NS = {"ns": 1, "us": 1000, "µs": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = re.compile(r"(\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(ns|us|µs|ms|s|m|h)")


def split_words(text: str, escape: str) -> list[tuple[int, str]]:
    """(offset, word) of each word, quotes and escapes kept; a quoted space does not end a word."""
    words: list[tuple[int, str]] = []
    start = -1
    quote = ""
    at = 0
    while at < len(text):
        char = text[at]
        if not quote and char.isspace():
            if start >= 0:
                words.append((start, text[start:at]))
                start = -1
            at += 1
            continue
        start = at if start < 0 else start
        if char == escape and quote != "'":
            at += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        at += 1
    return words if start < 0 else [*words, (start, text[start:])]


def json_words(text: str) -> tuple[str, ...] | None:
    """The strings of a JSON array, or None where the text is anything else (Docker then takes the shell form)."""
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return tuple(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else None


def parse_duration(text: str) -> int:
    """Nanoseconds of "1m30s". Raises: ValueError"""
    if text in ("0", "+0", "-0"):
        return 0
    found = list(_DURATION.finditer(text))
    if not found or "".join(match[0] for match in found) != text:
        raise ValueError(f'expected a duration such as "30s" or "1m30s", got "{text}"')
    return sum(int(float(match[1]) * _NS[match[2]]) for match in found)


def parse_bool(text: str) -> bool:
    """true, false, 1, 0, yes, no. Raises: ValueError"""
    if text.lower() in ("true", "1", "t", "yes", "on", ""):
        return True
    if text.lower() in ("false", "0", "f", "no", "off"):
        return False
    raise ValueError(f'expected true or false, got "{text}"')


def parse_size(text: str) -> int:
    """Bytes of "64m", "1gb" or "1024"; binary multiples as everywhere in Docker's limits. Raises: ValueError"""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", text.strip().lower())
    if not match:
        raise ValueError(f'expected a size such as "64m", got "{text}"')
    return int(float(match[1]) * 1024 ** " kmgt".index(match[2] or " "))


def split_commas(text: str) -> list[str]:
    """Fields of a comma list; a field in double quotes may hold commas. Raises: ValueError"""
    fields: list[str] = []
    current: list[str] = []
    quoted = False
    for char in text:
        if char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            fields.append("".join(current))
            current = []
        else:
            current.append(char)
    if quoted:
        raise ValueError(f"missing closing quote in {text}")
    return [*fields, "".join(current)]


def did_you_mean(word: str, known: list[str]) -> str:
    """ " (did you mean x?)", or "" where nothing is close."""
    close = get_close_matches(word, known, 1, 0.6)
    return f" (did you mean {close[0]}?)" if close else ""
