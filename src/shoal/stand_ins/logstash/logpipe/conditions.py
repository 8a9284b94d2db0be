"""Conditions of branches. Pure.

Source: "Conditionals" of Logstash's manual: `and` and `nand` do not bind closer than `or` and `xor`: from left to right
"""

import re
from collections.abc import Callable
from typing import Any

from .event import Event

_JOINS: dict[str, Callable[[bool, bool], bool]] = {
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "xor": lambda a, b: a is not b,
    "nand": lambda a, b: not (a and b),
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: a is not None and b is not None and bool(a < b),
    ">": lambda a, b: a is not None and b is not None and bool(a > b),
    "<=": lambda a, b: a is not None and b is not None and bool(a <= b),
    ">=": lambda a, b: a is not None and b is not None and bool(a >= b),
    "=~": lambda a, b: isinstance(a, str) and re.search(b, a) is not None,
    "!~": lambda a, b: not (isinstance(a, str) and re.search(b, a)),
    "in": lambda a, b: a is not None and b is not None and a in b,
    "not in": lambda a, b: not (a is not None and b is not None and a in b),
}


def holds(condition: Any, event: Event) -> bool:
    """Whether the condition, as the parser gives it, is true of the event."""
    if not isinstance(condition, list):
        return _is_there(operand(condition, event))
    if condition and condition[0] in ("!", "not"):
        return not holds(condition[1], event)
    if condition[1:3] == ["not", "in"]:
        condition = [condition[0], "not in", condition[3]]
    if len(condition) == 3 and isinstance(condition[1], str) and condition[1] in _COMPARISONS:
        left, sign, right = condition
        pattern = right if sign in ("=~", "!~") else operand(right, event)
        return _COMPARISONS[sign](operand(left, event), pattern)
    result = holds(condition[0], event)
    for join, right in zip(condition[1::2], condition[2::2], strict=True):
        result = _JOINS[join](result, holds(right, event))
    return result


def operand(said: Any, event: Event) -> Any:
    """A field's value, a list, or the very value."""
    if isinstance(said, str) and said.startswith("[") and said.endswith("]"):
        return event.get(said)
    if isinstance(said, list):
        return [operand(one, event) for one in said]
    return said


def _is_there(value: Any) -> bool:
    return value is not None and value is not False
