"""Which stopped containers a prune takes. Source: Docker Engine API v1.51, ContainerPrune `filters`."""

from collections.abc import Callable, Mapping, Sequence

from shoal.model.container import Container
from shoal.model.filters import check_filters, match_labels
from shoal.wire.times import parse_moment


def prune_chooser(filters: Mapping[str, Sequence[str]], now: int) -> Callable[[Container], bool]:
    """Whether a container that does not run is to be removed.

    filters: until (a time, or a duration before now), label, label!
    Raises: InvalidArgument
    """
    check_filters(filters, ("until", "label", "label!"))
    untils = [parse_moment(text, now) for text in filters.get("until", ())]
    wanted, unwanted = filters.get("label", ()), filters.get("label!", ())
    return lambda c: (
        all(c.created_at < until for until in untils)
        and match_labels(c.spec.labels, wanted)
        and not (unwanted and match_labels(c.spec.labels, unwanted))
    )
