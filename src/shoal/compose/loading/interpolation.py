"""Variables in values: `$VAR ${VAR} ${VAR:-d} ${VAR-d} ${VAR:?e} ${VAR?e} ${VAR:+x} ${VAR+x}`, nested; `$$` is `$`."""

import re
from collections.abc import Callable
from typing import Any

from shoal.compose.loading.tree import BadValue, Map, Override, Path, Seq, dotted

Lookup = Callable[[str], str | None]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (":-", ":?", ":+", "-", "?", "+")
MAX_DEPTH = 50


class InvalidTemplate(Exception):
    """The text has a `$` that starts nothing."""


class MissingVariable(Exception):
    """A `${VAR:?message}` whose variable has no value."""


class Interpolator:
    """Substitutes variables, and remembers which were named and which were missing.

    unset: names without a value, in order of appearance
    variables: {name: its default, "" where there is none}, for `config --variables`
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.unset: dict[str, None] = {}
        self.variables: dict[str, str] = {}

    def substitute(self, text: str) -> str:
        """`text` with its variables replaced.

        Raises: InvalidTemplate, MissingVariable
        """
        return self._expand(text, 0) if "$" in text else text

    def _expand(self, text: str, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise InvalidTemplate(text)
        out: list[str] = []
        position = 0
        while (dollar := text.find("$", position)) >= 0:
            out.append(text[position:dollar])
            following = text[dollar + 1 : dollar + 2]
            if following == "$":
                out.append("$")
                position = dollar + 2
            elif following == "{":
                end = _closing(text, dollar + 2)
                out.append(self._braced(text[dollar + 2 : end], depth))
                position = end + 1
            elif name := _NAME.match(text, dollar + 1):
                out.append(self._value(name[0]))
                position = name.end()
            else:
                raise InvalidTemplate(text)
        out.append(text[position:])
        return "".join(out)

    def _value(self, name: str) -> str:
        self.variables.setdefault(name, "")
        value = self._lookup(name)
        if value is None:
            self.unset.setdefault(name)
            return ""
        return value

    def _braced(self, inside: str, depth: int) -> str:
        name = _NAME.match(inside)
        if not name:
            raise InvalidTemplate(inside)
        rest = inside[name.end() :]
        if not rest:
            return self._value(name[0])
        operator = next((o for o in _OPERATORS if rest.startswith(o)), None)
        if operator is None:
            raise InvalidTemplate(inside)
        return self._operator(name[0], operator, rest[len(operator) :], depth)

    def _operator(self, name: str, operator: str, word: str, depth: int) -> str:
        value = self._lookup(name)
        self.variables[name] = word if operator[-1] == "-" else self.variables.get(name, "")
        given = bool(value) if operator[0] == ":" else value is not None
        if operator[-1] == "+":
            return self._expand(word, depth + 1) if given else ""
        if given:
            return value or ""
        if operator[-1] == "-":
            return self._expand(word, depth + 1)
        message = self._expand(word, depth + 1)
        raise MissingVariable(f"required variable {name} is missing a value" + (f": {message}" if message else ""))


def _closing(text: str, start: int) -> int:
    """Position of the brace that closes the one before `start`."""
    depth, position = 1, start
    while position < len(text):
        if text.startswith("$$", position):
            position += 2
        elif text.startswith("${", position):
            depth += 1
            position += 2
        elif text[position] == "}":
            depth -= 1
            if not depth:
                return position
            position += 1
        else:
            position += 1
    raise InvalidTemplate(text)


def interpolate(value: Any, interpolator: Interpolator, path: Path = ()) -> Any:
    """`value` with the variables of all its strings replaced; keys are left as they are."""
    if isinstance(value, str):
        return _interpolate_text(value, interpolator, path) if "$" in value else value
    if isinstance(value, Map):
        return value.like({key: interpolate(item, interpolator, (*path, key)) for key, item in value.items()})
    if isinstance(value, Seq):
        return value.like([interpolate(item, interpolator, (*path, i)) for i, item in enumerate(value)])
    if isinstance(value, Override):
        return Override(interpolate(value.value, interpolator, path))
    return value


def _interpolate_text(text: str, interpolator: Interpolator, path: Path) -> str:
    try:
        return interpolator.substitute(text)
    except InvalidTemplate:
        raise BadValue(
            path,
            f'invalid interpolation format for {dotted(path)}: "{text}"; you may need to escape any $ with another $',
            at_path=False,
        ) from None
    except MissingVariable as error:
        raise BadValue(path, f"error while interpolating {dotted(path)}: {error}", at_path=False) from None
