"""`shoal container ls`: docker's table of containers."""

from __future__ import annotations

import json
import time

from shoal.cli.command import Command, Context
from shoal.cli.flags import Flag, Options, filter_flag, number, switch
from shoal.cli.listing import Listing, parse_filters, print_list
from shoal.cli.ports import ports_text
from shoal.cli.units import ago_text, ellipsis, go_time_text, short_id, size_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COMMAND_WIDTH, _MOUNT_WIDTH = 20, 15


def container_listing(now_s: float, *, is_truncated: bool = True) -> Listing:
    """How containers are listed; items are the summaries of the API."""

    def image(item: Any) -> str:
        name = str(item.get("Image") or "")
        if not name:
            return "<no image>"
        if is_truncated and short_id(item.get("ImageID", "")) == short_id(name):
            return short_id(name)
        return name.partition("@")[0] if is_truncated and "@" in name else name

    def command(item: Any) -> str:
        text = str(item.get("Command") or "")
        return json.dumps(ellipsis(text, _COMMAND_WIDTH) if is_truncated else text, ensure_ascii=False)

    def mounts(item: Any) -> str:
        names = [str(mount.get("Name") or mount.get("Source") or "") for mount in item.get("Mounts") or ()]
        return ",".join(ellipsis(name, _MOUNT_WIDTH) if is_truncated else name for name in names)

    fields = {
        "Command": command,
        "CreatedAt": lambda item: go_time_text(item["Created"]),
        "ID": lambda item: short_id(item["Id"]) if is_truncated else item["Id"],
        "Image": image,
        "Label": lambda item: lambda name: (item.get("Labels") or {}).get(name, ""),
        "Labels": lambda item: ",".join(f"{key}={value}" for key, value in sorted((item.get("Labels") or {}).items())),
        "LocalVolumes": lambda item: str(sum(mount.get("Driver") == "local" for mount in item.get("Mounts") or ())),
        "Mounts": mounts,
        "Names": lambda item: _names(item, is_truncated),
        "Networks": lambda item: ",".join((item.get("NetworkSettings") or {}).get("Networks") or {}),
        "Platform": lambda item: None,
        "Ports": lambda item: ports_text(item.get("Ports") or []),
        "RunningFor": lambda item: ago_text(item["Created"], now_s),
        "Size": _size,
        "State": lambda item: item.get("State", ""),
        "Status": lambda item: item.get("Status", ""),
    }
    return Listing(
        fields,
        ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"),
        headings={
            "ID": "CONTAINER ID",
            "RunningFor": "CREATED",
            "CreatedAt": "CREATED AT",
            "LocalVolumes": "LOCAL VOLUMES",
        },
        quiet="ID",
    )


def _names(item: Any, is_truncated: bool) -> str:
    names = [name.removeprefix("/") for name in item.get("Names") or ()]
    return ",".join(name for name in names if not is_truncated or "/" not in name)


def _size(item: Any) -> str:
    written, whole = item.get("SizeRw") or 0, item.get("SizeRootFs") or 0
    return size_text(written) + (f" (virtual {size_text(whole)})" if whole else "")


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    limit = options.number("last")
    if options.flag("latest") and limit == -1:
        limit = 1
    template = options.text("format")
    has_size = options.flag("size") or ".Size" in template
    items = context.api.containers.list(
        all=options.flag("all") or limit > 0,
        limit=max(limit, 0),
        size=has_size,
        filters=parse_filters(options.list("filter")),
    )
    listing = container_listing(time.time(), is_truncated=not options.flag("no-trunc"))
    columns = (*listing.columns, "Size") if options.flag("size") else ()
    print_list(context, listing, items, template=template, is_quiet=options.flag("quiet"), columns=columns)
    return 0


LS = Command(
    "[OPTIONS]",
    _run,
    (
        switch("all", "a", "Show all containers (default shows just running)"),
        filter_flag("f", "Filter output based on conditions provided"),
        Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template'),
        number("last", "n", "Show n last created containers (includes all states) (default -1)", default=-1),
        switch("latest", "l", "Show the latest created container (includes all states)"),
        switch("no-trunc", "", "Don't truncate output"),
        switch("quiet", "q", "Only display container IDs"),
        switch("size", "s", "Display total file sizes"),
    ),
    arguments=(0, 0),
)
