"""Short forms → long forms, one function a form. Each takes a value and its path, and gives a new value.

All raise BadValue where the value can't be read.
"""

from collections.abc import Callable, Iterable
from typing import Any

from shoal.compose.loading.tree import BadValue, Map, Mark, Override, Path, Reset, Seq, kind_of, mark_of_item, text_of
from shoal.compose.units import duration_text, parse_duration_ns
from shoal.model.units import parse_size_bytes

Form = Callable[[Any, Path], Any]

_TRUE = frozenset(("true", "1", "t", "yes", "y", "on"))
_FALSE = frozenset(("false", "0", "f", "no", "n", "off"))


def to_bool(value: Any, path: Path) -> bool:
    """A boolean, also from the text of one."""
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word not in _TRUE | _FALSE:
        raise BadValue(path, f'expected a boolean, got "{value}"')
    return word in _TRUE


def to_int(value: Any, path: Path) -> int:
    """A whole number, also from the text of one."""
    try:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, (int, str)):
            return int(value)
    except ValueError:
        pass
    raise BadValue(path, f'expected an integer, got "{text_of(value)}"')


def to_int_text(value: Any, path: Path) -> str:
    """A whole number as text, where Compose prints it so."""
    return str(to_int(value, path))


def to_float(value: Any, path: Path) -> float | int:
    """A number, also from the text of one; whole ones as integers."""
    try:
        number = float(value)
        if number != number or number in (float("inf"), float("-inf")):
            raise ValueError
    except ValueError:
        raise BadValue(path, f'expected a number, got "{text_of(value)}"') from None
    return int(number) if number.is_integer() else number


def to_text(value: Any, path: Path) -> str:
    return text_of(value)


def to_size(value: Any, path: Path) -> str:
    """A size in bytes, as text."""
    try:
        return str(parse_size_bytes(text_of(value)))
    except ValueError:
        hint = "write a number with k, m or g, such as 512m"
        raise BadValue(path, f'invalid size: "{text_of(value)}"', hint=hint) from None


def to_swap_size(value: Any, path: Path) -> str:
    """A size in bytes, or -1 for no limit."""
    return "-1" if text_of(value).strip() == "-1" else to_size(value, path)


def to_duration(value: Any, path: Path) -> str:
    """A duration as Go prints it."""
    try:
        return duration_text(parse_duration_ns(text_of(value)))
    except ValueError:
        hint = "write a number with ms, s, m or h, such as 90s"
        raise BadValue(path, f'invalid duration: "{text_of(value)}"', hint=hint) from None


def to_period_us(value: Any, path: Path) -> int:
    """Microseconds, from a number of them or from a duration."""
    if isinstance(value, str) and not value.strip().lstrip("-").isdecimal():
        try:
            return parse_duration_ns(value) // 1000
        except ValueError:
            raise BadValue(path, f'expected microseconds or a duration, got "{value}"') from None
    return to_int(value, path)


def to_mode(value: Any, path: Path) -> str:
    """Permission bits as four octal digits, from a number or from octal text."""
    try:
        bits = int(value, 8) if isinstance(value, str) else int(value)
    except ValueError:
        bits = -1
    if not 0 <= bits <= 0o7777:
        raise BadValue(path, f'expected permission bits such as "0440", got "{text_of(value)}"')
    return f"{bits:04o}"


def to_mode_bits(value: Any, path: Path) -> int:
    """Permission bits as a number."""
    return int(to_mode(value, path), 8)


def to_list(value: Any, path: Path) -> Any:
    """A list, from one item or from a list."""
    return value if isinstance(value, list) else Seq([value], None)


def to_texts(value: Any, path: Path) -> Any:
    """A list of strings, from plain values or one of them."""
    items = to_list(value, path)
    return items.like([text_of(item) for item in items])


def pairs_map(absent: str | None, separators: str = "=") -> Form:
    """`[KEY=value]` → `{KEY: value}`; a KEY alone gets `absent`."""

    def form(value: Any, path: Path) -> Map:
        if isinstance(value, Map):
            return value.like({key: _pair_value(item, absent) for key, item in value.items()})
        entries: list[tuple[str, Any, Mark | None]] = []
        for position, item in enumerate(value):
            key, equals, rest = _split(text_of(item), separators)
            if not key:
                raise BadValue((*path, position), f'expected KEY=value, got "{item}"')
            entries.append((key, rest if equals else absent, mark_of_item(value, position)))
        return marked(entries, value)

    return form


def _pair_value(item: Any, absent: str | None) -> Any:
    if item is None:
        return absent
    return item if isinstance(item, (Reset, Override)) else text_of(item)


def _split(text: str, separators: str) -> tuple[str, str, str]:
    """`text` cut at the first of the separators that it has."""
    for separator in separators:
        if separator in text:
            return text.partition(separator)
    return text, "", ""


def marked(entries: Iterable[tuple[str, Any, Mark | None]], source: Any) -> Map:
    """A map of entries with marks, made from `source`."""
    result = Map((), getattr(source, "mark", None))
    for key, item, mark in entries:
        result[key] = item
        if mark:
            result.marks[key] = mark
    return result


def names_map(default: Callable[[], Any]) -> Form:
    """`[name]` → `{name: default}`; a map stays."""

    def form(value: Any, path: Path) -> Map:
        if isinstance(value, Map):
            return value
        return marked(((text_of(item), default(), mark_of_item(value, i)) for i, item in enumerate(value)), value)

    return form


