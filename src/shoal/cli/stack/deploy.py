"""`shoal stack deploy` and `stack plan`."""

from __future__ import annotations

import time

from shoal.cli.command import Command, Context
from shoal.cli.compose.flags import STAND_INS
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, switch
from shoal.cli.stack.files import FILE_FLAGS, StackSession, read_contents
from shoal.cli.stack.images import ALWAYS, CHANGED, NEVER, build_images, pinned_images
from shoal.cli.stack.seen import observe
from shoal.client.errors import ClientError
from shoal.compose.to_services.plan import Step, plan_stack, with_ids
from shoal.compose.to_services.stack import stack_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shoal.compose.project import Project
    from shoal.compose.to_services.observed import ObservedStack
    from shoal.compose.to_services.stack import Stack

_OUT_OF_SEQUENCE = "update out of sequence"
#: The manager writes a service's status too: a version may be old by the time that it is named.
_TRIES = 5
_PATIENCE_S, _PAUSE_S = 30.0, 0.1


def _deploy(context: Context, options: Options, names: list[str]) -> int:
    _check_resolve(options)
    session = StackSession(context, options)
    project = session.stack(names)
    quiet, prune = options.flag("quiet"), options.flag("prune")
    observed = observe(context, project.name)
    plan_stack(stack_of(project, {}, read_contents(project)), observed)  # what can't be is told before a build
    build_images(session, project, build=options.flag("build"), stand_ins=options.flag("stand-ins"), quiet=quiet)
    stack = _wanted(session, project, observed, options)
    applier = _Applier(context, _Logins(context, stack) if options.flag("with-registry-auth") else None)
    made = _apply(context, applier, stack, prune=prune)
    if not options.flag("detach"):
        from shoal.cli.service.progress import wait_on_service

        before = {one.id: dict(one.update_status) for one in observed.services.values()}
        for service in made:
            wait_on_service(context, service, before=before.get(service), is_quiet=quiet)
    return 0


def _apply(context: Context, applier: _Applier, stack: Stack, *, prune: bool) -> list[str]:
    """What the applier gives. A network of a stack that has just been removed may still be seen for a moment."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return applier.apply(plan_stack(stack, observe(context, stack.name), prune=prune))
        except ClientError as error:
            is_network = error.message.startswith("network ") and error.message.endswith(" not found")
            if not is_network or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_S)


def _check_resolve(options: Options) -> None:
    given = options.text("resolve-image")
    if given not in (ALWAYS, CHANGED, NEVER):
        raise PlainError(f"Invalid option {given} for flag --resolve-image")


def _wanted(session: StackSession, project: Project, observed: ObservedStack, options: Options) -> Stack:
    images = pinned_images(session, project, observed, options.text("resolve-image"))
    return stack_of(project, images, read_contents(project), api_socket=session.api_socket)


class _Logins:
    """Logins that managers hand to nodes, by service."""

    def __init__(self, context: Context, stack: Stack) -> None:
        self._env = context.env
        self._images = {service.name: service.image for service in stack.services}

    def of(self, service: str) -> str:
        """Value of X-Registry-Auth; "" for none."""
        from shoal.client.credentials import registry_auth

        return registry_auth(self._images[service], self._env)


class _Applier:
    """Carries out the steps of a plan, one after another, and says so in docker's words."""

    def __init__(self, context: Context, logins: _Logins | None) -> None:
        self._context = context
        self._api = context.api
        self._logins = logins
        self._ids: dict[tuple[str, str], str] = {}
        self._told: set[str] = set()

    def apply(self, steps: tuple[Step, ...]) -> list[str]:
        """The ids of the services, but of jobs that start later: nobody waits for those."""
        services = []
        for step in steps:
            if step.line and step.line not in self._told:
                self._context.print(step.line)
                self._told.add(step.line)
            done = self._carry_out(step)
            if step.kind == "service" and step.action != "remove" and not is_for_later(step.body):
                services.append(done)
        return services

    def _carry_out(self, step: Step) -> str:
        if step.action == "remove":
            from shoal.cli.stack.rm import remove_step

            remove_step(self._context, step)
            return ""
        if step.kind == "network":
            self._api.networks.create(step.body)
        elif step.kind in ("secret", "config"):
            self._file(step)
        else:
            return self._service(step)
        return ""

    def _file(self, step: Step) -> None:
        files = self._api.secrets if step.kind == "secret" else self._api.configs
        if step.action == "create":
            self._ids[step.kind, step.name] = files.create(step.body)
        else:
            files.update(step.id, step.version, step.body)

    def _service(self, step: Step) -> str:
        body = with_ids(step.body, self._ids)
        auth = self._logins.of(step.name) if self._logins else ""
        if step.action == "create":
            answer: Mapping[str, object] = self._api.services.create(body, auth=auth)
            return str(answer["ID"])
        if step.action == "update":
            self._update(step, body, auth)
        return step.id

    def _update(self, step: Step, body: Mapping[str, object], auth: str) -> None:
        version = step.version
        for left in reversed(range(_TRIES)):
            try:
                answer = self._api.services.update(step.id, version, body, auth=auth, auth_from="spec")
            except ClientError as error:
                if not left or _OUT_OF_SEQUENCE not in error.message:
                    raise
                version = int(self._api.services.inspect(step.id)["Version"]["Index"])
                continue
            for warning in answer.get("Warnings") or ():
                self._context.warn(str(warning))
            return


def is_for_later(body: Mapping[str, Any]) -> bool:
    """Whether it is a job that its schedule or a person starts."""
    job = (body.get("Mode") or {}).get("ReplicatedJob") or {}
    return bool(body.get("Schedule")) or job.get("TotalCompletions") == 0


def _plan(context: Context, options: Options, names: list[str]) -> int:
    _check_resolve(options)
    session = StackSession(context, options)
    project = session.stack(names)
    observed = observe(context, project.name)
    steps = plan_stack(_wanted(session, project, observed, options), observed, prune=options.flag("prune"))
    context.stdout.write(plan_text(steps))
    return 0


_SIGNS = {"create": "+", "update": "~", "remove": "-"}


def plan_text(steps: tuple[Step, ...]) -> str:
    """What a deploy would do, a line for each thing and one for each field that changes."""
    lines = []
    for step in steps:
        if step.action != "keep":
            lines.append(f"{_SIGNS[step.action]} {step.kind} {step.name}")
            lines += [f"    {change}" for change in step.changes]
    same = sum(step.action == "keep" for step in steps)
    counts = {action: sum(step.action == action for step in steps) for action in _SIGNS}
    total = f"Plan: {counts['create']} to create, {counts['update']} to update, {counts['remove']} to remove"
    return "".join(f"{line}\n" for line in lines) + f"{total}, {same} unchanged services\n"


_SHARED = (
    *FILE_FLAGS,
    switch("prune", "", "Prune services that are no longer referenced"),
    Flag(
        "resolve-image",
        "",
        'Query the registry to resolve image digest and supported platforms ("always", "changed", "never")',
        default=ALWAYS,
    ),
)

DEPLOY = Command(
    "[OPTIONS] [STACK]",
    _deploy,
    (
        *_SHARED,
        switch("build", "", "Build images even where they are there (Shoal only)"),
        switch("detach", "d", "Exit immediately instead of waiting for the stack services to converge", default=True),
        switch("quiet", "q", "Suppress progress output"),
        STAND_INS,
        switch("with-registry-auth", "", "Send registry authentication details to Swarm agents"),
    ),
    arguments=(0, 1),
)
PLAN = Command("[OPTIONS] [STACK]", _plan, _SHARED, arguments=(0, 1))
