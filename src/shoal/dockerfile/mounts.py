"""The value of `RUN --mount`. Source: Dockerfile reference, "RUN --mount"."""

from collections.abc import Callable
from typing import Any

from shoal.dockerfile.instructions import RunMount
from shoal.dockerfile.parser import Flag
from shoal.dockerfile.source import BadDockerfile
from shoal.dockerfile.words import did_you_mean, parse_bool, split_commas
from shoal.model.units import parse_size_bytes

TYPES = ("bind", "cache", "tmpfs", "secret", "ssh")
_ALLOWED = {
    "bind": {"type", "target", "source", "source_stage", "readonly"},
    "cache": {"type", "target", "id", "source", "source_stage", "readonly", "sharing", "mode", "uid", "gid"},
    "tmpfs": {"type", "target", "size_bytes"},
    "secret": {"type", "target", "id", "source", "required", "mode", "uid", "gid", "env"},
}


def _whole(text: str) -> int:
    if not text.isdigit():
        raise ValueError(f'expected a whole number, got "{text}"')
    return int(text)


def _octal(text: str) -> int:
    try:
        return int(text, 8)
    except ValueError:
        raise ValueError(f'expected an octal mode such as 0755, got "{text}"') from None


def _sharing(text: str) -> str:
    if text not in ("shared", "private", "locked"):
        raise ValueError(f'expected shared, private or locked, got "{text}"')
    return text


def _text(text: str) -> str:
    return text


#: {key as written: (field, parser)}
_KEYS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "type": ("type", _text),
    "from": ("source_stage", _text),
    "source": ("source", _text),
    "src": ("source", _text),
    "target": ("target", _text),
    "dst": ("target", _text),
    "destination": ("target", _text),
    "id": ("id", _text),
    "sharing": ("sharing", _sharing),
    "readonly": ("readonly", parse_bool),
    "ro": ("readonly", parse_bool),
    "readwrite": ("readonly", lambda text: not parse_bool(text)),
    "rw": ("readonly", lambda text: not parse_bool(text)),
    "required": ("required", parse_bool),
    "uid": ("uid", _whole),
    "gid": ("gid", _whole),
    "mode": ("mode", _octal),
    "size": ("size_bytes", parse_size_bytes),
    "env": ("env", _text),
}


def parse_mount(flag: Flag) -> RunMount:
    """The mount of one `--mount=…`. Raises: BadDockerfile"""
    try:
        return _parse(flag.value)
    except ValueError as error:
        raise BadDockerfile(flag.position, "RUN", f"--mount: {error}") from None


def _parse(value: str) -> RunMount:
    fields: dict[str, Any] = {}
    for part in split_commas(value):
        name, equals, text = part.partition("=")
        name = name.strip().lower()
        if name not in _KEYS:
            raise ValueError(f'unexpected key "{name}" in "{part}"{did_you_mean(name, list(_KEYS))}')
        field, parse = _KEYS[name]
        if not equals and parse is not parse_bool and field != "readonly":
            raise ValueError(f'"{part}" must be a key=value pair')
        fields[field] = parse(text)
    kind = fields.setdefault("type", "bind")
    _check(kind, fields)
    if kind == "bind":
        fields.setdefault("readonly", True)
    return RunMount(**fields)


def _check(kind: str, fields: dict[str, Any]) -> None:
    if kind not in TYPES:
        raise ValueError(f'unsupported mount type "{kind}"{did_you_mean(kind, list(TYPES))}')
    if kind == "ssh":
        raise ValueError("type=ssh is not supported: this builder has no session with the client's ssh agent")
    for field in fields:
        if field not in _ALLOWED[kind]:
            raise ValueError(f'unexpected key "{field}" for mount type "{kind}"')
    if kind in ("bind", "cache", "tmpfs") and not fields.get("target"):
        raise ValueError(f'mount type "{kind}" requires a target')
    if kind == "secret" and not (fields.get("id") or fields.get("source") or fields.get("target")):
        raise ValueError('mount type "secret" requires an id')
