"""Functions of templates: Go's own and docker's."""

from __future__ import annotations

import json

from shoal.cli.gotemplate.parse import TemplateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Missing:
    """A field that the data do not have: false in conditions, an error or "<no value>" where it is printed."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Missing)

    def __hash__(self) -> int:
        return 0

    def __len__(self) -> int:
        return 0


class Nil(Missing):
    """A null that is an empty list or map in docker's own types; name: how Go prints it."""

    __slots__ = ()


#: fields that are lists or maps in docker's types: the API says null where they are empty
_LISTS = """
Aliases Args Binds BlkioDeviceReadBps BlkioDeviceReadIOps BlkioDeviceWriteBps BlkioDeviceWriteIOps CapAdd CapDrop Cmd
Config DNSNames Devices DeviceCgroupRules DeviceRequests Dns DnsOptions DnsSearch Entrypoint Env ExecIDs ExtraHosts
GroupAdd Links MaskedPaths Mounts OnBuild ReadonlyPaths RepoDigests RepoTags SecurityOpt Shell Ulimits VolumesFrom
"""
_MAPS = "Annotations Containers DriverOpts ExposedPorts Labels Options PortBindings Ports Status Sysctls Tmpfs Volumes"
NILS = {**{name: Nil("[]") for name in _LISTS.split()}, **{name: Nil("map[]") for name in _MAPS.split()}}


def text_of(value: Any) -> str:
    """A value as Go prints it with %v."""
    if isinstance(value, Nil):
        return value.name
    if value is None or isinstance(value, Missing):
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, list | tuple):
        return "[" + " ".join("<nil>" if item is None else text_of(item) for item in value) + "]"
    if isinstance(value, dict):
        shown = [key for key in sorted(value) if not callable(value[key])]
        return "map[" + " ".join(f"{key}:{text_of(value[key])}" for key in shown) + "]"
    return str(value)


def json_text(value: Any) -> str:
    """A value as Go's encoding/json writes it."""
    if isinstance(value, Missing):
        value = None
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if not callable(item)}
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_no_methods)


def _no_methods(value: Any) -> Any:
    return None if callable(value) else str(value)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, Nil) and value.name == "map[]":
            return ""
        if value is None or isinstance(value, Missing):
            raise TemplateError("error calling index: index of untyped nil")
        if isinstance(value, dict):
            value = value.get(str(key))
        elif isinstance(value, list | str) and isinstance(key, int):
            if not 0 <= key < len(value):
                raise TemplateError(f"error calling index: index out of range: {key}")
            value = value[key]
        else:
            raise TemplateError(f"error calling index: cannot index {type(value).__name__} with {key!r}")
    return value


def _slice(value: Any, *bounds: int) -> Any:
    low = bounds[0] if bounds else 0
    high = bounds[1] if len(bounds) > 1 else len(value)
    if not 0 <= low <= high <= len(value):
        raise TemplateError(f"error calling slice: index out of range: {high}")
    return value[low:high]


def _length(value: Any) -> int:
    if isinstance(value, Missing | str | list | dict) or value is None:
        return len(value.encode()) if isinstance(value, str) else len(value or ())
    raise TemplateError(f"error calling len: len of type {type(value).__name__}")


def _and(*values: Any) -> Any:
    for value in values:
        if not value:
            return value
    return values[-1]


def _or(*values: Any) -> Any:
    for value in values:
        if value:
            return value
    return values[-1]


def _printf(template: str, *values: Any) -> str:
    import re  # loaded by json already

    rest = list(values)

    def convert(match: re.Match[str]) -> str:
        verb = match.group(2)
        if verb == "%":
            return "%"
        if not rest:
            return f"%!{verb}(MISSING)"
        value = rest.pop(0)
        flags = match.group(1)
        if verb == "v":
            return ("%" + flags + "s") % text_of(value)
        if verb == "q":
            return ("%" + flags + "s") % json.dumps(str(value), ensure_ascii=False)
        if verb == "t":
            return text_of(bool(value))
        try:
            return ("%" + flags + verb) % (text_of(value) if verb == "s" else value)
        except (TypeError, ValueError):
            return f"%!{verb}({type(value).__name__}={text_of(value)})"

    return re.sub(r"%([-+# 0]*\d*(?:\.\d+)?)([vsdqtxXofegcU%])", convert, template)


def _truncate(text: str, length: int) -> str:
    return text if len(text) < length else text[:length]


def _html(*values: Any) -> str:
    import html

    return html.escape(_print(*values)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")


def _urlquery(*values: Any) -> str:
    from urllib.parse import quote_plus

    return quote_plus(_print(*values))


def _print(*values: Any) -> str:
    """Go's Print: a space between two operands when neither is a string."""
    out = ""
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            out += " "
        out += text_of(value)
    return out


def _compare(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        try:
            return test(left, right)
        except TypeError:
            raise TemplateError("incompatible types for comparison") from None

    return compare


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "and": _and,
    "or": _or,
    "not": lambda value: not value,
    "eq": lambda left, *others: any(left == other for other in others),
    "ne": lambda left, right: left != right,
    "lt": _compare(lambda left, right: left < right),
    "le": _compare(lambda left, right: left <= right),
    "gt": _compare(lambda left, right: left > right),
    "ge": _compare(lambda left, right: left >= right),
    "len": _length,
    "index": _index,
    "slice": _slice,
    "print": _print,
    "printf": _printf,
    "println": lambda *values: " ".join(text_of(value) for value in values) + "\n",
    "html": _html,
    "urlquery": _urlquery,
    "json": json_text,
    "split": lambda text, separator: str(text).split(separator),
    "join": lambda items, separator: separator.join(text_of(item) for item in items or ()),
    "title": lambda text: " ".join(word[:1].upper() + word[1:] for word in str(text).split(" ")),
    "lower": lambda text: str(text).lower(),
    "upper": lambda text: str(text).upper(),
    "pad": lambda text, before, after: text if not text else " " * before + str(text) + " " * after,
    "truncate": _truncate,
}
#: for the header line of a table: docker's functions give back what they get
HEADER_FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: (lambda value, *_: value) for name in ("json", "split", "join", "title", "lower", "upper", "pad", "truncate")
}
