"""Which services a command is about, and in which order."""

from collections.abc import Iterable, Mapping

from shoal.compose.keys.types import did_you_mean
from shoal.compose.project import Project, Service
from shoal.errors import NotFound


def selected(project: Project, names: Iterable[str], *, with_dependencies: bool) -> dict[str, Service]:
    """The services that `names` asks for (all where it is empty), dependencies first.

    Raises: NotFound for a name that is none of the project's services
    """
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in project.services:
            raise NotFound(f"no such service: {name}{did_you_mean(name, project.services)}")
    chosen = set(wanted or project.services)
    if with_dependencies:
        for service in dependency_order(project.services, chosen):
            chosen.add(service.name)
    return {service.name: service for service in dependency_order(project.services, chosen) if service.name in chosen}


def dependency_order(services: Mapping[str, Service], start: Iterable[str]) -> list[Service]:
    """`start` and all that it depends on, each after its own dependencies; else in the order of the file."""
    result: dict[str, Service] = {}
    wanted = set(start)
    stack: list[tuple[str, bool]] = [(name, False) for name in reversed(list(services)) if name in wanted]
    while stack:
        name, dependencies_done = stack.pop()
        if name in result or name not in services:
            continue
        service = services[name]
        if dependencies_done:
            result[name] = service
            continue
        stack.append((name, True))
        stack += [(dependency, False) for dependency in reversed(list(service.depends_on)) if dependency not in result]
    return list(result.values())


def dependants(services: Mapping[str, Service], name: str) -> list[Service]:
    """Services that depend on `name` directly."""
    return [service for service in services.values() if name in service.depends_on]