def to_hosts(value: Any, path: Path) -> Map:
    """`[host=address]` or `[host:address]` → `{host: [address]}`, addresses without brackets."""
    entries: dict[str, tuple[list[str], Mark | None]] = {}
    items: list[tuple[str, Any, Mark | None]]
    if isinstance(value, Map):
        items = [(key, item, value.marks.get(key)) for key, item in value.items()]
    else:
        items = []
        for position, text in enumerate(value):
            host, separator, address = _split(text_of(text), "=:")
            if not separator or not host or not address:
                raise BadValue((*path, position), f'bad host "{text}": expected host=address')
            items.append((host, address, mark_of_item(value, position)))
    for host, addresses, mark in items:
        if isinstance(addresses, (Reset, Override)):
            raise BadValue((*path, host), "tags are understood on the whole of extra_hosts only")
        known = entries.setdefault(host, ([], mark))[0]
        for address in addresses if isinstance(addresses, list) else [addresses]:
            known.append(address.removeprefix("[").removesuffix("]"))
    return marked(((host, Seq(found), mark) for host, (found, mark) in entries.items()), value)


def to_command(value: Any, path: Path) -> Any:
    """A command as a list of words; a string is split as a shell would; nothing stays nothing."""
    if isinstance(value, str):
        return Seq(split_words(value, path))
    return value if value is None else value.like([text_of(word) for word in value])


def split_words(text: str, path: Path) -> list[str]:
    """The words of a command line."""
    if not any(letter in text for letter in "'\"\\"):
        return text.split()
    import shlex

    try:
        return shlex.split(text)
    except ValueError as error:
        raise BadValue(path, f"invalid command line: {str(error).lower()}: {text}") from None


def to_test(value: Any, path: Path) -> Any:
    """A health check's test as a list that starts with NONE, CMD or CMD-SHELL."""
    if isinstance(value, str):
        return Seq(["CMD-SHELL", value])
    if value and value[0] not in ("NONE", "CMD", "CMD-SHELL"):
        hint = 'write test: ["CMD", …] or test: "a shell command"'
        raise BadValue(path, f'the first item must be one of NONE, CMD or CMD-SHELL, got "{value[0]}"', hint=hint)
    return value


def to_device(value: Any, path: Path) -> Any:
    """`source[:target[:permissions]]` → a mapping."""
    if isinstance(value, Map):
        complete = {"target": value.get("source"), "permissions": "rwm", **value}
        return value.like(complete)
    parts = value.split(":")
    if len(parts) > 3 or not parts[0] or "" in parts:
        raise BadValue(path, f'confusing device mapping, expected source[:target[:permissions]]: "{value}"')
    target = parts[1] if len(parts) > 1 else parts[0]
    permissions = parts[2] if len(parts) > 2 else "rwm"
    if len(parts) == 2 and not target.startswith("/") and set(target) <= set("rwm"):
        target, permissions = parts[0], target
    return Map({"source": parts[0], "target": target, "permissions": permissions})


def to_ulimit(value: Any, path: Path) -> Any:
    """A number for both limits, or a mapping of numbers."""
    if isinstance(value, Map):
        return value.like({key: to_int(item, (*path, key)) for key, item in value.items() if key in ("soft", "hard")})
    limit = to_int(value, path)
    return limit or Map({"soft": 0, "hard": 0})


def to_file_ref(value: Any, path: Path) -> Any:
    """The name of a config or secret → its use."""
    return value if isinstance(value, Map) else Map({"source": value})


def to_env_file(value: Any, path: Path) -> Any:
    """A path → its use."""
    return value if isinstance(value, Map) else Map({"path": value})


def to_dependency(value: Any, path: Path) -> Any:
    """An entry of depends_on, complete."""
    return value.like({**value, "required": to_bool(value.get("required", True), path)})


def started() -> Map:
    """What the short form of depends_on means."""
    return Map({"condition": "service_started", "required": True})


def to_build(value: Any, path: Path) -> Any:
    return value if isinstance(value, Map) else Map({"context": value})


def to_gpus(value: Any, path: Path) -> Any:
    """`all` → one request for every device."""
    return value if isinstance(value, list) else Seq([Map({"count": -1})])


def to_device_count(value: Any, path: Path) -> int:
    return -1 if value == "all" else to_int(value, path)


def to_extends(value: Any, path: Path) -> Any:
    return value if isinstance(value, Map) else Map({"service": value})


def to_external(value: Any, path: Path) -> Any:
    """`external: {name: x}` of old files → a flag; the name is moved up by the section's own form."""
    if isinstance(value, dict):
        return True
    return to_bool(value, path)


def external_section(value: Any, path: Path) -> Any:
    """A network, volume, secret or config with the name of an old `external: {name: x}` moved up; nothing → empty."""
    if value is None:
        return Map()
    external = value.get("external") if isinstance(value, Map) else None
    if isinstance(external, dict) and "name" in external:
        if "name" in value and value["name"] != external["name"]:
            raise BadValue((*path, "external"), "name and external.name conflict; only use name")
        return value.like({**value, "name": external["name"]})
    return value


def to_publish_text(value: Any, path: Path) -> str:
    """A published port or range as text."""
    if isinstance(value, (dict, list)):
        raise BadValue(path, f"expected a port, got {kind_of(value)}")
    return text_of(value)
