"""The language that the table of keys (`keys`) is written in: types of values, and what Shoal does with each key.

A type accepts a value by its outer shape (`accepts`) and then checks what is inside (`check`), reporting to a
`Report`. Both the short and the long spelling of a value are types of the same key, joined by `AnyOf`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from shoal.compose.loading.tree import BadValue, Override, Path, Reset, Template, dotted, kind_of


class Report(Protocol):
    """Who hears of keys that are not (wholly) honoured."""

    def __call__(self, path: Path, key: "Key", value: Any) -> None: ...


class Type(Protocol):
    """A kind of value. name: in the words of messages and documentation."""

    @property
    def name(self) -> str: ...

    def accepts(self, value: Any) -> bool:
        """Whether the outer shape fits."""

    def check(self, value: Any, path: Path) -> None:
        """Raise BadValue where something inside does not fit."""

    def walk(self, value: Any, path: Path, report: Report) -> None:
        """Report every key inside that has a note."""

    def paths(self) -> "Iterator[tuple[tuple[str, ...], Key | None]]":
        """Every key inside as a path with `*` for names; None for a path that is only on the way."""


class Key(NamedTuple):
    """A key of a mapping.

    warning: it is read and has no effect; the text says why
    error: a file that uses it is refused; the text says why
    note: for the documentation
    cluster: it works in a stack and has no effect on one engine
    no_stack: it works on one engine; a stack that uses it is refused, the text says why
    stack_note: what it means in a stack, for the documentation
    required: the mapping is not complete without it, after all files are merged
    """

    type: Type
    warning: str = ""
    error: str = ""
    note: str = ""
    cluster: bool = False
    required: bool = False
    no_stack: str = ""
    stack_note: str = ""

    @property
    def stack_error(self) -> str:
        """Why a stack that uses it is refused, "" where it works in a stack."""
        return self.error or self.no_stack or ("" if self.cluster else self.warning)


class Scalar(NamedTuple):
    """A plain value of one of the Python types."""

    name: str
    kinds: tuple[type, ...]

    def accepts(self, value: Any) -> bool:
        return type(value) in self.kinds

    def check(self, value: Any, path: Path) -> None:
        pass

    def walk(self, value: Any, path: Path, report: Report) -> None:
        pass

    def paths(self) -> Iterator[tuple[tuple[str, ...], Key | None]]:
        return iter(())


class Choice(NamedTuple):
    """One word of a few."""

    words: tuple[str, ...]

    @property
    def name(self) -> str:
        return "one of " + ", ".join(self.words)

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str)

    def check(self, value: Any, path: Path) -> None:
        if value not in self.words:
            raise BadValue(path, f'expected {self.name}, got "{value}"{did_you_mean(value, self.words)}')

    def walk(self, value: Any, path: Path, report: Report) -> None:
        pass

    def paths(self) -> Iterator[tuple[tuple[str, ...], Key | None]]:
        return iter(())


class Pattern(NamedTuple):
    """A string that matches a pattern; `words` says it for people."""

    pattern: re.Pattern[str]
    words: str

    @property
    def name(self) -> str:
        return self.words

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str)

    def check(self, value: Any, path: Path) -> None:
        if not self.pattern.fullmatch(value):
            raise BadValue(path, f'expected {self.words}, got "{value}"')

    def walk(self, value: Any, path: Path, report: Report) -> None:
        pass

    def paths(self) -> Iterator[tuple[tuple[str, ...], Key | None]]:
        return iter(())


class ListOf(NamedTuple):
    """A list of one type; `unique` refuses an item given twice."""

    item: Type
    unique: bool = False

    @property
    def name(self) -> str:
        return "a list"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, list)

    def check(self, value: Any, path: Path) -> None:
        for position, item in enumerate(value):
            check_value(self.item, item, (*path, position))
        if self.unique and len(value) > 1:
            self._refuse_repeats(value, path)

    @staticmethod
    def _refuse_repeats(value: list[Any], path: Path) -> None:
        seen: dict[Any, int] = {}
        for position, item in enumerate(value):
            if isinstance(item, (dict, list)):
                continue
            if (type(item), item) in seen:
                raise BadValue((*path, position), f"items[{seen[type(item), item]},{position}] must be unique")
            seen[type(item), item] = position

    def walk(self, value: Any, path: Path, report: Report) -> None:
        for position, item in enumerate(value):
            if self.item.accepts(item):
                self.item.walk(item, (*path, position), report)

    def paths(self) -> Iterator[tuple[tuple[str, ...], Key | None]]:
        for path, key in self.item.paths():
            yield ("[]", *path), key


_ANY_NAME = re.compile(r".+", re.DOTALL)
#: Names of services, networks, volumes, …
NAME = re.compile(r"[a-zA-Z0-9._-]+")


class MapOf(NamedTuple):
    """A mapping with names that the user chooses."""

    value: Type
    names: re.Pattern[str] = _ANY_NAME

    @property
    def name(self) -> str:
        return "a mapping"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, dict)

    def check(self, value: Any, path: Path) -> None:
        for key, item in value.items():
            if not self.names.fullmatch(key) and not (key.startswith("x-") and self.names is NAME):
                raise BadValue((*path, key), f'invalid name "{key}": only [{self.names.pattern[1:-2]}] are allowed')
            check_value(self.value, item, (*path, key))

    def walk(self, value: Any, path: Path, report: Report) -> None:
        for key, item in value.items():
            if self.value.accepts(item):
                self.value.walk(item, (*path, key), report)

    def paths(self) -> Iterator[tuple[tuple[str, ...], Key | None]]:
        for path, key in self.value.paths():
            yield ("*", *path), key


class Record(NamedTuple):
    """A mapping with known keys; `x-` keys are allowed where `extensible`."""

    keys: Mapping[str, Key]
    extensible: bool = True

    @property
    def name(self) -> str:
        return "a mapping"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, dict)

    def check(self, value: Any, path: Path) -> None:
        for name, item in value.items():
            key = self.keys.get(name)
            if key is not None:
                check_value(key.type, item, (*path, name))
            elif not name.startswith("x-"):
                guess = did_you_mean(name, self.keys)
                raise BadValue((*path, name), f'unknown key "{name}"{guess}')

    def walk(self, value: Any, path: Path, report: Report) -> None:
        for name, key in self.keys.items():
            if name not in value:
                if key.required:
                    raise BadValue(path, f'"{name}" is required')
                continue
            item = value[name]
            if key.warning or key.error or key.cluster or key.no_stack:
                report((*path, name), key, item)
            if key.type.accepts(item):
                key.type.walk(item, (*path, name), report)

    def paths(self) -> Iterator[tuple[tuple[str, ...], Key | None]]:
        for name, key in self.keys.items():
            yield (name,), key
            for path, inner in key.type.paths():
                yield (name, *path), inner


class AnyOf(NamedTuple):
    """One of several types, told apart by their outer shape."""

    types: tuple[Type, ...]

    @property
    def name(self) -> str:
        names = list(dict.fromkeys(one.name for one in self.types))
        return " or ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]

    def accepts(self, value: Any) -> bool:
        return any(one.accepts(value) for one in self.types)

    def check(self, value: Any, path: Path) -> None:
        next(one for one in self.types if one.accepts(value)).check(value, path)

    def walk(self, value: Any, path: Path, report: Report) -> None:
        next(one for one in self.types if one.accepts(value)).walk(value, path, report)

    def paths(self) -> Iterator[tuple[tuple[str, ...], Key | None]]:
        for one in self.types:
            yield from one.paths()


class Later:
    """A type that is defined further down (a container specification holds container specifications)."""

    __slots__ = ("type",)

    def __init__(self) -> None:
        self.type: Type | None = None

    @property
    def name(self) -> str:
        return "a mapping"

    def accepts(self, value: Any) -> bool:
        return self.type is not None and self.type.accepts(value)

    def check(self, value: Any, path: Path) -> None:
        assert self.type is not None
        self.type.check(value, path)

    def walk(self, value: Any, path: Path, report: Report) -> None:
        assert self.type is not None
        self.type.walk(value, path, report)

    def paths(self) -> Iterator[tuple[tuple[str, ...], Key | None]]:
        return iter(())


def check_value(kind: Type, value: Any, path: Path) -> None:
    """Raise BadValue unless `value` is of `kind`, all the way down."""
    if isinstance(value, Override):
        value = value.value
    if isinstance(value, Reset):
        return
    if isinstance(value, Template) and _takes_plain(kind):
        return
    if not kind.accepts(value):
        quote = f"; quote it to make it a string: '{value}'" if _needs_quotes(kind, value) else ""
        raise BadValue(path, f"expected {kind.name}, got {kind_of(value)}{quote}")
    kind.check(value, path)


def _takes_plain(kind: Type) -> bool:
    if isinstance(kind, AnyOf):
        return any(_takes_plain(one) for one in kind.types)
    return isinstance(kind, (Scalar, Choice, Pattern))


def _needs_quotes(kind: Type, value: Any) -> bool:
    return isinstance(value, (int, float)) and kind.accepts("text")


def did_you_mean(word: str, known: Any) -> str:
    """`, did you mean "ports"?` for the nearest of the known words, or nothing."""
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f', did you mean "{near[0]}"?' if near else ""


def path_text(path: tuple[str, ...]) -> str:
    """A path of `paths()` as documentation prints it."""
    return dotted(path).replace(".[]", "[]")
