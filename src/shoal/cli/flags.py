"""Flags: a table of what a command takes, and a parser with docker's grammar.

`--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`, clusters of short ones (`-it`), `--rm=false`,
and `--` which ends the flags. Commands such as `run` take flags only before their first argument.

A module of its own in place of argparse: the grammar differs, and it loads in a millisecond.
"""

from __future__ import annotations

from shoal.cli.errors import FlagError
from shoal.cli.values import parse_limit_bytes
from shoal.model.units import parse_duration_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


class Flag:
    """One flag of a command.

    name, short: without dashes; short may be ""
    help: "" hides the flag from help
    kind: key of KINDS; "list" and "filters" gather the values of repeated flags, the others keep the last
    default: the value where the flag is not given
    metavar: shown in help in place of the kind's word
    bare: value of the flag when it is given without one (then a value needs "="); None = a value is needed
    """

    __slots__ = ("bare", "default", "help", "kind", "metavar", "name", "short")

    def __init__(
        self,
        name: str,
        short: str = "",
        help: str = "",
        *,
        kind: str = "text",
        default: Any = None,
        metavar: str = "",
        bare: str | None = None,
    ) -> None:
        self.name = name
        self.short = short
        self.help = help
        self.kind = kind
        self.default = KINDS[kind][1] if default is None else default
        self.metavar = metavar or KINDS[kind][2]
        self.bare = "true" if kind == "bool" else bare

    @property
    def is_list(self) -> bool:
        """Whether repeated flags gather."""
        return self.kind in ("list", "filters")


def switch(name: str, short: str = "", help: str = "", *, default: bool = False) -> Flag:
    """A flag that is on or off."""
    return Flag(name, short, help, kind="bool", default=default)


def several(name: str, short: str = "", help: str = "", *, metavar: str = "list") -> Flag:
    """A flag that may be repeated; its value is the list of what was given."""
    return Flag(name, short, help, kind="list", metavar=metavar)


def filter_flag(short: str = "", help: str = "") -> Flag:
    """The flag `--filter key=value`, which may be repeated."""
    return Flag("filter", short, help, kind="filters")


def number(name: str, short: str = "", help: str = "", *, default: int = 0) -> Flag:
    """A flag with a whole number."""
    return Flag(name, short, help, kind="int", default=default)


class Options:
    """The values of a command's flags, by name without dashes."""

    def __init__(self, flags: Iterable[Flag]) -> None:
        self._values: dict[str, Any] = {
            flag.name: list(flag.default) if flag.is_list else flag.default for flag in flags
        }
        self._given: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def flag(self, name: str) -> bool:
        """Whether the switch is on."""
        return bool(self._values[name])

    def text(self, name: str) -> str:
        """The value of a text flag, "" where it was not given."""
        return str(self._values[name] or "")

    def number(self, name: str) -> int:
        """The value of a flag of kind int, bytes or duration (ns)."""
        return int(self._values[name])

    def list(self, name: str) -> list[str]:
        """The values of a repeated flag."""
        return list(self._values[name])

    def is_given(self, name: str) -> bool:
        """Whether the command line holds the flag, whatever its value."""
        return name in self._given

    def replace(self, name: str, value: Any) -> None:
        """Record a value as if the command line held it."""
        self._values[name] = value
        self._given.add(name)

    def set(self, name: str, value: Any, *, is_list: bool = False) -> None:
        """Record a flag from the command line."""
        if is_list and name in self._given:
            self._values[name].append(value)
        else:
            self._values[name] = [value] if is_list else value
        self._given.add(name)


def parse_flags(
    flags: Sequence[Flag], argv: Sequence[str], *, is_interspersed: bool = True
) -> tuple[Options, list[str]]:
    """The values of `flags` in `argv`, and the arguments that are no flags, in order.

    is_interspersed: flags may follow arguments; else the first argument ends them
    Raises: FlagError with docker's words
    """
    return _Parser(flags, is_interspersed).parse(list(argv))


class _Parser:
    def __init__(self, flags: Sequence[Flag], is_interspersed: bool) -> None:
        self._long = {flag.name: flag for flag in flags}
        self._short = {flag.short: flag for flag in flags if flag.short}
        self._is_interspersed = is_interspersed
        self._options = Options(flags)
        self._rest: list[str] = []

    def parse(self, argv: list[str]) -> tuple[Options, list[str]]:
        self._rest = argv
        arguments: list[str] = []
        while self._rest:
            word = self._rest.pop(0)
            if word == "--":
                break
            if word.startswith("--"):
                self._take_long(word)
            elif word.startswith("-") and word != "-":
                self._take_cluster(word)
            else:
                arguments.append(word)
                if not self._is_interspersed:
                    break
        return self._options, arguments + self._rest

    def _take_long(self, word: str) -> None:
        name, equals, value = word[2:].partition("=")
        flag = self._long.get(name)
        if name == "help" and flag is None:
            raise HelpAsked
        if flag is None:
            raise FlagError(f"unknown flag: --{name}", hint=_similar(name, self._long))
        if equals:
            self._set(flag, value)
        elif flag.bare is not None:
            self._set(flag, flag.bare)
        else:
            self._set(flag, self._next_word(f"flag needs an argument: --{name}"))

    def _take_cluster(self, word: str) -> None:
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            flag = self._short.get(letter)
            if flag is None and letter == "h":
                raise HelpAsked
            if flag is None:
                raise FlagError(f"unknown shorthand flag: '{letter}' in {word}")
            if letters.startswith("="):
                return self._set(flag, letters[1:])
            if flag.bare is not None:
                self._set(flag, flag.bare)
            elif letters:
                return self._set(flag, letters)
            else:
                self._set(flag, self._next_word(f"flag needs an argument: '{letter}' in {word}"))

    def _next_word(self, complaint: str) -> str:
        if not self._rest:
            raise FlagError(complaint)
        return self._rest.pop(0)

    def _set(self, flag: Flag, text: str) -> None:
        try:
            value = KINDS[flag.kind][0](text)
        except ValueError as error:
            spelled = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
            raise FlagError(f'invalid argument "{text}" for "{spelled}" flag: {error}') from error
        self._options.set(flag.name, value, is_list=flag.is_list)


class HelpAsked(Exception):
    """`--help` was among the flags."""


def _similar(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # only on the way to an error

    close = get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f'did you mean "--{close[0]}"?' if close else ""


def _parse_bool(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def _parse_filter(text: str) -> str:
    if "=" not in text:
        raise ValueError("bad format of filter (expected name=value)")
    return text


def _parse_int(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _parse_uint(text: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if value < 0:
        raise ValueError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    return value


def _parse_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'failed to parse "{text}" as a number') from None


#: {kind: (parser of one value, raising ValueError; default; word shown in help)}
KINDS: dict[str, tuple[Any, Any, str]] = {
    "bool": (_parse_bool, False, ""),
    "text": (str, "", "string"),
    "list": (str, (), "list"),
    "filters": (_parse_filter, (), "filter"),
    "int": (_parse_int, 0, "int"),
    "uint": (_parse_uint, 0, "uint"),
    "float": (_parse_float, 0.0, "decimal"),
    "bytes": (parse_limit_bytes, 0, "bytes"),
    "duration": (parse_duration_ns, 0, "duration"),
}
