"""The table of tasks: `service ps`, `node ps` and `stack ps` print it.

A task has the API's ids; `name_tasks` gives it the names of its service and node.
"""

from __future__ import annotations

import time

from shoal.cli.flags import Flag, filter_flag, switch
from shoal.cli.listing import Listing, natural_key, print_list
from shoal.cli.units import ago_text, ellipsis, parse_time_s, short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from shoal.cli.command import Context
    from shoal.cli.flags import Options

    Json = dict[str, Any]

_MAX_ERROR = 30

#: of every command that prints tasks
TASK_FLAGS = (
    filter_flag("f", "Filter output based on conditions provided"),
    Flag("format", "", "Pretty-print tasks using a Go template"),
    switch("no-resolve", "", "Do not map IDs to Names"),
    switch("no-trunc", "", "Do not truncate output"),
    switch("quiet", "q", "Only display task IDs"),
)


def print_tasks(context: Context, options: Options, tasks: Iterable[Json], *, has_long_ids: bool = False) -> None:
    """Print tasks of the API as the flags say.

    has_long_ids: `-q` prints whole ids (docker's `service ps`)
    """
    is_resolved, is_truncated = not options.flag("no-resolve"), not options.flag("no-trunc")
    if options.flag("quiet") and has_long_ids:
        is_truncated = False
    template = options.text("format")
    known = list(tasks)
    services, nodes = _names(context, known) if is_resolved and not options.flag("quiet") else ({}, {})
    rows = name_tasks(known, services, nodes)
    is_table = not template or template.startswith("table")
    listing = task_listing(time.time(), is_truncated=is_truncated, is_tree=is_table)
    print_list(context, listing, rows, template=template, is_quiet=options.flag("quiet"))


def _names(context: Context, tasks: Iterable[Json]) -> tuple[dict[str, str], dict[str, str]]:
    """({service id: name}, {node id: name}), asked for only where a task needs one."""
    services: dict[str, str] = {}
    nodes: dict[str, str] = {}
    if any(task.get("ServiceID") for task in tasks):
        services = {service["ID"]: service["Spec"]["Name"] for service in context.api.services.list()}
    if any(task.get("NodeID") for task in tasks):
        nodes = {node["ID"]: node_name(node) for node in context.api.nodes.list()}
    return services, nodes


def node_name(node: Mapping[str, Any]) -> str:
    """The name by which people know a node: the user's, else its host's, else its id."""
    name = (node.get("Spec") or {}).get("Name") or (node.get("Description") or {}).get("Hostname") or node["ID"]
    return str(name)


def slot_of(task: Mapping[str, Any]) -> int:
    """The slot, counted from 1; 0 for a task of a global service. Docker's API counts those of jobs from 0."""
    slot = int(task.get("Slot") or 0)
    return slot + 1 if "Slot" in task and task.get("JobIteration") is not None else slot


def task_name(task: Mapping[str, Any], services: Mapping[str, str]) -> str:
    """ "web.1"; of global services "agent.NODE"; "" for a task of no service."""
    service_id = str(task.get("ServiceID") or "")
    return f"{services.get(service_id, service_id)}.{slot_of(task) or task.get('NodeID') or ''}"


def name_tasks(tasks: Iterable[Json], services: Mapping[str, str], nodes: Mapping[str, str]) -> list[Json]:
    """The tasks, each once, slot by slot and the newest first, with `Name`, `Node` and `IsEarlier`.

    IsEarlier: another task took its slot over
    """
    unique = {task["ID"]: {**task, "Name": task_name(task, services)} for task in tasks}
    newest = sorted(unique.values(), key=lambda task: str(task.get("CreatedAt") or ""), reverse=True)
    rows = sorted(newest, key=lambda task: natural_key(task["Name"]))
    before = None
    for row in rows:
        node_id = row.get("NodeID") or ""
        row["Node"] = nodes.get(node_id, node_id)
        row["IsEarlier"] = row["Name"] == before
        before = row["Name"]
    return rows


def task_listing(now_s: float, *, is_truncated: bool = True, is_tree: bool = True) -> Listing:
    """How tasks with names are listed.

    is_tree: earlier tasks of a slot are drawn below the newest
    """

    def state(item: Json) -> str:
        status = item.get("Status") or {}
        since_s = parse_time_s(str(status.get("Timestamp") or ""))
        return f"{str(status.get('State') or '').capitalize()} {ago_text(since_s, now_s).lower()}"

    fields = {
        "CurrentState": state,
        "DesiredState": lambda item: str(item.get("DesiredState") or "").capitalize(),
        "Error": lambda item: _error(item, is_truncated),
        "ID": lambda item: short_id(item["ID"]) if is_truncated else item["ID"],
        "Image": lambda item: _image(item, is_truncated),
        "Name": lambda item: f" \\_ {item['Name']}" if is_tree and item["IsEarlier"] else item["Name"],
        "Node": lambda item: item["Node"],
        "Ports": lambda item: _ports((item.get("Status") or {}).get("PortStatus") or {}),
    }
    columns = ("ID", "Name", "Image", "Node", "DesiredState", "CurrentState", "Error", "Ports")
    headings = {"DesiredState": "DESIRED STATE", "CurrentState": "CURRENT STATE"}
    return Listing(fields, columns, headings=headings, quiet="ID")


def _error(item: Json, is_truncated: bool) -> str:
    text = str((item.get("Status") or {}).get("Err") or "")
    if not text:
        return ""
    return f'"{ellipsis(text, _MAX_ERROR) if is_truncated else text}"'


def _image(item: Json, is_truncated: bool) -> str:
    image = str(((item.get("Spec") or {}).get("ContainerSpec") or {}).get("Image") or "")
    name, at, _ = image.partition("@")
    return name if at and is_truncated and ":" in name.rpartition("/")[2] else image


def _ports(status: Mapping[str, Any]) -> str:
    return ",".join(
        f"*:{port.get('PublishedPort')}->{port.get('TargetPort')}/{port.get('Protocol')}"
        for port in status.get("Ports") or ()
    )
