"""start, stop, restart, kill, pause, unpause and rm: one call for each container that is not so already."""

from collections.abc import Callable, Iterable

from shoal.compose.observed import ObservedContainer, ObservedState
from shoal.compose.operations import Plan, Question, QuestionKind
from shoal.compose.parts import Condition
from shoal.compose.planning.creation import Creator
from shoal.compose.planning.draft import Draft, call, container_call
from shoal.compose.planning.options import RemoveOptions, VerbOptions
from shoal.compose.planning.orphans import orphans_of
from shoal.compose.planning.selection import dependants, selected
from shoal.compose.planning.steps import GONE, hooks, remove, start, stop, wait
from shoal.compose.project import Project, Service
from shoal.errors import NotFound


def plan_start(project: Project, observed: ObservedState, options: VerbOptions) -> Plan:
    """Start what does not run, dependencies first, each when the conditions of its dependencies hold.

    Raises: NotFound for a service that was asked for and has no container
    """
    draft = Draft()
    creator = Creator(draft, project, observed)
    services = selected(project, options.services, with_dependencies=True)
    started: dict[str, dict[str, list[str]]] = {}
    for service in services.values():
        containers = observed.of_service(service.name)
        if not containers and (not options.services or service.name in options.services) and service.scale:
            raise NotFound(f'service "{service.name}" has no container to start')
        before = _conditions(draft, service, started, observed)
        if any(not container.running for container in containers):
            owner = project.separator.join((project.name, service.name))
            before = creator.init_containers(service, owner, before, per_replica=False)
        started[service.name] = {}
        for container in containers:
            after: list[str] = []
            if container.running:
                draft.unchanged[f"Container {container.name}"] = None
            else:
                ready = creator.init_containers(service, container.name, before, per_replica=True)
                after = [start(draft, container.name, service, f"it is {container.state}", ready)]
            started[service.name][container.name] = after
    if options.wait:
        _waits(draft, started, options)
    return draft.plan()


def _waits(draft: Draft, started: dict[str, dict[str, list[str]]], options: VerbOptions) -> None:
    for service, containers in started.items():
        for name, after in containers.items():
            kind = Condition.RUNNING_OR_HEALTHY
            wait(draft, name, kind, "--wait", after, service=service, timeout_s=options.wait_timeout_s)


def _conditions(
    draft: Draft, service: Service, started: dict[str, dict[str, list[str]]], observed: ObservedState
) -> list[str]:
    result: list[str] = []
    for dependency in service.depends_on.values():
        for name, after in started.get(dependency.service, {}).items():
            if dependency.condition is Condition.STARTED:
                result += after
            elif after or observed.containers[name].health != "healthy":
                cause = f"{service.name} depends on it"
                waited = wait(
                    draft,
                    name,
                    dependency.condition,
                    cause,
                    after,
                    service=dependency.service,
                    required=dependency.required,
                )
                result.append(waited)
    return result


def plan_stop(project: Project, observed: ObservedState, options: VerbOptions) -> Plan:
    """Stop what runs, dependants first."""
    draft = Draft()
    services = selected(project, options.services, with_dependencies=False)
    stopped: dict[str, list[str]] = {}
    for service in reversed(services.values()):
        before = [one for other in dependants(services, service.name) for one in stopped.get(other.name, ())]
        stopped[service.name] = [
            stop(draft, container, service, "stop", timeout_s=options.stop_timeout_s, after=before)
            for container in observed.of_service(service.name)
            if container.running
        ] or before
    return draft.plan()


