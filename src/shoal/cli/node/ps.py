"""`shoal node ps`."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.errors import Exit, describe_error
from shoal.cli.flags import Options
from shoal.cli.listing import parse_filters
from shoal.cli.service.ps import own_node_id
from shoal.cli.service.tasks import TASK_FLAGS, print_tasks
from shoal.client.errors import ClientError


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    filters = parse_filters(options.list("filter"))
    found, complaints = [], []
    for name in arguments or ["self"]:
        try:
            found.append(str(context.api.nodes.inspect(own_node_id(context) if name == "self" else name)["ID"]))
        except ClientError as error:
            complaints.append(describe_error(error))
    if found:
        print_tasks(context, options, context.api.tasks.list({**filters, "node": found}))
    for complaint in complaints:
        context.warn(complaint)
    if complaints:
        raise Exit(1)
    return 0


PS = Command("[OPTIONS] [NODE...]", _run, TASK_FLAGS, arguments=(0, MANY))
