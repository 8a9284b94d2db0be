"""`down`: containers in reverse order of dependency, then networks, then (where asked for) volumes and images."""

from collections.abc import Iterable

from shoal.compose import labels as names
from shoal.compose.observed import ObservedContainer, ObservedState
from shoal.compose.operations import Plan
from shoal.compose.planning.draft import Draft
from shoal.compose.planning.options import DownOptions
from shoal.compose.planning.orphans import orphan_warning, orphans_of
from shoal.compose.planning.resources import IN_USE
from shoal.compose.planning.selection import dependants, selected
from shoal.compose.planning.steps import remove, remove_object, stop
from shoal.compose.project import Project, Service


def plan_down(project: Project, observed: ObservedState, options: DownOptions) -> Plan:
    """The operations that take the project down; with `services`, only their containers.

    What the engine has counts, not what the files say: a network that was taken out of the file is removed too.
    """
    draft = Draft()
    services = {**project.services, **project.disabled_services}
    chosen = selected(project, options.services, with_dependencies=False) if options.services else services
    containers = [c for c in observed.containers.values() if c.service in chosen]
    orphans = [] if options.services else orphans_of(project, observed)
    stray = [c for c in observed.containers.values() if c.oneoff and c.service not in services]
    if options.remove_orphans:
        containers += [*orphans, *stray]
    elif orphans:
        draft.warnings[orphan_warning(orphans)] = None
    removed = _containers(draft, services, containers, options)
    if not options.services:
        _networks(draft, project, observed, removed)
        if options.volumes:
            _volumes(draft, project, observed, removed)
        if options.images:
            _images(draft, project, observed, options, removed)
        if not draft.plan():
            draft.warnings[f'No resource found to remove for project "{project.name}".'] = None
    return draft.plan()


def _containers(
    draft: Draft, services: dict[str, Service], containers: list[ObservedContainer], options: DownOptions
) -> list[str]:
    """Stop and remove; a service stops when its dependants have. Ids of the removals."""
    stopped: dict[str, list[str]] = {}
    removals = []
    for container in containers:
        service = services.get(container.service)
        last: tuple[str, ...] = ()
        if container.running:
            last = (stop(draft, container, service, "down", timeout_s=options.stop_timeout_s),)
            stopped.setdefault(container.service, []).append(f"stop {container.name}")
        removals.append(remove(draft, container, "down", volumes=options.volumes, after=last))
    for name, stops in stopped.items():
        before = [one for dependant in dependants(services, name) for one in stopped.get(dependant.name, ())]
        for operation_id in _firsts(draft, stops):
            draft.depend(operation_id, before)
    return removals


def _firsts(draft: Draft, stops: Iterable[str]) -> list[str]:
    """What each stop begins with: its first `pre_stop` hook, or itself."""
    result = []
    for operation_id in stops:
        first_hook = operation_id.replace("stop ", "pre_stop 1 ", 1)
        result.append(first_hook if first_hook in draft else operation_id)
    return result


def _networks(draft: Draft, project: Project, observed: ObservedState, after: list[str]) -> None:
    declared = {network.name for network in project.networks.values() if not network.external}
    for network in observed.networks.values():
        owner = network.labels.get(names.PROJECT)
        if owner == project.name or (network.name in declared and not owner and _is_own(network.name, project)):
            remove_object(draft, "network", network.name, "down", after, in_use=IN_USE)


def _is_own(name: str, project: Project) -> bool:
    """Whether an unlabelled network is surely this project's."""
    return name.startswith(f"{project.name}_")


def _volumes(draft: Draft, project: Project, observed: ObservedState, after: list[str]) -> None:
    for volume in observed.volumes.values():
        if volume.labels.get(names.PROJECT) == project.name:
            remove_object(draft, "volume", volume.name, "down", after, in_use=IN_USE)


def _images(draft: Draft, project: Project, observed: ObservedState, options: DownOptions, after: list[str]) -> None:
    for service in project.services.values():
        if options.images == "local" and service.image:
            continue
        reference = project.image_of(service)
        if observed.image_id(reference):
            remove_object(draft, "image", reference, "down", after, in_use=IN_USE, service=service.name)
