"""Which stopped containers a prune takes. Source: Docker Engine API v1.51, ContainerPrune `filters`."""

import re
from collections.abc import Callable, Mapping, Sequence

from shoal.errors import InvalidArgument
from shoal.model.container import Container
from shoal.model.filters import check_filters, match_labels

_DURATION = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)(ns|us|ms|s|m|h|d)")
_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}


def prune_chooser(filters: Mapping[str, Sequence[str]], now: int) -> Callable[[Container], bool]:
    """Whether a container that does not run is to be removed.

    filters: until (a duration such as "24h", or seconds since the epoch), label, label!
    Raises: InvalidArgument
    """
    check_filters(filters, ("until", "label", "label!"))
    untils = [parse_until(text, now) for text in filters.get("until", ())]
    wanted, unwanted = filters.get("label", ()), filters.get("label!", ())
    return lambda c: (
        all(c.created_at < until for until in untils)
        and match_labels(c.spec.labels, wanted)
        and not (unwanted and match_labels(c.spec.labels, unwanted))
    )


def parse_until(text: str, now: int) -> int:
    """Ns since the epoch of "1h30m" (before now), "1700000000" or "1700000000.5". Raises: InvalidArgument"""
    if re.fullmatch(r"\d{1,11}(\.\d+)?", text):
        seconds, _, fraction = text.partition(".")
        return int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)
    parts = list(_DURATION.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise InvalidArgument(f"invalid until filter: {text!r}: expected a duration such as 24h, or a Unix time")
    return now - int(sum(float(part[1]) * _UNITS_NS[part[2]] for part in parts))
