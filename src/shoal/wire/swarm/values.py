"""Values that several tables of the cluster share, and what every object of a cluster begins with."""

import base64
import binascii
from collections.abc import Collection
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.units import NS_PER_S
from shoal.wire.fields import Field, Writer, read_int, read_text, wrong
from shoal.wire.times import encode_time


def read_seconds(value: Any, path: str) -> float:
    """Seconds of a whole number of nanoseconds. Raises: InvalidArgument"""
    return read_int(value, path) / NS_PER_S


def write_ns(seconds: float) -> int:
    """Nanoseconds."""
    return round(seconds * NS_PER_S)


def _or(empty: Any, make: Writer) -> Writer:
    return lambda value: make(value) if value else empty


def seconds(key: str, attr: str, *, empty: Any = 0) -> Field:
    """Nanoseconds on the wire, seconds in the model; `empty`: what 0 is written as."""
    return Field(key, attr, read_seconds, _or(empty, write_ns))


def read_count(value: Any, path: str) -> int:
    """A whole number that is not below zero. Raises: InvalidArgument"""
    number = read_int(value, path)
    if number < 0:
        raise InvalidArgument(f"{path}: expected a whole number that is not negative, got {number}")
    return number


def count(key: str, attr: str, *, empty: Any = 0) -> Field:
    """A whole number from 0; `empty`: what 0 is written as."""
    return Field(key, attr, read_count, _or(empty, int))


def read_number(value: Any, path: str) -> float:
    """Any number. Raises: InvalidArgument"""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(path, "a number", value)
    return float(value)


def read_choice(value: Any, path: str, known: Collection[str], default: str = "") -> str:
    """One of the known words; `default` of "". Raises: InvalidArgument"""
    word = read_text(value or "", path) or default
    if word not in known:
        raise InvalidArgument(f'{path}: expected one of {", ".join(known)}, got "{word}"')
    return word


def choice(key: str, attr: str, known: Collection[str], default: str = "", *, empty: Any = "") -> Field:
    """One of the known words."""
    return Field(key, attr, lambda value, path: read_choice(value, path, known, default), _or(empty, str))


def read_base64(value: Any, path: str) -> bytes:
    """Bytes of base64. Raises: InvalidArgument, which never shows them"""
    try:
        return base64.b64decode(read_text(value, path), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument(f"{path}: expected base64") from None


def write_base64(data: bytes) -> str:
    """As Docker writes bytes."""
    return base64.b64encode(data).decode()


def full(**given: Any) -> dict[str, Any]:
    """The pairs that say something: neither None, nor "", nor empty."""
    return {key: value for key, value in given.items() if value is not None and value not in ("", [], {})}


def encode_meta(id: str, version: int, created_at: int, updated_at: int) -> dict[str, Any]:
    """version: the store's revision that wrote it"""
    return {
        "ID": id,
        "Version": {"Index": version},
        "CreatedAt": encode_time(created_at),
        "UpdatedAt": encode_time(updated_at),
    }
