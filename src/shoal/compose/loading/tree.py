"""The tree that the phases hand on: plain values in maps and lists that remember where they stood in the file.

Only `Map` and `Seq` carry marks; a value is found by walking down to it. Phases make new maps and keep the marks, so
that an error found in the merged, canonical tree still names a line of one of the files.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from shoal.errors import InvalidArgument

#: Keys and list positions from the root.
Path = tuple[str | int, ...]


class Mark(NamedTuple):
    """A place in a file; line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Map(dict[str, Any]):
    """A mapping; `marks` says where each key stood."""

    __slots__ = ("mark", "marks")

    def __init__(self, values: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), mark: Mark | None = None) -> None:
        super().__init__(values)
        self.mark = mark
        self.marks: dict[str, Mark] = {}

    def like(self, values: Mapping[str, Any]) -> "Map":
        """`values` with the marks of this map."""
        new = Map(values, self.mark)
        new.marks = self.marks
        return new


class Seq(list[Any]):
    """A list; `marks` says where each item stood (shorter than the list where that is not known)."""

    __slots__ = ("mark", "marks")

    def __init__(self, values: Iterable[Any] = (), mark: Mark | None = None) -> None:
        super().__init__(values)
        self.mark = mark
        self.marks: list[Mark | None] = []

    def like(self, values: Iterable[Any]) -> "Seq":
        """`values`, one for each item of this list, with its marks."""
        new = Seq(values, self.mark)
        new.marks = self.marks
        return new


class Reset:
    """Value of a `!reset` tag: the key is taken out of what is merged so far."""

    __slots__ = ()


class Override:
    """Value of an `!override` tag: replaces what is merged so far instead of being merged with it."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Template(str):
    """A string with variables in it, where they are not replaced: it may come to be any plain value."""

    __slots__ = ()


def templated(value: Any) -> Any:
    """`value` with every string that holds a `$` as a `Template`."""
    if isinstance(value, str):
        return Template(value) if "$" in value else value
    if isinstance(value, Map):
        return value.like({key: templated(item) for key, item in value.items()})
    if isinstance(value, Seq):
        return value.like([templated(item) for item in value])
    return Override(templated(value.value)) if isinstance(value, Override) else value


def marks_of(values: Any) -> dict[str, Mark]:
    """Marks of a map's keys; none where it did not come from a file."""
    return values.marks if isinstance(values, Map) else {}


def mark_of_item(values: Any, position: int) -> Mark | None:
    """Mark of an item of a list, as exactly as it is known."""
    if not isinstance(values, Seq):
        return None
    return values.marks[position] if position < len(values.marks) else values.mark


def locate(root: Any, path: Path) -> Mark | None:
    """Mark of the value at `path`, or of the nearest thing around it that has one."""
    value, found = root, getattr(root, "mark", None)
    for step in path:
        if isinstance(value, Override):
            value = value.value
        if isinstance(value, dict) and step in value:
            found = marks_of(value).get(str(step)) or found
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            found = mark_of_item(value, step) or found
            value = value[step]
        else:
            break
    return found


def dotted(path: Path) -> str:
    """The path as messages print it."""
    return ".".join(map(str, path))


class BadValue(Exception):
    """A value that cannot be right, known by its path; `raise_at` turns it into the error that the user sees."""

    def __init__(self, path: Path, text: str, *, at_path: bool = True, hint: str = "") -> None:
        super().__init__(text)
        self.path, self.text, self.at_path, self.hint = path, text, at_path, hint

    def located(self, root: Any) -> InvalidArgument:
        """The error with file, line and column, as far as `root` knows them."""
        mark = locate(root, self.path)
        where = f"{mark}: " if mark else ""
        shown = f"{dotted(self.path)}: " if self.at_path and self.path else ""
        return InvalidArgument(f"{where}{shown}{self.text}", hint=self.hint)


def kind_of(value: Any) -> str:
    """What a value is, in the words of the file format."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "a mapping"


def number_text(value: int | float) -> str:
    """A number as Compose turns it into text: no trailing `.0`, an exponent from a million on."""
    if isinstance(value, int):
        return str(value)
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": "+Inf", "-inf": "-Inf"}.get(str(value), "NaN")
    shortest = repr(abs(value))
    digits = shortest.split("e")[0].replace(".", "").strip("0") or "0"
    power = int(f"{value:.17e}".split("e")[1]) if value else 0
    sign = "-" if value < 0 else ""
    if -4 <= power < 6:
        return sign + (f"{abs(value):f}".rstrip("0") if "e" in shortest else shortest.removesuffix(".0"))
    return sign + _scientific(digits, power)


def _scientific(digits: str, power: int) -> str:
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"


def text_of(value: Any) -> str:
    """A scalar as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number_text(value)
    return "" if value is None else str(value)
