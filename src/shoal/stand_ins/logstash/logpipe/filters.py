"""Filters: what may be done to an event on its way. Pure but for the patterns that grok reads once.

Source: "Filter plugins" of Logstash's manual
"""

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pygrok import Grok

from .conditions import holds
from .config import Branch, ConfigError, Plugin, Step, listed
from .event import TIMESTAMP, Event, joda, stamp


def run(steps: Iterable[Step], event: Event, do: Callable[[Plugin, Event], None]) -> None:
    """Each plugin whose conditions hold, in order, until the event is dropped."""
    for step in steps:
        if event.dropped:
            return
        if isinstance(step, Plugin):
            do(step, event)
            continue
        for condition, then in step.ways:
            if condition is None or holds(condition, event):
                run(then, event, do)
                break


def check(steps: Iterable[Step], known: Iterable[str], kind: str) -> None:
    """All plugins are known. Raises: ConfigError"""
    for step in steps:
        if isinstance(step, Branch):
            for _, then in step.ways:
                check(then, known, kind)
        elif step.name not in known:
            raise ConfigError(f'no {kind} plugin "{step.name}" here: there are {", ".join(sorted(known))}')


def apply(plugin: Plugin, event: Event) -> None:
    """The event as a filter leaves it."""
    if FILTERS[plugin.name](plugin.settings, event):
        _decorate(plugin.settings, event)


def _decorate(settings: Mapping[str, Any], event: Event) -> None:
    """What every filter may add and remove where it was successful."""
    for name, value in settings.get("add_field", {}).items():
        event.put(event.text(name), event.text(value) if isinstance(value, str) else value)
    for name in listed(settings.get("remove_field")):
        event.take(event.text(name))
    if tags := listed(settings.get("add_tag")):
        event.tag(*(event.text(tag) for tag in tags))
    gone = {event.text(tag) for tag in listed(settings.get("remove_tag"))}
    if gone:
        event.fields["tags"] = [tag for tag in event.fields.get("tags", []) if tag not in gone]


@functools.cache
def _pattern(text: str) -> Any:
    return Grok(text)


def _grok(settings: Mapping[str, Any], event: Event) -> bool:
    matched = False
    for field, patterns in settings.get("match", {}).items():
        value = event.get(field)
        for pattern in listed(patterns):
            found = _pattern(pattern).match(value) if isinstance(value, str) else None
            if found is not None:
                for name, part in found.items():
                    if part is not None:
                        overwritten = name in listed(settings.get("overwrite"))
                        event.put(name, part if overwritten else _joined(event.get(name), part))
                matched = True
                break
    if not matched:
        event.tag(*listed(settings.get("tag_on_failure", "_grokparsefailure")))
    return matched


def _joined(before: Any, part: Any) -> Any:
    return part if before is None or before == part else [*listed(before), part]


def _json(settings: Mapping[str, Any], event: Event) -> bool:
    source = event.get(settings["source"])
    if source is None:
        return False
    try:
        parsed = json.loads(source)
        if target := settings.get("target"):
            event.put(target, parsed)
        else:
            event.fields.update(parsed)
    except (ValueError, TypeError):
        event.tag(*listed(settings.get("tag_on_failure", "_jsonparsefailure")))
        return False
    return True


def _date(settings: Mapping[str, Any], event: Event) -> bool:
    field, *formats = settings["match"]
    value = event.get(field)
    if value is None:
        return False
    for form in formats:
        try:
            event.put(settings.get("target", TIMESTAMP), stamp(_read_time(str(value), form)))
        except ValueError:
            continue
        return True
    event.tag(*listed(settings.get("tag_on_failure", "_dateparsefailure")))
    return False


def _read_time(text: str, form: str) -> datetime:
    if form == "ISO8601":
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    elif form in ("UNIX", "UNIX_MS"):
        time = datetime.fromtimestamp(float(text) / (1000 if form == "UNIX_MS" else 1), UTC)
    else:
        time = datetime.strptime(text, joda(form))
    return time if time.tzinfo else time.replace(tzinfo=UTC)


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "integer": lambda value: int(float(value)),
    "float": float,
    "string": str,
    "boolean": lambda value: str(value).lower() in ("true", "t", "yes", "y", "1", "1.0"),
}


def _mutate(settings: Mapping[str, Any], event: Event) -> bool:
    for old, new in settings.get("rename", {}).items():
        if event.get(old) is not None:
            event.put(event.text(new), event.take(old))
    for name, value in {**settings.get("update", {}), **settings.get("replace", {})}.items():
        if name in settings.get("replace", {}) or event.get(name) is not None:
            event.put(name, event.text(value))
    for name, kind in settings.get("convert", {}).items():
        _change(event, name, _CONVERSIONS[kind])
    triples = settings.get("gsub", [])
    for name, pattern, new in zip(triples[::3], triples[1::3], triples[2::3], strict=True):
        _change(event, name, functools.partial(re.sub, pattern, new))
    for key, method in (("uppercase", str.upper), ("lowercase", str.lower), ("strip", str.strip)):
        for name in listed(settings.get(key)):
            _change(event, name, method)
    for name, separator in settings.get("split", {}).items():
        _change(event, name, functools.partial(_split, separator))
    for old, new in settings.get("copy", {}).items():
        if event.get(old) is not None:
            event.put(new, event.get(old))
    return True


def _split(separator: str, value: str) -> list[str]:
    return value.split(separator)


def _change(event: Event, name: str, change: Callable[[Any], Any]) -> None:
    value = event.get(name)
    if value is None:
        return
    try:
        event.put(name, [change(one) for one in value] if isinstance(value, list) else change(value))
    except (TypeError, ValueError):
        event.tag("_mutate_error")


def _drop(settings: Mapping[str, Any], event: Event) -> bool:
    event.dropped = True
    return False


#: each says whether it was successful
FILTERS: dict[str, Callable[[Mapping[str, Any], Event], bool]] = {
    "date": _date,
    "drop": _drop,
    "grok": _grok,
    "json": _json,
    "mutate": _mutate,
}
