"""`up`, `create` and `scale`: what is missing is made, what changed is made anew, what is as wanted is left alone."""

from collections.abc import Iterable
from dataclasses import replace

from shoal.compose import labels as names
from shoal.compose.bodies.container import Creation
from shoal.compose.loading.consistency import MAX_SCALE
from shoal.compose.observed import ObservedContainer, ObservedState
from shoal.compose.operations import Plan
from shoal.compose.parts import Condition
from shoal.compose.planning.creation import Creator
from shoal.compose.planning.draft import Draft, call, container_call
from shoal.compose.planning.options import UpOptions
from shoal.compose.planning.orphans import plan_orphans
from shoal.compose.planning.outdated import shared_services, why_outdated
from shoal.compose.planning.resources import Resources
from shoal.compose.planning.selection import dependants, selected
from shoal.compose.planning.steps import remove, start, stop, wait
from shoal.compose.project import Project, Service
from shoal.errors import InvalidArgument


def plan_up(project: Project, observed: ObservedState, options: UpOptions) -> Plan:
    """The operations that bring the engine to what `project` says.

    Images must be there (`plan_images`). Services come in the order of their dependencies; a container starts when the
    conditions of its dependencies hold; everything independent is free to run side by side.

    Raises: NotFound for an unknown service, or an external network or volume that is not there
    """
    if options.force_recreate and options.no_recreate:
        raise InvalidArgument("--force-recreate and --no-recreate are incompatible")
    return _Up(scaled(project, options), observed, options).plan()


def scaled(project: Project, options: UpOptions) -> Project:
    """The project with the scales that the command asks for."""
    for name in options.scale:
        if name not in project.services:
            raise InvalidArgument(f"no such service: {name}")
        if not 0 <= options.scale[name] <= MAX_SCALE:
            raise InvalidArgument(f"services.{name}: can't run {options.scale[name]} containers")
    services = {
        name: replace(service, scale=options.scale.get(name, service.scale))
        for name, service in project.services.items()
    }
    for name, service in services.items():
        if service.container_name and service.scale > 1:
            raise InvalidArgument(
                f'the "{name}" service is using the custom container name "{service.container_name}": '
                "each container must have a unique name",
                hint="remove container_name to scale the service",
            )
    return replace(project, services=services)


