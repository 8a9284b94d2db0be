"""`shoal compose ps`."""

from __future__ import annotations

import json
import time

from shoal.cli.command import Command, Context
from shoal.cli.compose.base.naming import is_oneoff, label_of, name_of, service_of
from shoal.cli.compose.base.session import Session
from shoal.cli.compose.flags import DRY_RUN
from shoal.cli.container.ls import container_listing
from shoal.cli.errors import UsageError
from shoal.cli.flags import Flag, Options, several, switch
from shoal.cli.listing import Listing, print_list
from shoal.compose import labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

STATES = ("paused", "restarting", "removing", "running", "dead", "created", "exited")


def project_listing(now_s: float, *, is_truncated: bool = True) -> Listing:
    """How a project's containers are listed; items are the summaries of the API."""
    plain = container_listing(now_s, is_truncated=is_truncated)
    fields = {
        **plain.fields,
        "ExitCode": _exit_code,
        "Health": _health,
        "ID": lambda item: item["Id"][:12] if is_truncated else item["Id"],
        "Name": name_of,
        "Names": name_of,
        "Project": lambda item: label_of(item, labels.PROJECT),
        "Publishers": _publishers,
        "Service": service_of,
        "Size": lambda item: "0B",
    }
    fields.pop("Platform", None)
    return Listing(
        fields,
        ("Name", "Image", "Command", "Service", "RunningFor", "Status", "Ports"),
        headings={"RunningFor": "CREATED", "CreatedAt": "CREATED AT", "LocalVolumes": "LOCAL VOLUMES"},
        quiet="ID",
    )


def _health(item: Any) -> str:
    status = str(item.get("Status") or "")
    for word in ("healthy", "unhealthy", "starting"):
        if status.endswith((f"({word})", f"(health: {word})")):
            return word
    return ""


def _exit_code(item: Any) -> int:
    _, found, rest = str(item.get("Status") or "").partition("Exited (")
    number = rest.partition(")")[0]
    return int(number) if found and number.lstrip("-").isdecimal() else 0


def _publishers(item: Any) -> list[dict[str, Any]]:
    found = [
        {
            "URL": port.get("IP") or "",
            "TargetPort": port.get("PrivatePort") or 0,
            "PublishedPort": port.get("PublicPort") or 0,
            "Protocol": port.get("Type") or "tcp",
        }
        for port in item.get("Ports") or ()
    ]
    return sorted(found, key=lambda port: (port["TargetPort"], port["URL"], port["PublishedPort"]))


def _wanted_states(options: Options) -> set[str]:
    wanted = set(options.list("status"))
    for text in [options.text("filter")] if options.text("filter") else []:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError("arguments to --filter should be in form KEY=VAL")
        if key != "status":
            raise UsageError(f"unknown filter {key}")
        wanted.add(value)
    unknown = wanted - set(STATES)
    if unknown:
        raise UsageError(f'unknown status "{sorted(unknown)[0]}"; wanted one of {", ".join(STATES)}')
    return wanted


def _ps(context: Context, options: Options, services: list[str]) -> int:
    states = _wanted_states(options)
    session = Session(context, options)
    project, project_name = session.project_or_name(services)
    items = session.containers(project_name, all=options.flag("all") or bool(states))
    known = {**project.services, **project.disabled_services} if project is not None else None
    shown = [
        item
        for item in items
        if _is_shown(item, services, states, all=options.flag("all"))
        and (options.flag("orphans") or known is None or service_of(item) in known)
    ]
    shown.sort(key=name_of)
    if options.flag("services"):
        context.stdout.write("".join(f"{name}\n" for name in sorted({service_of(i) for i in shown})))
        return 0
    if options.flag("quiet"):
        context.stdout.write("".join(f"{item['Id']}\n" for item in shown))
        return 0
    _print(context, options, shown)
    return 0


def _is_shown(item: Any, services: Sequence[str], states: set[str], *, all: bool) -> bool:
    if services and service_of(item) not in services:
        return False
    if is_oneoff(item) and not all:
        return False
    return not states or item.get("State") in states


def _print(context: Context, options: Options, items: Sequence[Any]) -> None:
    listing = project_listing(time.time(), is_truncated=not options.flag("no-trunc"))
    template = options.text("format")
    if template != "json":
        print_list(context, listing, items, template=template)
        return
    for item in items:
        values = {name: value for name, value in listing.values(item).items() if not callable(value)}
        context.print(json.dumps(values, separators=(",", ":"), ensure_ascii=False))


PS = Command(
    "[OPTIONS] [SERVICE...]",
    _ps,
    (
        switch("all", "a", "Show all stopped containers (including those created by the run command)"),
        DRY_RUN,
        Flag("filter", "", "Filter services by a property (supported filters: status)"),
        Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template', default="table"),
        switch("no-trunc", "", "Don't truncate output"),
        switch("orphans", "", "Include orphaned services (not declared by project)", default=True),
        switch("quiet", "q", "Only display IDs"),
        switch("services", "", "Display services"),
        several("status", "", f"Filter services by status. Values: [{' | '.join(STATES)}]", metavar="stringArray"),
    ),
)
