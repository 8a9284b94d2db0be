"""Finding records by what users write: an id, a name, or the beginning of an id."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from shoal.errors import InvalidArgument, NotFound

R = TypeVar("R")


def resolve(noun: str, reference: str, records: Mapping[str, R], name_of: Callable[[R], str]) -> R:
    """The one meant.

    Raises: NotFound "service x not found"; InvalidArgument where several have this name or beginning
    """
    if (found := records.get(reference)) is not None:
        return found
    if not reference:
        raise NotFound(f"{noun} {reference} not found")
    for matches in (
        [record for record in records.values() if name_of(record) == reference],
        [record for identity, record in records.items() if identity.startswith(reference)],
    ):
        if len(matches) > 1:
            raise InvalidArgument(f"{noun} {reference} is ambiguous ({len(matches)} matches found)")
        if matches:
            return matches[0]
    raise NotFound(f"{noun} {reference} not found")


def begins(value: str, wanted: Sequence[str]) -> bool:
    """True when nothing is wanted, or `value` begins with one of the wanted texts."""
    return not wanted or any(value.startswith(text) for text in wanted)


def oldest_first(records: Iterable[R], created_at: Callable[[R], int]) -> list[R]:
    """In order of their making."""
    return sorted(records, key=created_at)
