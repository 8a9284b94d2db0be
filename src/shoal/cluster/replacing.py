"""Values made of others, quickly: a decision makes three new tasks of each that it changes, and copies many indexes."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")

if TYPE_CHECKING:
    from dataclasses import replace as replace  # its arguments are checked
else:

    def replace(record, **changes):
        """As of `dataclasses`, in half the time: the record, of at least two fields, with other values in these."""
        names, values_of = _fields(type(record))
        return type(record)(**dict(zip(names, values_of(record), strict=True)) | changes)


@cache
def _fields(kind: type[Any]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(field.name for field in fields(kind))
    return names, attrgetter(*names)


def copied(mapping: Mapping[K, V]) -> dict[K, V]:
    """A copy to be changed. Five times as quick as `dict(mapping)` once something was taken out of a dict."""
    return mapping.copy() if isinstance(mapping, dict) else dict(mapping)
