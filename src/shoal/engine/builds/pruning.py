"""Which entries of the build cache a prune removes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shoal.errors import InvalidArgument
from shoal.model.build import BuildCacheEntry
from shoal.wire.times import parse_moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was chosen. reclaimed_bytes: of the disk"""

    entries: tuple[BuildCacheEntry, ...]
    reclaimed_bytes: int


def choose_entries(
    entries: Sequence[BuildCacheEntry],
    filters: Mapping[str, Sequence[str]],
    *,
    everything: bool,
    keep_bytes: int,
    now_ns: int,
) -> Pruned:
    """The entries to remove, least recently used first. Raises: InvalidArgument for an unknown filter"""
    checks = [_check(name, values, now_ns) for name, values in filters.items()]
    candidates = [entry for entry in entries if everything or not entry.shared]
    candidates = [entry for entry in candidates if not entry.in_use and all(check(entry) for check in checks)]
    left = sum(entry.size_bytes for entry in entries)
    chosen: list[BuildCacheEntry] = []
    for entry in sorted(candidates, key=lambda entry: max(entry.used_at, entry.created_at)):
        if keep_bytes and left <= keep_bytes:
            break
        chosen.append(entry)
        left -= entry.size_bytes
    reclaimed = sum(entry.size_bytes for entry in chosen if not entry.shared)
    return Pruned(entries=tuple(chosen), reclaimed_bytes=reclaimed)


def _check(name: str, values: Sequence[str], now_ns: int) -> Callable[[BuildCacheEntry], bool]:
    match name:
        case "until" | "unused-for":
            limit = max(parse_moment(value, now_ns) for value in values)
            return lambda entry: max(entry.used_at, entry.created_at) <= limit
        case "id":
            return lambda entry: any(entry.id.startswith(value) for value in values)
        case "type":
            return lambda entry: entry.kind in values
        case "parent":
            return lambda entry: any(parent in values for parent in entry.parents)
        case "description":
            return lambda entry: any(value in entry.description for value in values)
        case "inuse":
            return lambda entry: entry.in_use
        case "shared":
            return lambda entry: entry.shared
        case "private":
            return lambda entry: not entry.shared
        case "label" | "label!":  # of "system prune", which gives every noun the same filters: entries have no labels
            return lambda entry: name == "label!"
    raise InvalidArgument(f"invalid filter '{name}'")
