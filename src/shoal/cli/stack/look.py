"""`shoal stack ls`, `stack services`, `stack ps`."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options
from shoal.cli.listing import Listing, natural_key, parse_filters, print_list
from shoal.cli.service.ls import LIST_FLAGS, print_services
from shoal.cli.service.ps import own_node_id
from shoal.cli.service.tasks import TASK_FLAGS, print_tasks

_NAMESPACE = "com.docker.stack.namespace"


def _filters(options: Options, stack: str) -> dict[str, list[str]]:
    """What the flags say, within the stack. Raises: PlainError for a name that docker refuses"""
    if not stack.strip(" '\""):
        raise PlainError(f'invalid stack name: "{stack}"')
    filters = parse_filters(options.list("filter"))
    return {**filters, "label": [*filters.get("label", []), f"{_NAMESPACE}={stack}"]}


def _ls(context: Context, options: Options, arguments: list[str]) -> int:
    counts: dict[str, int] = {}
    for service in context.api.services.list({"label": [_NAMESPACE]}) or ():
        name = (service["Spec"].get("Labels") or {})[_NAMESPACE]
        counts[name] = counts.get(name, 0) + 1
    rows = [{"Name": name, "Services": counts[name]} for name in sorted(counts, key=natural_key)]
    print_list(context, _STACKS, rows, template=options.text("format"))
    return 0


def _services(context: Context, options: Options, arguments: list[str]) -> int:
    found = context.api.services.list(_filters(options, arguments[0]), status=True)
    if not found:
        context.warn(f"Nothing found in stack: {arguments[0]}")
        return 0
    print_services(context, options, found)
    return 0


def _ps(context: Context, options: Options, arguments: list[str]) -> int:
    filters = _filters(options, arguments[0])
    if "node" in filters:
        filters["node"] = [own_node_id(context) if name == "self" else name for name in filters["node"]]
    tasks = context.api.tasks.list(filters)
    if not tasks:
        raise PlainError(f"nothing found in stack: {arguments[0]}")
    print_tasks(context, options, tasks)
    return 0


_STACKS = Listing(
    {"Name": lambda item: item["Name"], "Services": lambda item: str(item["Services"])},
    ("Name", "Services"),
    headings={},
)
_FORMAT = Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template')

LS = Command("[OPTIONS]", _ls, (_FORMAT,), arguments=(0, 0))
SERVICES = Command("[OPTIONS] STACK", _services, LIST_FLAGS, arguments=(1, 1))
PS = Command("[OPTIONS] STACK", _ps, TASK_FLAGS, arguments=(1, 1))