def plan_restart(project: Project, observed: ObservedState, options: VerbOptions) -> Plan:
    """Restart containers, dependencies first; dependants with `restart: true` follow.

    Raises: NotFound where none of the services has a container
    """
    draft = Draft()
    chosen = selected(project, options.services, with_dependencies=False)
    restarting = set(chosen) if options.no_deps else _with_dependants(project, set(chosen))
    done: dict[str, list[str]] = {}
    for service in selected(project, restarting, with_dependencies=False).values():
        before = [one for dependency in service.depends_on for one in done.get(dependency, ())]
        done[service.name] = [
            _restart(draft, service, container, options.stop_timeout_s, before)
            for container in observed.of_service(service.name)
        ] or before
    if not draft.plan():
        raise NotFound("no container to restart")
    return draft.plan()


def _with_dependants(project: Project, names: set[str]) -> set[str]:
    """`names` and every service that must follow their restart."""
    todo, found = list(names), set(names)
    while todo:
        name = todo.pop()
        for dependant in dependants(project.services, name):
            if dependant.depends_on[name].restart and dependant.name not in found:
                found.add(dependant.name)
                todo.append(dependant.name)
    return found


def _restart(
    draft: Draft, service: Service, container: ObservedContainer, timeout_s: int | None, before: Iterable[str]
) -> str:
    after = tuple(before)
    if container.state == "running":
        after = hooks(draft, "pre_stop", container.name, service, after)
    request = call("POST", f"/containers/{container.name}/restart", t=None if timeout_s is None else str(timeout_s))
    operation = container_call(
        "restart", container.name, "restart", request=request, depends_on=after, service=service.name
    )
    return hooks(draft, "post_start", container.name, service, (draft.add(operation),))[-1]


def plan_kill(project: Project, observed: ObservedState, options: VerbOptions) -> Plan:
    """Send a signal to what runs."""
    draft = Draft()
    services = selected(project, options.services, with_dependencies=False)
    containers = [c for c in observed.containers.values() if c.service in services]
    if options.remove_orphans:
        containers += orphans_of(project, observed)
    for container in containers:
        if container.running:
            request = call("POST", f"/containers/{container.name}/kill", signal=options.signal)
            operation = container_call(
                "kill", container.name, "kill", request=request, accept=(GONE,), service=container.service
            )
            draft.add(operation)
    return draft.plan()


def plan_pause(project: Project, observed: ObservedState, options: VerbOptions) -> Plan:
    """Pause what runs."""
    return _each(project, observed, options, "pause", lambda container: container.state == "running")


def plan_unpause(project: Project, observed: ObservedState, options: VerbOptions) -> Plan:
    """Unpause what is paused."""
    return _each(project, observed, options, "unpause", lambda container: container.state == "paused")


def _each(
    project: Project,
    observed: ObservedState,
    options: VerbOptions,
    verb: str,
    wanted: Callable[[ObservedContainer], bool],
) -> Plan:
    draft = Draft()
    for service in selected(project, options.services, with_dependencies=False).values():
        for container in observed.of_service(service.name):
            if wanted(container):
                request = call("POST", f"/containers/{container.name}/{verb}")
                draft.add(container_call(verb, container.name, verb, request=request, service=service.name))
    return draft.plan()


def plan_remove(project: Project, observed: ObservedState, options: RemoveOptions) -> Plan:
    """Remove stopped containers, or all where they are to be stopped first; nothing until it is confirmed."""
    draft = Draft()
    services = selected(project, options.services, with_dependencies=False)
    found = [c for c in observed.containers.values() if c.service in services and not c.oneoff]
    found = [c for c in found if options.stop or not c.running]
    if not found:
        draft.warnings["No stopped containers"] = None
        return draft.plan()
    question = "remove containers"
    if question not in options.confirmed:
        text = f"Going to remove {', '.join(container.name for container in found)}"
        draft.questions.append(Question(id=question, kind=QuestionKind.REMOVE_CONTAINERS, text=text))
        return draft.plan()
    for container in found:
        last: tuple[str, ...] = ()
        if container.running:
            last = (stop(draft, container, services[container.service], "rm", timeout_s=None),)
        remove(draft, container, "rm", volumes=options.volumes, after=last)
    return draft.plan()
