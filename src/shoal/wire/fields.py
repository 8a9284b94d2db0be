"""Tables that say which JSON key is which field: one table serves both decode and encode.

TABLE = (text("Hostname", "hostname"), flag("Tty", "tty"), strings("Env", "env", empty=NULL))
decode(TABLE, {"Hostname": "web"}, "")      -> {"hostname": "web"}      only what is there and not null
encode(TABLE, spec)                         -> {"Hostname": "web", "Tty": False, "Env": None}
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shoal.errors import InvalidArgument

Reader = Callable[[Any, str], Any]
Writer = Callable[[Any], Any]


class _Omit:
    pass


OMIT = _Omit()  #: what a writer gives for "leave the key out"
NULL = None


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a JSON object and the attribute that it becomes."""

    key: str
    attr: str
    read: Reader
    write: Writer


Table = Sequence[Field]


def decode(table: Table, value: Any, path: str) -> dict[str, Any]:
    """{attribute: value} of the keys that are there and not null.

    path: where `value` stands ("HostConfig"), for messages
    Raises: InvalidArgument
    """
    source = read_object(value, path)
    return {
        field.attr: field.read(given, f"{path}.{field.key}" if path else field.key)
        for field in table
        if (given := source.get(field.key)) is not None
    }


def encode(table: Table, obj: Any) -> dict[str, Any]:
    """The JSON object of `obj`, keys in the table's order."""
    pairs = ((field.key, field.write(getattr(obj, field.attr))) for field in table)
    return {key: value for key, value in pairs if value is not OMIT}


def wrong(path: str, wanted: str, value: Any) -> InvalidArgument:
    """The error for a value of the wrong kind."""
    kinds = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return InvalidArgument(f"{path or 'body'}: expected {wanted}, got {kinds.get(type(value), type(value).__name__)}")


def read_object(value: Any, path: str) -> Mapping[str, Any]:
    """A JSON object; null is an empty one. Raises: InvalidArgument"""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong(path, "an object", value)
    return value


def read_text(value: Any, path: str) -> str:
    """A string. Raises: InvalidArgument"""
    if not isinstance(value, str):
        raise wrong(path, "a string", value)
    return value


def read_int(value: Any, path: str) -> int:
    """A whole number. Raises: InvalidArgument"""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(path, "a whole number", value)
    if not -(1 << 63) <= value < 1 << 63:
        raise InvalidArgument(f"{path or 'body'}: expected a whole number of 64 bits")
    return value


def read_flag(value: Any, path: str) -> bool:
    """A boolean. Raises: InvalidArgument"""
    if not isinstance(value, bool):
        raise wrong(path, "a boolean", value)
    return value


def read_list(value: Any, path: str) -> list[Any]:
    """A JSON array. Raises: InvalidArgument"""
    if not isinstance(value, list):
        raise wrong(path, "an array", value)
    return value


def read_strings(value: Any, path: str) -> tuple[str, ...]:
    """An array of strings. Raises: InvalidArgument"""
    return tuple(read_text(item, f"{path}.{i}") for i, item in enumerate(read_list(value, path)))


def read_words(value: Any, path: str) -> tuple[str, ...]:
    """An array of strings, or one string for an array of one (Docker's StrSlice). Raises: InvalidArgument"""
    if isinstance(value, str):
        return (value,) if value else ()
    return read_strings(value, path)


def read_text_map(value: Any, path: str) -> dict[str, str]:
    """{string: string}; null values are "". Raises: InvalidArgument"""
    source = read_object(value, path)
    return {key: "" if item is None else read_text(item, f"{path}.{key}") for key, item in source.items()}


def read_keys(value: Any, path: str) -> tuple[str, ...]:
    """The keys of an object used as a set ({"80/tcp": {}}). Raises: InvalidArgument"""
    return tuple(read_object(value, path))


def _plain(value: Any) -> Any:
    return value


def _or(empty: Any, make: Writer) -> Writer:
    """Writes `empty` for what is empty."""
    return lambda value: make(value) if value else empty


def text(key: str, attr: str, *, empty: Any = "") -> Field:
    """A string; `empty`: what "" is written as."""
    return Field(key, attr, read_text, _or(empty, str))


def number(key: str, attr: str, *, empty: Any = 0) -> Field:
    """A whole number; `empty`: what 0 is written as."""
    return Field(key, attr, read_int, _or(empty, _plain))


def maybe(key: str, attr: str, read: Reader, *, empty: Any = NULL) -> Field:
    """A number or boolean that may be None; `empty`: what None is written as."""
    return Field(key, attr, read, lambda value: empty if value is None else value)


def flag(key: str, attr: str, *, empty: Any = False) -> Field:
    """A boolean; `empty`: what False is written as."""
    return Field(key, attr, read_flag, _or(empty, _plain))


def strings(key: str, attr: str, *, empty: Any = NULL) -> Field:
    """An array of strings; `empty`: what () is written as."""
    return Field(key, attr, read_strings, _or(empty, list))


def words(key: str, attr: str, *, empty: Any = NULL) -> Field:
    """An array of strings that may come as one string; None is written as null."""
    return Field(key, attr, read_words, lambda value: empty if value is None else list(value))


def text_map(key: str, attr: str, *, empty: Any = NULL) -> Field:
    """{string: string}; `empty`: what {} is written as."""
    return Field(key, attr, read_text_map, _or(empty, dict))


def keys(key: str, attr: str, *, empty: Any = NULL) -> Field:
    """A set written as {"key": {}}; `empty`: what the empty set is written as."""
    return Field(key, attr, read_keys, _or(empty, lambda value: {item: {} for item in value}))


def objects(key: str, attr: str, table: Table, make: Callable[..., Any], *, empty: Any = NULL) -> Field:
    """An array of objects of one table; `make`: their dataclass."""

    def read(value: Any, path: str) -> tuple[Any, ...]:
        items = enumerate(read_list(value, path))
        return tuple(make(**decode(table, item, f"{path}.{i}")) for i, item in items)

    return Field(key, attr, read, _or(empty, lambda value: [encode(table, item) for item in value]))


def nested(key: str, attr: str, table: Table, make: Callable[..., Any], *, empty: Any = NULL) -> Field:
    """One object of a table; `empty`: what None is written as."""
    return Field(
        key,
        attr,
        lambda value, path: make(**decode(table, value, path)),
        lambda value: empty if value is None else encode(table, value),
    )
