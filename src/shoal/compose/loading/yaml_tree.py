"""YAML text → `Map`, `Seq` and scalars, by the rules of Compose rather than of YAML 1.1.

Unquoted `yes`, `on` and `21:21` are strings; `0440` and `0o440` are octal; a key given twice is refused; `<<` merges;
`!reset` and `!override` are kept for the merge. The parser is libyaml's.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from shoal.compose.loading.tree import Map, Mark, Override, Reset, Seq
from shoal.errors import InvalidArgument

#: More nodes than any file needs; aliases of aliases of aliases reach it within a kilobyte.
MAX_NODES = 200_000
MAX_DEPTH = 100

_TAG = "tag:yaml.org,2002:"
#: Tag of an unquoted scalar that has none of its own.
PLAIN = f"{_TAG}plain"
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_BRACKET = re.compile(r"[\[\]{}]")
_INT = re.compile(r"[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")


class _Loader(yaml.CSafeLoader):
    """The C loader without YAML 1.1's ideas of what an unquoted word is."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode:
            return PLAIN if implicit[0] else f"{_TAG}str"
        return f"{_TAG}map" if kind is yaml.MappingNode else f"{_TAG}seq"


def parse_yaml(text: str, shown: str) -> list[Any]:
    """The documents of a file, each a `Map`, `Seq` or scalar; an empty file has none.

    shown: the file's name in messages
    Raises: InvalidArgument with line and column
    """
    _refuse_depth(text, shown)
    try:
        nodes = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        where = f"{shown}:{mark.line + 1}:{mark.column + 1}" if mark else shown
        raise InvalidArgument(f"{where}: {_reason(error)}", hint=_hint(text, mark)) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise InvalidArgument(f"{shown}: not YAML: {str(error).splitlines()[0]}") from None
    builder = _Builder(shown)
    return [builder.value(node, 0) for node in nodes if node is not None]


def _refuse_depth(text: str, shown: str) -> None:
    """Stop thousands of open brackets before the C parser's recursion meets them."""
    open_brackets = most = 0
    for bracket in _BRACKET.findall(text):
        open_brackets += 1 if bracket in "[{" else -1
        most = max(most, open_brackets)
    if most < MAX_DEPTH and text.count("- -") < MAX_DEPTH:
        return
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    mark: Any = event.start_mark
                    raise InvalidArgument(f"{shown}:{mark.line + 1}:{mark.column + 1}: nested too deeply")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        return  # compose_all reports it with its place


def _hint(text: str, mark: Any) -> str:
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    return "YAML is indented with spaces; this line has a tab" if "\t" in indent else ""


def _reason(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "not YAML"
    return f"{error.context}, {problem}" if error.context else problem


class _Builder:
    """Turns the node graph of one file into values."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._count = 0
        self._open: set[int] = set()

    def value(self, node: yaml.Node, depth: int) -> Any:
        self._count += 1
        if self._count > MAX_NODES:
            raise self._error(node, "too many aliases")
        tag = node.tag
        if tag == "!reset":
            return Reset()
        if tag == "!override":
            return Override(self._untagged(node, depth))
        if not tag.startswith(_TAG) and tag != "!":
            raise self._error(node, f'unknown tag "{tag}"')
        return self._untagged(node, depth)

    def _untagged(self, node: yaml.Node, depth: int) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise self._error(node, "an alias refers to what contains it")
        if depth > MAX_DEPTH:
            raise self._error(node, "nested too deeply")
        self._open.add(id(node))
        try:
            return self._map(node, depth) if isinstance(node, yaml.MappingNode) else self._seq(node, depth)
        finally:
            self._open.discard(id(node))

    def _seq(self, node: yaml.Node, depth: int) -> Seq:
        result = Seq((), self._mark(node))
        for item in node.value:
            value = self.value(item, depth + 1)
            if isinstance(value, Reset):
                continue
            result.append(value)
            result.marks.append(self._mark(item))
        return result

    def _map(self, node: yaml.Node, depth: int) -> Map:
        result = Map((), self._mark(node))
        merged: list[Map] = []
        for key_node, value_node in node.value:
            if self._is_merge(key_node):
                merged.extend(self._merge_sources(value_node, depth))
                continue
            key = self._key(key_node)
            if key in result.marks:
                before = result.marks[key]
                raise self._error(key_node, f'mapping key "{key}" already defined at line {before.line}')
            result[key] = self.value(value_node, depth + 1)
            result.marks[key] = self._mark(key_node)
        for source in merged:
            for key, value in source.items():
                if key not in result:
                    result[key] = value
                    result.marks[key] = source.marks[key]
        return result

    @staticmethod
    def _is_merge(node: yaml.Node) -> bool:
        return isinstance(node, yaml.ScalarNode) and node.value == "<<" and not node.style

    def _merge_sources(self, node: yaml.Node, depth: int) -> Iterator[Map]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:
            value = self.value(source, depth + 1)
            if not isinstance(value, Map):
                raise self._error(source, "map merge requires map or sequence of maps as the value")
            yield value

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag == "!reset":
            raise self._error(node, "a key must be a string")
        if not node.style and node.value in _NULLS:
            raise self._error(node, "a key must not be empty")
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        kind = node.tag.removeprefix(_TAG)
        if kind == "binary":
            raise self._error(node, "binary values are not supported")
        if kind == "plain":
            return _plain(text)
        if kind in ("str", "!"):
            return text
        if kind == "!override":
            return text if node.style else _plain(text)
        return self._forced(node, text, kind)

    def _forced(self, node: yaml.Node, text: str, kind: str) -> Any:
        """A scalar with an explicit tag, `!!int "5"`."""
        value = _plain(text)
        wanted = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}.get(kind)
        if wanted is not None and not isinstance(value, wanted):  # type: ignore[arg-type]
            raise self._error(node, f'"{text}" is no {kind}')
        return text if wanted is None else value

    def _mark(self, node: yaml.Node) -> Mark:
        mark = node.start_mark
        return Mark(self._shown, mark.line + 1, mark.column + 1)

    def _error(self, node: yaml.Node, text: str) -> InvalidArgument:
        return InvalidArgument(f"{self._mark(node)}: {text}")


def _plain(text: str) -> Any:
    """An unquoted scalar by the YAML 1.2 core schema, plus old octals."""
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    first = text[0]
    if first not in "+-.0123456789":
        return text
    if _INT.match(text):
        return _integer(text.replace("_", ""))
    if _FLOAT.match(text):
        return float(text.replace("_", ""))
    special = _SPECIAL.get(text.lower())
    return float(special) if special else text


def _integer(text: str) -> int | float | str:
    digits = text.lstrip("+-")
    if len(digits) > 66:
        return text
    base = 10
    if len(digits) > 1 and digits[0] == "0":
        base = {"b": 2, "o": 8, "x": 16}.get(digits[1], 8)
        digits = digits[2:] if digits[1] in "box" else digits[1:]
    value = -int(digits, base) if text.startswith("-") else int(digits, base)
    return value if -(1 << 63) <= value < 1 << 64 else float(value)
