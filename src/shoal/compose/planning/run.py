"""`run`: a one-off container of a service, and what it depends on."""

import posixpath
from dataclasses import replace
from typing import Any

from shoal.compose import labels as names
from shoal.compose.loading.decode_parts import decode_mount
from shoal.compose.loading.mounts import parse_mount
from shoal.compose.loading.paths import Base
from shoal.compose.loading.ports import parse_port
from shoal.compose.loading.tree import BadValue
from shoal.compose.noun import Noun
from shoal.compose.observed import ObservedState
from shoal.compose.operations import Plan
from shoal.compose.parts import Condition, Mount, Port
from shoal.compose.planning.creation import Creator
from shoal.compose.planning.draft import Draft
from shoal.compose.planning.options import RunOptions, UpOptions
from shoal.compose.planning.resources import Resources
from shoal.compose.planning.steps import wait
from shoal.compose.planning.up import plan_up
from shoal.compose.project import Project, Service
from shoal.errors import InvalidArgument, NotFound


class RunPlan(Noun):
    """A plan that ends with a created container, and its name. Attach, start, wait and remove are the command's."""

    plan: Plan
    container: str


def plan_run(project: Project, observed: ObservedState, options: RunOptions) -> RunPlan:
    """Dependencies up and in the conditions that the service asks for, then its one-off container created.

    Raises: NotFound for an unknown service
    """
    service = project.services.get(options.service) or project.disabled_services.get(options.service)
    if service is None:
        raise NotFound(f"no such service: {options.service}")
    oneoff = _overridden(project, service, options)
    before = Plan() if options.no_deps else _dependencies(project, observed, service, options)
    separator = project.separator
    name = options.name or separator.join((project.name, service.name, "run", options.slug))
    draft = Draft()
    for operation in before.operations:
        draft.add(operation)
    resources = Resources(draft, project, observed, None)
    resources.plan((oneoff,), frozenset())
    made = list(resources.networks.values()) + list(resources.volumes.values())
    creator = Creator(draft, project, observed, options.api_socket)
    creation = replace(
        creator.creation(oneoff, name, 1),
        labels={names.ONEOFF: "True", names.SLUG: options.slug},
        use_aliases=options.use_aliases,
        auto_remove=options.remove and options.detach,
        attach_stdin=options.interactive and not options.detach,
    )
    after = [*made, *(operation.id for operation in before.operations)]
    creator.create(creation, "run", after, doing="", done="")  # its output is what the user wants to see
    drafted = draft.plan()
    plan = replace(drafted, warnings=before.warnings + drafted.warnings, unchanged=before.unchanged)
    return RunPlan(plan=plan, container=name)


def _dependencies(project: Project, observed: ObservedState, service: Service, options: RunOptions) -> Plan:
    """The plan that brings up what the service depends on, with its waits."""
    wanted = tuple(name for name in service.depends_on if name in project.services)
    if not wanted:
        return Plan()
    up = UpOptions(services=wanted, remove_orphans=options.remove_orphans, ignore_orphans=True)
    return _with_waits(plan_up(project, observed, up), observed, service, project)


def _with_waits(plan: Plan, observed: ObservedState, service: Service, project: Project) -> Plan:
    """`plan` with a wait for each dependency that has a condition."""
    draft = Draft()
    for operation in plan.operations:
        draft.add(operation)
    for dependency in service.depends_on.values():
        target = project.services.get(dependency.service)
        if dependency.condition is Condition.STARTED or target is None:
            continue
        known = [container.name for container in observed.of_service(target.name)]
        for name in known or [project.container_name(target, n) for n in range(1, target.scale + 1)]:
            starts = [o.id for o in plan.operations if o.service == target.name]
            cause = f"{service.name} depends on it"
            wait(
                draft,
                name,
                dependency.condition,
                cause,
                starts,
                service=target.name,
                required=dependency.required,
            )
    drafted = draft.plan()
    return replace(plan, operations=drafted.operations)


def _overridden(project: Project, service: Service, options: RunOptions) -> Service:
    """The service as the command line wants it for this once."""
    changes: dict[str, Any] = {
        "container_name": "",
        "scale": 1,
        "restart": "",
        "deploy": replace(service.deploy, restart_condition=""),
        "tty": options.tty and not options.detach,
        "stdin_open": options.interactive,
        "environment": {**service.environment, **options.environment},
        "labels": {**service.labels, **options.labels},
        "volumes": _volumes(project, service, options),
        "ports": (*(service.ports if options.service_ports else ()), *_published(options)),
        "cap_add": (*service.cap_add, *options.cap_add),
        "cap_drop": (*service.cap_drop, *options.cap_drop),
        "user": options.user or service.user,
        "working_dir": options.working_dir or service.working_dir,
        "command": service.command if options.command is None else options.command,
    }
    if options.entrypoint is not None:
        changes["entrypoint"] = options.entrypoint
        changes["command"] = options.command or ()
    return replace(service, **changes)


def _published(options: RunOptions) -> tuple[Port, ...]:
    try:
        return tuple(Port(**entry) for text in options.publish for entry in parse_port(text, ()))
    except BadValue as error:
        raise InvalidArgument(f"--publish: {error}") from None


def _volumes(project: Project, service: Service, options: RunOptions) -> tuple[Mount, ...]:
    base = Base(options.working_folder or project.working_dir, options.home)
    added: dict[str, Mount] = {}
    for text in options.volumes:
        try:
            mount = decode_mount(parse_mount(text, ()))
        except BadValue as error:
            raise InvalidArgument(f"--volume: {error}") from None
        if mount.type == "bind":
            mount = replace(mount, source=base.join(mount.source))
        added[posixpath.normpath(mount.target)] = mount
    kept = [mount for mount in service.volumes if posixpath.normpath(mount.target) not in added]
    return (*kept, *added.values())
