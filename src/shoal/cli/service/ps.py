"""`shoal service ps`."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Options
from shoal.cli.listing import parse_filters
from shoal.cli.service.tasks import TASK_FLAGS, print_tasks
from shoal.client.errors import ClientNotFound


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    filters = parse_filters(options.list("filter"))
    if "node" in filters:
        filters["node"] = [_node_id(context, name) for name in filters["node"]]
    found, missing = [], []
    for name in arguments:
        try:
            found.append(str(context.api.services.inspect(name)["ID"]))
        except ClientNotFound:
            missing.append(f"no such service: {name}")
    if found:
        print_tasks(context, options, context.api.tasks.list({**filters, "service": found}), has_long_ids=True)
    if missing:
        raise PlainError("\n".join(missing))
    return 0


def _node_id(context: Context, name: str) -> str:
    return own_node_id(context) if name == "self" else name


def own_node_id(context: Context) -> str:
    """The id of the engine's own node. Raises: PlainError outside a cluster"""
    identity = (context.api.system.info().get("Swarm") or {}).get("NodeID")
    if not identity:
        raise PlainError("Error: this node is not part of a swarm", hint="shoal swarm init makes it the first manager")
    return str(identity)


PS = Command("[OPTIONS] SERVICE [SERVICE...]", _run, TASK_FLAGS, arguments=(1, MANY))