class _Up:
    """One run of the plan.

    ready: {service: ids of the operations after which its containers exist under their names}
    started: {service: {container name: ids of the operations after which it runs; none where it runs already}}
    recreated: services of which a container is made anew
    """

    def __init__(self, project: Project, observed: ObservedState, options: UpOptions) -> None:
        self._project = project
        self._observed = observed
        self._options = options
        self._draft = Draft()
        self._creator = Creator(self._draft, project, observed, options.api_socket)
        self._resources = Resources(self._draft, project, observed, options.stop_timeout_s)
        self._ready: dict[str, list[str]] = {}
        self._started: dict[str, dict[str, list[str]]] = {}
        self._recreated: dict[str, list[str]] = {}
        self._init: dict[str, list[str]] = {}

    def plan(self) -> Plan:
        options = self._options
        services = selected(self._project, options.services, with_dependencies=not options.no_deps)
        self._resources.plan(services.values(), options.confirmed, remake=not options.no_recreate)
        services = self._with_affected(services)
        for service in services.values():
            self._service(service)
        if options.start:
            self._restart_others(services)
            if options.wait:
                self._final_waits(services.values())
        plan_orphans(self._draft, self._project, self._observed, options)
        return self._draft.plan()

    def _with_affected(self, services: dict[str, Service]) -> dict[str, Service]:
        """`services` and those whose containers lose a network or volume that is made anew."""
        lost = self._resources.stopped | self._resources.cleared
        owners = {self._observed.containers[name].service for name in lost}
        extra = [name for name in owners if name in self._project.services]
        return selected(self._project, (*services, *extra), with_dependencies=False) if services else services

    # --- one service

    def _service(self, service: Service) -> None:
        self._ready[service.name] = []
        self._started[service.name] = {}
        found = [c for c in self._observed.of_service(service.name) if c.name not in self._resources.cleared]
        reasons = {container.name: self._reason(service, container) for container in found}
        ordered = sorted(found, key=lambda c: (bool(reasons[c.name]), c.number, c.name))
        for container in ordered[service.scale :]:
            self._remove(service, container, f"scaled to {service.scale}")
        for container in sorted(ordered[: service.scale], key=lambda c: c.number):
            if reasons[container.name]:
                self._replace(service, container, reasons[container.name])
            else:
                self._keep(service, container)
        highest = max((container.number for container in found), default=0)
        for number in range(highest + 1, highest + 1 + service.scale - len(found)):
            self._create(service, number)

    def _reason(self, service: Service, container: ObservedContainer) -> str:
        """Why the container is made anew, "" where it stays."""
        options = self._options
        if options.no_recreate:
            return ""
        targeted = not options.services or service.name in options.services
        if options.force_recreate and (targeted or options.always_recreate_deps):
            return "asked for"
        recreated = self._recreated.keys()
        remade = self._resources.remade
        return why_outdated(self._project, self._observed, service, container, remade, recreated)

    def _create(self, service: Service, number: int) -> None:
        name = self._project.container_name(service, number)
        creation = self._creator.creation(service, name, number)
        cause = "no such container" if number == 1 else f"scaled to {service.scale}"
        made = self._creator.create(creation, cause, self._needs(service))
        self._ready[service.name].append(made)
        self._start(service, name, "created", [made])

    def _replace(self, service: Service, old: ObservedContainer, reason: str) -> None:
        number = old.number or 1
        name = self._project.container_name(service, number)
        creation = self._replacement(service, name, number, old)
        before = self._stop_dependants(service, old)
        timeout_s = self._options.stop_timeout_s
        made = self._creator.replace(creation, old, reason, self._needs(service), timeout_s)
        stopping = f"stop {old.name}"
        if before and stopping in self._draft:
            self._draft.depend(stopping, before)
        self._recreated.setdefault(service.name, []).append(made)
        self._ready[service.name].append(made)
        self._start(service, name, reason, [made])

    def _replacement(self, service: Service, name: str, number: int, old: ObservedContainer) -> Creation:
        creation = self._creator.creation(service, name, number)
        inherited = self._creator.inherited(old, renew=self._options.renew_anon_volumes)
        replaced = service.container_name or f"{service.name}{self._project.separator}{number}"
        return replace(creation, inherited=inherited, labels={names.REPLACE: replaced})

    def _keep(self, service: Service, container: ObservedContainer) -> None:
        """A container that stays: started where it does not run, restarted where a dependency asks for it."""
        name = container.name
        if not self._options.start:
            if container.running:  # of others nothing is said
                self._draft.unchanged[f"Container {name}"] = None
        elif container.state == "paused":
            self._unpause(service, container)
        elif not container.running:
            self._start(service, name, f"it is {container.state}", self._creator.copies_again(service, container))
        elif f"stop {name}" in self._draft:
            self._start(service, name, "a dependency was made anew", [f"stop {name}"])
        else:
            self._draft.unchanged[f"Container {name}"] = None
            self._started[service.name][name] = []

    def _unpause(self, service: Service, container: ObservedContainer) -> None:
        request = call("POST", f"/containers/{container.name}/unpause")
        operation = container_call("unpause", container.name, "it is paused", request=request, service=service.name)
        self._started[service.name][container.name] = [self._draft.add(operation)]

    def _remove(self, service: Service, container: ObservedContainer, cause: str) -> None:
        stopped = ""
        if container.running:
            stopped = stop(self._draft, container, service, cause, timeout_s=self._options.stop_timeout_s)
        remove(self._draft, container, cause, volumes=False, after=(stopped,) if stopped else ())

    # --- order

    def _needs(self, service: Service) -> list[str]:
        """What must be there before a container of `service` can be created."""
        resources = self._resources
        needed: list[str] = []
        for one in (service, *service.pre_start):
            needed += [resources.networks.get(attachment.network, "") for attachment in one.networks]
            needed += [resources.volumes.get(mount.source, "") for mount in one.volumes if mount.type == "volume"]
        for other in self._referred(service):
            needed += self._ready.get(other, [])
        return list(dict.fromkeys(one for one in needed if one))

    @staticmethod
    def _referred(service: Service) -> list[str]:
        """Services whose containers the create call names."""
        sources = [entry.partition(":")[0] for entry in service.volumes_from if not entry.startswith("container:")]
        # on the default bridge the engine looks for linked containers at once, elsewhere at the start
        links = [] if service.networks else [link.partition(":")[0] for link in service.links]
        return [*shared_services(service), *sources, *links]

    def _start(self, service: Service, name: str, cause: str, made: list[str]) -> None:
        if not self._options.start:
            return
        after = [*made, *self._conditions(service), *self._init_containers(service)]
        after = self._creator.init_containers(service, name, after, per_replica=True)
        self._started[service.name][name] = [start(self._draft, name, service, cause, dict.fromkeys(after))]

    def _init_containers(self, service: Service) -> list[str]:
        """The init containers that run once for all containers of `service`."""
        if service.name not in self._init:
            owner = self._project.separator.join((self._project.name, service.name))
            before = [*self._conditions(service), *self._needs(service)]
            last = self._creator.init_containers(service, owner, before, per_replica=False)
            self._init[service.name] = [] if last == before else last
        return self._init[service.name]

    def _conditions(self, service: Service) -> list[str]:
        """What must have happened before a container of `service` starts."""
        if self._options.no_deps:
            return []
        result: list[str] = []
        for dependency in service.depends_on.values():
            for name, after in self._started.get(dependency.service, {}).items():
                if dependency.condition is Condition.STARTED:
                    result += after
                elif after or not self._is_healthy(name, dependency.condition):
                    result.append(
                        wait(
                            self._draft,
                            name,
                            dependency.condition,
                            f"{service.name} depends on it",
                            after,
                            service=dependency.service,
                            required=dependency.required,
                        )
                    )
        return result

    def _is_healthy(self, name: str, condition: Condition) -> bool:
        container = self._observed.containers.get(name)
        return condition is Condition.HEALTHY and container is not None and container.health == "healthy"

    # --- dependants with `restart: true`

    def _stop_dependants(self, service: Service, old: ObservedContainer) -> list[str]:
        """Stop the running containers of dependants that ask for a restart, before `old` ends."""
        if not old.running:
            return []
        stopped = []
        for dependant in dependants(self._project.services, service.name):
            if not dependant.depends_on[service.name].restart:
                continue
            for container in self._observed.of_service(dependant.name):
                if container.state == "running":
                    cause = f"{service.name} is made anew"
                    timeout_s = self._options.stop_timeout_s
                    stopped.append(stop(self._draft, container, dependant, cause, timeout_s=timeout_s))
        return stopped

    def _restart_others(self, services: dict[str, Service]) -> None:
        """Start the dependants again that were stopped and are not among `services`."""
        for name in list(self._recreated):
            for dependant in dependants(self._project.services, name):
                if dependant.name in services or not dependant.depends_on[name].restart:
                    continue
                after = [one for ids in self._started[name].values() for one in ids]
                for container in self._observed.of_service(dependant.name):
                    if f"stop {container.name}" in self._draft:
                        cause = f"{name} is made anew"
                        start(self._draft, container.name, dependant, cause, (f"stop {container.name}", *after))

    def _final_waits(self, services: Iterable[Service]) -> None:
        for service in services:
            for name, after in self._started[service.name].items():
                wait(
                    self._draft,
                    name,
                    Condition.RUNNING_OR_HEALTHY,
                    "--wait",
                    after,
                    service=service.name,
                    timeout_s=self._options.wait_timeout_s,
                )
