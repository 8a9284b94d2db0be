"""What carrying out a plan needs from the machine that it is done on; the CLI gives it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from shoal.compose.operations import BuildImage
from shoal.errors import NotSupported


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildContext:
    """A packed build context.

    tar: its bytes, in pieces
    query: parameters that replace those of the operation
    """

    tar: Iterable[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


def no_build_context(_operation: BuildImage) -> BuildContext:
    """Raises: NotSupported. Stands where nobody can pack a context."""
    raise NotSupported("building is not possible here: nothing packs the build context")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What an operation needs from the machine that the plan is carried out on.

    registry_auth: the value of X-Registry-Auth for a reference
    build_context: body and more headers of POST /build for an operation, and its last changes to the query
    extra_query: added to the queries of pulls and builds (extensions that other engines ignore)
    """

    registry_auth: Callable[[str], str] = lambda _reference: ""
    build_context: Callable[[BuildImage], BuildContext] = no_build_context
    extra_query: Mapping[str, str] = field(default_factory=dict)
