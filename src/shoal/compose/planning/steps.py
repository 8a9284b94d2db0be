"""Steps that many plans share: stop, remove, start with hooks, wait."""

from collections.abc import Iterable
from typing import Any

from shoal.compose.observed import ObservedContainer
from shoal.compose.operations import Call, RunHook, WaitFor
from shoal.compose.parts import Condition, Hook
from shoal.compose.planning.draft import Draft, call, container_call
from shoal.compose.project import Service

GONE, ALREADY = 404, 304


def stop(
    draft: Draft,
    container: ObservedContainer,
    service: Service | None,
    cause: str,
    *,
    timeout_s: int | None,
    after: Iterable[str] = (),
    **words: str,
) -> str:
    """Stop a running container, its `pre_stop` hooks first; id of the last operation.

    words: `doing` and `done` of its progress line where they are not Stopping and Stopped
    """
    before = tuple(after)
    if container.state == "running":
        before = hooks(draft, "pre_stop", container.name, service, before)
    request = call("POST", f"/containers/{container.name}/stop", t=None if timeout_s is None else str(timeout_s))
    return draft.add(
        container_call(
            "stop",
            container.name,
            cause,
            request=request,
            accept=(ALREADY, GONE),
            depends_on=before,
            service=container.service,
            **words,
        )
    )


def remove(
    draft: Draft, container: ObservedContainer, cause: str, *, volumes: bool, after: Iterable[str] = (), **words: str
) -> str:
    """Remove a container, with its anonymous volumes or without. words: as of `stop`."""
    request = call("DELETE", f"/containers/{container.name}", force="1", v="1" if volumes else None)
    return draft.add(
        container_call(
            "remove",
            container.name,
            cause,
            request=request,
            accept=(GONE,),
            depends_on=tuple(after),
            service=container.service,
            **words,
        )
    )


def remove_object(
    draft: Draft, kind: str, name: str, cause: str, after: Iterable[str], *, in_use: tuple[int, ...] = (), **words: str
) -> str:
    """Remove a network, a volume or an image; id of the operation.

    in_use: statuses that say that it is in use, where that is a warning
    words: more fields of the operation
    """
    return draft.add(
        Call(
            id=f"remove {kind} {name}",
            subject=f"{kind.capitalize()} {name}",
            doing="Removing",
            done="Removed",
            cause=cause,
            depends_on=tuple(after),
            request=call("DELETE", f"/{kind}s/{name}"),
            accept=(GONE,),
            in_use=in_use,
            **words,
        )
    )


def start(draft: Draft, name: str, service: Service, cause: str, after: Iterable[str] = ()) -> str:
    """Start a container, then run its `post_start` hooks; id of the last operation."""
    request = call("POST", f"/containers/{name}/start")
    started = draft.add(
        container_call(
            "start", name, cause, request=request, accept=(ALREADY,), depends_on=tuple(after), service=service.name
        )
    )
    return hooks(draft, "post_start", name, service, (started,))[-1]


def hooks(draft: Draft, kind: str, name: str, service: Service | None, after: tuple[str, ...]) -> tuple[str, ...]:
    """The hooks of a container one after the other; what to depend on next."""
    found: tuple[Hook, ...] = getattr(service, kind) if service else ()
    for position, hook in enumerate(found, 1):
        operation = RunHook(
            id=f"{kind} {position} {name}",
            subject=f"Container {name}",
            doing=f"Running {kind} hook {position}",
            done=f"{kind} hook {position} done",
            cause=f"{kind} hook: {' '.join(hook.command)}",
            depends_on=after,
            service=service.name if service else "",
            container=name,
            body=_exec_body(hook),
        )
        after = (draft.add(operation),)
    return after


def _exec_body(hook: Hook) -> dict[str, object]:
    body: dict[str, object] = {"AttachStdout": True, "AttachStderr": True, "Cmd": list(hook.command)}
    if hook.user:
        body["User"] = hook.user
    if hook.privileged:
        body["Privileged"] = True
    if hook.working_dir:
        body["WorkingDir"] = hook.working_dir
    if hook.environment:
        body["Env"] = [key if value is None else f"{key}={value}" for key, value in hook.environment.items()]
    return body


_WORDS = {
    Condition.STARTED: ("Waiting", "Running"),
    Condition.HEALTHY: ("Waiting", "Healthy"),
    Condition.COMPLETED: ("Waiting", "Exited"),
    Condition.RUNNING_OR_HEALTHY: ("Waiting", "Healthy"),
}


def wait(draft: Draft, name: str, condition: Condition, cause: str, after: Iterable[str], **fields: Any) -> str:
    """Wait for one container. fields: service, required and timeout_s of `WaitFor`."""
    doing, done = _WORDS[condition]
    optional = "" if fields.get("required", True) else " optional"
    return draft.add(
        WaitFor(
            id=f"wait {condition.removeprefix('service_')} {name}{optional}",
            subject=f"Container {name}",
            doing=doing,
            done=done,
            cause=cause,
            depends_on=tuple(after),
            containers=(name,),
            condition=condition,
            **fields,
        )
    )
