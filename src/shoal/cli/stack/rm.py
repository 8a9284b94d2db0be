"""`shoal stack rm`: services, secrets and configs, then networks, once nothing uses them any more."""

from __future__ import annotations

import time

from shoal.cli.command import MANY, Command, Context
from shoal.cli.flags import Options, switch
from shoal.cli.stack.files import stack_name
from shoal.cli.stack.seen import in_stack, observe
from shoal.client.errors import ClientError, ClientNotFound
from shoal.compose.to_services.plan import Step, plan_removal
from shoal.errors import Unavailable

#: A task may take its grace period to end; a node that is away must not hold the command up for ever.
_PATIENCE_S = 120.0
_PAUSE_S = 0.05
#: what a manager answers while something still uses an object
_IN_USE = (400, 403, 409, 500)


def _run(context: Context, options: Options, names: list[str]) -> int:
    for name in names:
        stack_name([name])
    is_waiting = not options.flag("detach")
    failures: list[ClientError] = []
    for name in names:
        steps = plan_removal(name, observe(context, name))
        if not steps:
            context.warn(f"Nothing found in stack: {name}")
            continue
        _remove(context, name, steps, failures, is_waiting=is_waiting)
    if failures:
        from shoal.cli.errors import describe_error

        for error in failures:
            context.warn(describe_error(error))
        return 1
    return 0


def _remove(
    context: Context, name: str, steps: tuple[Step, ...], failures: list[ClientError], *, is_waiting: bool
) -> None:
    """Every step is tried, whatever becomes of the others."""
    deadline = time.monotonic() + (_PATIENCE_S if is_waiting else 0)
    networks = [step for step in steps if step.kind == "network"]
    for step in [one for one in steps if one.kind != "network"]:
        _try(context, step, failures, deadline)
    try:
        if is_waiting:
            _wait_for_tasks(context, name, deadline)
    finally:
        for step in networks:
            _try(context, step, failures, deadline)


def _try(context: Context, step: Step, failures: list[ClientError], deadline: float) -> None:
    context.print(step.line)
    context.stdout.flush()
    try:
        remove_step(context, step, deadline)
    except ClientError as error:
        failures.append(error)


def remove_step(context: Context, step: Step, deadline: float | None = None) -> None:
    """Remove one object; one that is gone already is fine.

    deadline: until then an object that is still in use is tried again, on the monotonic clock; None = the usual time
    Raises: ClientError
    """
    until = time.monotonic() + _PATIENCE_S if deadline is None else deadline
    while True:
        try:
            _delete(context, step)
            return
        except ClientNotFound:
            return
        except ClientError as error:
            if step.kind == "service" or error.status not in _IN_USE or time.monotonic() > until:
                raise
        time.sleep(_PAUSE_S)


def _delete(context: Context, step: Step) -> None:
    api = context.api
    match step.kind:
        case "service":
            api.services.remove(step.id)
        case "secret":
            api.secrets.remove(step.id)
        case "config":
            api.configs.remove(step.id)
        case _:
            api.networks.remove(step.id)


def _wait_for_tasks(context: Context, name: str, deadline: float) -> None:
    """Until the stack's tasks are gone, so that ports, names and volumes are free again.

    Those on nodes that are down are not waited for: nobody knows whether these ever come back.
    """
    while tasks := context.api.tasks.list(in_stack(name)):
        down = _nodes_down(context)
        left = [task for task in tasks if task.get("NodeID") not in down]
        if not left:
            names = ", ".join(sorted({down[task["NodeID"]] for task in tasks}))
            context.warn(f"down: {names}: what is left of stack {name} there ends when it comes back, or is removed")
            return
        if time.monotonic() > deadline:
            raise Unavailable(f"stack {name}: {len(left)} tasks are still there", hint=f"shoal stack ps {name}")
        time.sleep(_PAUSE_S)


def _nodes_down(context: Context) -> dict[str, str]:
    """{id: name}"""
    nodes = context.api.nodes.list()
    return {node["ID"]: node["Description"]["Hostname"] for node in nodes if node["Status"]["State"] == "down"}


RM = Command(
    "[OPTIONS] STACK [STACK...]",
    _run,
    (switch("detach", "d", "Do not wait for stack removal"),),
    arguments=(1, MANY),
)
