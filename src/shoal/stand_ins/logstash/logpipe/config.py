"""A pipeline file as nouns, from what the parser gives. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

SECTIONS = ("input", "filter", "output")


class ConfigError(Exception):
    """What is wrong with a pipeline file."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin: `grok { match => … }`. settings: text, numbers, true/false, lists, {name: value}, or a codec."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Branch:
    """`if … else if … else …`. ways: (condition as the parser gives it, None = else; what is done then)"""

    ways: tuple[tuple[Any, tuple["Step", ...]], ...]


Step = Plugin | Branch


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a pipeline file says."""

    inputs: tuple[Plugin, ...]
    filters: tuple[Step, ...]
    outputs: tuple[Step, ...]


def pipeline(tree: Sequence[Any]) -> Pipeline:
    """Of the parsed file. Raises: ConfigError"""
    found: dict[str, tuple[Step, ...]] = dict.fromkeys(SECTIONS, ())
    for section, content in tree:
        found[section] += steps(content)
    inputs = tuple(step for step in found["input"] if isinstance(step, Plugin))
    if len(inputs) != len(found["input"]):
        raise ConfigError("conditions have no place among inputs")
    if not inputs:
        raise ConfigError("the pipeline has no input")
    return Pipeline(inputs, found["filter"], found["output"])


def steps(content: Sequence[Any]) -> tuple[Step, ...]:
    """Plugins and branches, an `if` with its `else`s as one."""
    found: list[Step] = []
    for name, body in content:
        if name == "if":
            found.append(Branch((_way(body),)))
        elif name in ("else if", "else"):
            before = found.pop()
            assert isinstance(before, Branch)
            found.append(Branch((*before.ways, _way(body) if name == "else if" else (None, steps(body)))))
        else:
            found.append(plugin(name, body))
    return tuple(found)


def _way(body: Sequence[Any]) -> tuple[Any, tuple[Step, ...]]:
    *condition, content = body
    return condition, steps(content[0])


def plugin(name: str, body: Sequence[Any]) -> Plugin:
    """A plugin with its settings; a setting written twice is a longer list."""
    settings: dict[str, Any] = {}
    for key, values in body:
        said = value(values)
        if key in settings and isinstance(settings[key], list) and isinstance(said, list):
            said = settings[key] + said
        elif key in settings and isinstance(settings[key], dict) and isinstance(said, dict):
            said = {**settings[key], **said}
        settings[key] = said
    return Plugin(name, settings)


def value(values: Sequence[Any]) -> Any:
    """One value: the parser puts each into a list, an array into two, a hash into two with a list a pair."""
    (said,) = values
    if not isinstance(said, list):
        return _plain(said)
    if said and all(_is_pair(one) for one in said):
        return {_plain(key): value(of_key) for key, of_key in said}
    return [_plain(one) for one in said]


def _is_pair(one: Any) -> bool:
    return isinstance(one, list) and len(one) == 2 and isinstance(one[1], list)


def _plain(one: Any) -> Any:
    """Paths and addresses are text here."""
    if one is None or isinstance(one, bool | int | float | str):
        return one
    return one.as_posix() if isinstance(one, PurePath) else str(one)


def listed(said: Any) -> list[Any]:
    """A setting that may be one value or several."""
    return said if isinstance(said, list) else [] if said is None else [said]
