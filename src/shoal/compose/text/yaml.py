"""Values → YAML in the style of Compose: two spaces, lists indented, strings quoted only where they must be.

A string that any YAML reader could take for something else (`yes`, `21:21`, `0o7`, a date) gets double quotes; one
that would break the syntax gets single ones; several lines become a literal block.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shoal.compose.loading.tree import number_text

_WORDS = frozenset(
    "~ null true false y n yes no on off .inf +.inf -.inf .nan".split()  # noqa: SIM905
)
_NUMBER = re.compile(
    r"[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*|(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?)"
)
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")
_INDICATORS = "#,[]{}&*!|>'\"%@`"
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x07": "\\a", "\x08": "\\b", "\x1b": "\\e", "\0": "\\0", '"': '\\"'}


def to_yaml(value: Mapping[str, Any]) -> str:
    """The mapping as a YAML document."""
    return "".join(f"{line}\n" for line in _map_lines(value, ""))


def _map_lines(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, item in value.items():
        head = f"{indent}{_double(key) if chr(10) in key else _scalar(key, indent)}:"
        if isinstance(item, Mapping) and item:
            yield head
            yield from _map_lines(item, indent + "  ")
        elif isinstance(item, (list, tuple)) and item:
            yield head
            yield from _list_lines(item, indent + "  ")
        else:
            yield f"{head} {_scalar(item, indent)}"


def _list_lines(value: Any, indent: str) -> Iterator[str]:
    for item in value:
        if isinstance(item, Mapping) and item:
            lines = list(_map_lines(item, indent + "  "))
        elif isinstance(item, (list, tuple)) and item:
            lines = list(_list_lines(item, indent + "  "))
        else:
            yield f"{indent}- {_scalar(item, indent)}"
            continue
        yield f"{indent}- {lines[0][len(indent) + 2 :]}"
        yield from lines[1:]


def _scalar(value: Any, indent: str) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, (Mapping, list, tuple)):
        return "{}" if isinstance(value, Mapping) else "[]"
    return _text(value, indent)


def _text(text: str, indent: str) -> str:
    if _is_ambiguous(text):
        return _double(text)
    if not all(letter.isprintable() or letter == "\n" for letter in text):
        return _double(text)
    if "\n" in text:
        return _double(text) if " \n" in text or text.endswith(" ") else _block(text, indent)
    return _single(text) if _needs_quotes(text) else text


def _is_ambiguous(text: str) -> bool:
    """Whether the text unquoted could be read as something else than a string."""
    if not text:
        return True
    if text.lower() in _WORDS and text in (text.lower(), text.upper(), text.capitalize()):
        return True
    if text[0] not in "+-.0123456789":
        return False
    return any(pattern.fullmatch(text) for pattern in (_NUMBER, _BASE_60, _DATE))


def _needs_quotes(text: str) -> bool:
    if text[0] in _INDICATORS or text[0] == " " or text[-1] in " :" or text.startswith(("---", "...")):
        return text not in ("<<",)
    if text[0] in "-?" and (len(text) == 1 or text[1] == " "):
        return True
    return ": " in text or " #" in text


def _single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _double(text: str) -> str:
    out = []
    for letter in text:
        if letter in _ESCAPES:
            out.append(_ESCAPES[letter])
        elif letter == "\\":
            out.append("\\\\")
        elif letter.isprintable():
            out.append(letter)
        else:
            code = ord(letter)
            out.append(f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")
    return '"' + "".join(out) + '"'


def _block(text: str, indent: str) -> str:
    """A literal block; its header says how the end is kept, and the indentation where the text starts with space."""
    body = text.rstrip("\n")
    newlines = len(text) - len(body)
    ending = "-" if not newlines else "" if newlines == 1 and body else "+"
    hint = "2" if text[0] in " \n" else ""
    inner = indent + "  "
    lines = [f"{inner}{line}" if line else "" for line in text.split("\n")]
    if newlines:
        lines = lines[:-1]
    return f"|{hint}{ending}\n" + "\n".join(lines)
