"""Commands about volumes: create, ls, inspect, rm."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.each import for_each
from shoal.cli.errors import UsageError
from shoal.cli.flags import Flag, Options, filter_flag, several, switch
from shoal.cli.inspecting import print_inspected
from shoal.cli.listing import Listing, parse_filters, print_list
from shoal.cli.units import size_text4
from shoal.cli.values import split_pair


def volume_listing() -> Listing:
    """How volumes are listed."""
    fields = {
        "Availability": lambda item: "N/A",
        "Driver": lambda item: item["Driver"],
        "Group": lambda item: "N/A",
        "Label": lambda item: lambda name: (item.get("Labels") or {}).get(name, ""),
        "Labels": lambda item: ",".join(f"{key}={value}" for key, value in sorted((item.get("Labels") or {}).items())),
        "Links": lambda item: str(item["UsageData"]["RefCount"]) if item.get("UsageData") else "N/A",
        "Mountpoint": lambda item: item.get("Mountpoint", ""),
        "Name": lambda item: item["Name"],
        "Scope": lambda item: item.get("Scope", "local"),
        "Size": lambda item: size_text4(item["UsageData"]["Size"]) if item.get("UsageData") else "N/A",
        "Status": lambda item: "N/A",
    }
    return Listing(fields, ("Driver", "Name"), headings={"Name": "VOLUME NAME"}, quiet="Name")


def _create(context: Context, options: Options, arguments: list[str]) -> int:
    if arguments and options.text("name"):
        raise UsageError(
            "conflicting options: cannot specify a volume-name through both --name and as a positional arg"
        )
    body = {
        "Name": arguments[0] if arguments else options.text("name"),
        "Driver": options.text("driver"),
        "DriverOpts": {key: value or "" for key, value in map(split_pair, options.list("opt"))},
        "Labels": {key: value or "" for key, value in map(split_pair, options.list("label"))},
    }
    context.print(context.api.volumes.create(body)["Name"])
    return 0


def _ls(context: Context, options: Options, arguments: list[str]) -> int:
    answer = context.api.volumes.list(parse_filters(options.list("filter")))
    for warning in answer.get("Warnings") or ():
        context.warn(f"WARNING: {warning}")
    items = sorted(answer.get("Volumes") or [], key=lambda item: str(item["Name"]))
    print_list(context, volume_listing(), items, template=options.text("format"), is_quiet=options.flag("quiet"))
    return 0


def _inspect(context: Context, options: Options, arguments: list[str]) -> int:
    return print_inspected(context, arguments, context.api.volumes.inspect, template=options.text("format"))


def _rm(context: Context, options: Options, arguments: list[str]) -> int:
    is_forced = options.flag("force")
    return for_each(context, arguments, lambda name: context.api.volumes.remove(name, force=is_forced))


CREATE = Command(
    "[OPTIONS] [VOLUME]",
    _create,
    (
        Flag("driver", "d", "Specify volume driver name", default="local"),
        several("label", "", "Set metadata for a volume"),
        Flag("name", "", ""),
        several("opt", "o", "Set driver specific options", metavar="map"),
    ),
    arguments=(0, 1),
)
LS = Command(
    "[OPTIONS]",
    _ls,
    (
        filter_flag("f", 'Provide filter values (e.g. "dangling=true")'),
        Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template'),
        switch("quiet", "q", "Only display volume names"),
    ),
    arguments=(0, 0),
)
INSPECT = Command(
    "[OPTIONS] VOLUME [VOLUME...]",
    _inspect,
    (Flag("format", "f", 'Format output: "json", or a Go template'),),
    arguments=(1, MANY),
)
RM = Command(
    "[OPTIONS] VOLUME [VOLUME...]",
    _rm,
    (switch("force", "f", "Force the removal of one or more volumes"),),
    arguments=(1, MANY),
)
