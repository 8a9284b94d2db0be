"""An event: fields by Logstash's references, and texts with fields in them. Pure.

Source: "Accessing event data and fields" of Logstash's manual
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

TIMESTAMP = "@timestamp"
_REFERENCE = re.compile(r"\[([^\[\]]+)\]")
_FORMAT = re.compile(r"%\{([^}]+)\}")
#: {Joda's letters: strftime's directive}; where one begins with another the longer stands first
_LETTERS = {
    "YYYY": "%Y",
    "yyyy": "%Y",
    "xxxx": "%G",
    "DDD": "%j",
    "MMM": "%b",
    "SSS": "%f",
    "MM": "%m",
    "dd": "%d",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
    "ww": "%V",
    "Z": "%z",
}
_ANY_LETTERS = re.compile("|".join(_LETTERS))


class Event:
    """One event. `fields`: its tree; a dropped one goes nowhere."""

    def __init__(self, fields: dict[str, Any], now: datetime) -> None:
        self.fields: dict[str, Any] = {TIMESTAMP: stamp(now), "@version": "1", **fields}
        self.dropped = False

    def get(self, reference: str) -> Any:
        """The value of a field ("host", "[a][b]"), None where there is none."""
        found: Any = self.fields
        for name in names(reference):
            if not isinstance(found, dict) or name not in found:
                return None
            found = found[name]
        return found

    def put(self, reference: str, value: Any) -> None:
        """Set a field, with the objects on the way to it."""
        *way, last = names(reference)
        tree = self.fields
        for name in way:
            below = tree.get(name)
            if not isinstance(below, dict):
                below = tree[name] = {}
            tree = below
        tree[last] = value

    def take(self, reference: str) -> Any:
        """Remove a field; the value that it had."""
        *way, last = names(reference)
        tree: Any = self.fields
        for name in way:
            tree = tree.get(name) if isinstance(tree, dict) else None
        return tree.pop(last, None) if isinstance(tree, dict) else None

    def tag(self, *tags: str) -> None:
        """Add tags that it has not."""
        have = self.fields.setdefault("tags", [])
        have.extend(tag for tag in tags if tag not in have)

    def text(self, template: str) -> str:
        """The template with %{field} and %{+YYYY.MM.dd} filled in; a field that is not there stays as written."""
        return _FORMAT.sub(self._filled, template)

    def _filled(self, match: re.Match[str]) -> str:
        inside = match[1]
        if inside.startswith("+"):
            return time_of(self).strftime(joda(inside[1:]))
        value = self.get(inside)
        if value is None:
            return match[0]
        return value if isinstance(value, str) else json.dumps(value)


def names(reference: str) -> list[str]:
    """["a", "b"] of "[a][b]" and of "a"."""
    return _REFERENCE.findall(reference) if reference.startswith("[") else [reference]


def joda(pattern: str) -> str:
    """A pattern of Joda's as strftime understands it."""
    return _ANY_LETTERS.sub(lambda match: _LETTERS[match[0]], pattern)


def stamp(time: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as @timestamp is written."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(event: Event) -> datetime:
    """Its @timestamp."""
    return datetime.fromisoformat(str(event.get(TIMESTAMP)).replace("Z", "+00:00"))
