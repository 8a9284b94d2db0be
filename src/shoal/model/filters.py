"""The filters that all lists of the API share. Source: Docker Engine API v1.51, `filters` parameters."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from shoal.errors import InvalidArgument


def check_filters(filters: Mapping[str, object], known: Collection[str]) -> None:
    """Raises: InvalidArgument("invalid filter 'x'") for a filter that this list does not have."""
    for name in filters:
        if name not in known:
            raise InvalidArgument(f"invalid filter '{name}'")


def match_labels(labels: Mapping[str, str], wanted: Iterable[str]) -> bool:
    """True when every wanted label ("key" or "key=value") is there."""
    return all(_has_label(labels, text) for text in wanted)


def _has_label(labels: Mapping[str, str], text: str) -> bool:
    key, equals, value = text.partition("=")
    return key in labels and (not equals or labels[key] == value)


def match_any(value: str, wanted: Sequence[str]) -> bool:
    """True when nothing is wanted, or `value` contains one of the wanted texts."""
    return not wanted or any(text in value for text in wanted)


def parse_flag(name: str, wanted: Sequence[str]) -> bool | None:
    """The one boolean of a filter such as `dangling`; None where it was not given. Raises: InvalidArgument"""
    if not wanted:
        return None
    if len(wanted) != 1 or wanted[0].lower() not in ("1", "t", "true", "0", "f", "false"):
        raise InvalidArgument(f"invalid filter '{name}={','.join(wanted)}'")
    return wanted[0].lower() in ("1", "t", "true")
