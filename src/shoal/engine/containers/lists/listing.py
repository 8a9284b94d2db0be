"""Which containers a list shows. Source: Docker Engine API v1.51, ContainerList `filters`."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shoal.errors import InvalidArgument
from shoal.model.container import Container, ContainerStatus
from shoal.model.filters import check_filters, match_labels, parse_flag
from shoal.model.health import HealthStatus
from shoal.model.mount import MountType

FILTERS = (
    "ancestor",
    "before",
    "exited",
    "expose",
    "health",
    "id",
    "is-task",
    "isolation",
    "label",
    "label!",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
)
#: filters that make a list show containers that do not run
_SHOW_ALL = ("status", "exited", "before", "since")

Filters = Mapping[str, Sequence[str]]
Test = Callable[[Container], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """What filters need to know besides the container.

    created_at: of the container that `before` and `since` name
    is_ancestor: whether the image (by reference) is the container's image or below it
    """

    created_at: Callable[[str], int]
    is_ancestor: Callable[[str, Container], bool]


def choose(
    containers: Sequence[Container], filters: Filters, lookups: Lookups, *, all: bool = False, limit: int = 0
) -> list[Container]:
    """The containers to show, newest first.

    Raises: InvalidArgument for an unknown filter or value
    """
    check_filters(filters, FILTERS)
    tests = list(_tests(filters, lookups))
    everyone = all or limit > 0 or any(name in filters for name in _SHOW_ALL)
    chosen = [c for c in containers if (everyone or c.is_running) and all_true(tests, c)]
    chosen.sort(key=lambda c: c.created_at, reverse=True)
    return chosen[:limit] if limit > 0 else chosen


def all_true(tests: Sequence[Test], container: Container) -> bool:
    """Whether every test passes."""
    return all(test(container) for test in tests)


def _tests(filters: Filters, lookups: Lookups) -> list[Test]:
    tests: list[Test] = []
    for name, values in filters.items():
        if values:
            tests.append(_MAKERS[name](values, lookups))
    return tests


def _by_id(values: Sequence[str], _: Lookups) -> Test:
    return lambda c: any(c.id.startswith(value) for value in values)


def _by_name(values: Sequence[str], _: Lookups) -> Test:
    """Docker's name filter is a regular expression, tried with and without the leading slash."""
    patterns = [_pattern(value) for value in values]
    return lambda c: any(p.search(c.name) or p.search(f"/{c.name}") for p in patterns)


def _pattern(value: str) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except re.error:
        return re.compile(re.escape(value))


def _by_status(values: Sequence[str], _: Lookups) -> Test:
    for value in values:
        if value not in tuple(ContainerStatus):
            raise InvalidArgument(f"invalid filter 'status={value}'")
    return lambda c: c.status.value in values


def _by_health(values: Sequence[str], _: Lookups) -> Test:
    for value in values:
        if value not in tuple(HealthStatus):
            raise InvalidArgument(f"invalid filter 'health={value}'")
    return lambda c: (c.health.status.value if c.health else "none") in values


def _by_exit_code(values: Sequence[str], _: Lookups) -> Test:
    try:
        codes = {int(value) for value in values}
    except ValueError:
        raise InvalidArgument(f"invalid filter 'exited={values[0]}'") from None
    return lambda c: c.exit_code in codes and not c.is_running and c.started_at != 0


def _by_label(values: Sequence[str], _: Lookups) -> Test:
    return lambda c: match_labels(c.spec.labels, values)


def _by_missing_label(values: Sequence[str], _: Lookups) -> Test:
    return lambda c: not match_labels(c.spec.labels, values)


def _by_network(values: Sequence[str], _: Lookups) -> Test:
    def test(c: Container) -> bool:
        names = {*c.spec.endpoints, *c.endpoints, *(e.network_id for e in c.endpoints.values())}
        return any(value in names or any(n.startswith(value) for n in names if len(n) == 64) for value in values)

    return test


def _by_volume(values: Sequence[str], _: Lookups) -> Test:
    return lambda c: any(
        value == (p.name if p.type is MountType.VOLUME else p.source) or value.rstrip("/") == p.destination
        for p in c.mounts
        for value in values
    )


def _by_ancestor(values: Sequence[str], lookups: Lookups) -> Test:
    return lambda c: any(lookups.is_ancestor(value, c) for value in values)


def _before(values: Sequence[str], lookups: Lookups) -> Test:
    at = lookups.created_at(values[0])
    return lambda c: c.created_at < at


def _since(values: Sequence[str], lookups: Lookups) -> Test:
    at = lookups.created_at(values[0])
    return lambda c: c.created_at > at


def _port_filter(text: str) -> tuple[range, str]:
    ports, _, protocol = text.partition("/")
    first, _, last = ports.partition("-")
    try:
        return range(int(first), int(last or first) + 1), protocol or "tcp"
    except ValueError:
        raise InvalidArgument(f"invalid port specification: '{text}'") from None


def _published(c: Container) -> set[tuple[int, str]]:
    return {(b.host_port, b.protocol) for b in c.bound_ports} | {(b.container_port, b.protocol) for b in c.bound_ports}


def _exposed(c: Container) -> set[tuple[int, str]]:
    exposed = (port.partition("/") for port in c.spec.exposed_ports)
    return {(int(number), protocol or "tcp") for number, _, protocol in exposed}


def _by_ports(ports_of: Callable[[Container], set[tuple[int, str]]]) -> Callable[[Sequence[str], Lookups], Test]:
    def make(values: Sequence[str], _: Lookups) -> Test:
        wanted = [_port_filter(value) for value in values]
        return lambda c: any(n in numbers and p == protocol for n, p in ports_of(c) for numbers, protocol in wanted)

    return make


def _by_task(values: Sequence[str], _: Lookups) -> Test:
    wanted = parse_flag("is-task", values)
    return lambda c: ("com.docker.swarm.task.id" in c.spec.labels) is wanted


def _by_isolation(values: Sequence[str], _: Lookups) -> Test:
    return lambda c: (c.spec.host.isolation or "default") in values


_MAKERS: Mapping[str, Callable[[Sequence[str], Lookups], Test]] = {
    "ancestor": _by_ancestor,
    "before": _before,
    "exited": _by_exit_code,
    "expose": _by_ports(_exposed),
    "health": _by_health,
    "id": _by_id,
    "is-task": _by_task,
    "isolation": _by_isolation,
    "label": _by_label,
    "label!": _by_missing_label,
    "name": _by_name,
    "network": _by_network,
    "publish": _by_ports(_published),
    "since": _since,
    "status": _by_status,
    "volume": _by_volume,
}
