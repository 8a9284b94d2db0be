"""`shoal stack run`: a job of a stack, now."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Options, switch
from shoal.client.errors import ClientNotFound
from shoal.compose.to_services.labels import MANUAL
from shoal.errors import Conflict, NotFound


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    name = f"{arguments[0]}_{arguments[1]}"
    try:
        service = context.api.services.inspect(name)
    except ClientNotFound as error:
        raise NotFound(f"no such job: {name}", hint=f"shoal stack services {arguments[0]} lists them") from error
    spec = service["Spec"]
    allowed = (spec.get("Labels") or {}).get(MANUAL)
    if allowed is None:
        raise PlainError(f"{name} is a service, not a job of `jobs`")
    if allowed != "true":
        raise Conflict(f"{name}: the file forbids to start it by hand", hint="triggers: manual: true allows it")
    template = spec["TaskTemplate"]
    job = {**(spec["Mode"].get("ReplicatedJob") or {}), "TotalCompletions": 1}
    body = {
        **spec,
        "Mode": {"ReplicatedJob": job},
        "TaskTemplate": {**template, "ForceUpdate": int(template.get("ForceUpdate") or 0) + 1},
    }
    context.api.services.update(service["ID"], int(service["Version"]["Index"]), body, auth_from="spec")
    context.print(name)
    if options.flag("detach"):
        return 0
    from shoal.cli.service.progress import wait_on_service

    return wait_on_service(context, service["ID"], is_quiet=options.flag("quiet"))


RUN = Command(
    "[OPTIONS] STACK JOB",
    _run,
    (
        switch("detach", "d", "Exit immediately instead of waiting for the job to complete"),
        switch("quiet", "q", "Suppress progress output"),
    ),
    arguments=(2, 2),
)
