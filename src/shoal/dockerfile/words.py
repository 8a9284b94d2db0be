"""Words, JSON arrays, durations and comma lists in the text of an instruction."""

import json
from difflib import get_close_matches


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


def parse_bool(text: str) -> bool:
    """true, false, 1, 0, yes, no. Raises: ValueError"""
    if text.lower() in ("true", "1", "t", "yes", "on", ""):
        return True
    if text.lower() in ("false", "0", "f", "no", "off"):
        return False
    raise ValueError(f'expected true or false, got "{text}"')


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
