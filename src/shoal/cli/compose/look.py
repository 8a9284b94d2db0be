"""Commands that look: images, ls, port, top, version, volumes."""

from __future__ import annotations

import json
import time

from shoal.cli.command import Command, Context
from shoal.cli.compose.base.naming import name_of, service_of
from shoal.cli.compose.base.session import Session
from shoal.cli.compose.flags import DRY_RUN, INDEX
from shoal.cli.compose.inside import container_of
from shoal.cli.errors import PlainError, UsageError
from shoal.cli.flags import Flag, Options, filter_flag, switch
from shoal.cli.listing import Listing, parse_filters, print_list, table_text
from shoal.cli.units import ago_text, parse_time_s, short_id, size_text
from shoal.compose import labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

_WIDE_CELL = 17  # Compose pads the cells of some tables to 20


def _wide_table(rows: Iterable[Sequence[str]]) -> str:
    return table_text([[cell.ljust(_WIDE_CELL) for cell in row[:-1]] + [row[-1]] for row in rows])


# -- images


def _images(context: Context, options: Options, services: list[str]) -> int:
    session = Session(context, options)
    _, project_name = session.project_or_name(services)
    items = [i for i in session.containers(project_name) if not services or service_of(i) in services]
    items.sort(key=name_of)
    identifiers = sorted({str(item.get("ImageID") or "") for item in items} - {""})
    if options.flag("quiet"):
        context.stdout.write("".join(f"{identifier.removeprefix('sha256:')}\n" for identifier in identifiers))
        return 0
    seen = {identifier: context.api.images.inspect(identifier) for identifier in identifiers}
    rows = [_image_row(item, seen[item["ImageID"]]) for item in items if item.get("ImageID") in seen]
    if options.text("format") == "json":
        context.print(json.dumps(rows, separators=(",", ":")))
        return 0
    table = [["CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"]]
    for row in rows:
        created_s = parse_time_s(row["Created"])
        table.append(
            [
                row["ContainerName"],
                row["Repository"] or "<none>",
                row["Tag"] or "<none>",
                row["Platform"],
                short_id(row["ID"]),
                size_text(row["Size"]),
                ago_text(created_s, time.time()) if created_s else "N/A",
            ]
        )
    context.stdout.write(_wide_table(table))
    return 0


def _image_row(item: Any, image: Any) -> dict[str, Any]:
    tags = image.get("RepoTags") or []
    own = str(item.get("Image") or "")
    named = [tag for tag in tags if tag in (own, f"{own}:latest")]
    reference = (named or tags or [""])[0]
    repository, _, tag = reference.rpartition(":")
    platform = "/".join(str(image[key]) for key in ("Os", "Architecture", "Variant") if image.get(key))
    return {
        "ID": image["Id"],
        "ContainerName": name_of(item),
        "Repository": repository,
        "Tag": tag,
        "Platform": platform,
        "Size": int(image.get("Size") or 0),
        "Created": str(image.get("Created") or ""),
    }


# -- ls


def _ls(context: Context, options: Options, arguments: list[str]) -> int:
    filters = parse_filters(options.list("filter"))
    unknown = set(filters) - {"name"}
    if unknown:
        raise UsageError(f"invalid filter '{sorted(unknown)[0]}'")
    items = context.api.containers.list(all=options.flag("all"), filters={"label": [labels.PROJECT]})
    rows = [row for row in project_rows(items) if all(text in row["Name"] for text in filters.get("name", ()))]
    if options.flag("quiet"):
        context.stdout.write("".join(f"{row['Name']}\n" for row in rows))
    elif options.text("format") == "json":
        context.print(json.dumps(rows, separators=(",", ":")))
    else:
        table = [["NAME", "STATUS", "CONFIG FILES"]]
        table += [[row["Name"], row["Status"], row["ConfigFiles"]] for row in rows]
        context.stdout.write(_wide_table(table))
    return 0


def project_rows(items: Iterable[Any]) -> list[dict[str, str]]:
    """Projects by name, each with the states of its containers counted: `exited(1), running(2)`."""
    states: dict[str, dict[str, int]] = {}
    files: dict[str, set[str]] = {}
    for item in items:
        found = item.get("Labels") or {}
        name = found[labels.PROJECT]
        counts = states.setdefault(name, {})
        counts[item.get("State", "")] = counts.get(item.get("State", ""), 0) + 1
        files.setdefault(name, set()).add(found.get(labels.CONFIG_FILES, ""))
    return [
        {
            "Name": name,
            "Status": ", ".join(f"{state}({count})" for state, count in sorted(states[name].items())),
            "ConfigFiles": ",".join(sorted(files[name] - {""})) or "N/A",
        }
        for name in sorted(states)
    ]


# -- port, top


def _port(context: Context, options: Options, arguments: list[str]) -> int:
    service, port = arguments
    number, _, protocol = port.partition("/")
    protocol = protocol or options.text("protocol")
    if not number.isdecimal():
        raise UsageError(f'invalid port "{port}"')
    container = container_of(Session(context, options), service)
    ports = (context.api.containers.inspect(container).get("NetworkSettings") or {}).get("Ports") or {}
    bindings = ports.get(f"{number}/{protocol}")
    if not bindings:
        published = ", ".join(sorted(name for name, found in ports.items() if found))
        more = f": {published}" if published else ""
        raise PlainError(f"no port {number}/{protocol} for container {container}{more}")
    address = bindings[0].get("HostIp") or ""
    context.print(f"{f'[{address}]' if ':' in address else address}:{bindings[0]['HostPort']}")
    return 0


def _top(context: Context, options: Options, services: list[str]) -> int:
    session = Session(context, options)
    _, project_name = session.project_or_name(services)
    items = [i for i in session.containers(project_name, all=False) if not services or service_of(i) in services]
    items.sort(key=name_of)
    titles: list[str] = []
    rows: list[dict[str, str]] = []
    for item in items:
        answer = context.api.containers.top(item["Id"])
        titles += [title for title in answer["Titles"] if title not in titles]
        number = (item.get("Labels") or {}).get(labels.CONTAINER_NUMBER, "")
        for process in answer["Processes"]:
            rows.append(
                {"SERVICE": service_of(item), "#": number, **dict(zip(answer["Titles"], process, strict=False))}
            )
    columns = ["SERVICE", "#", *titles]
    context.stdout.write(narrow_table([columns, *([row.get(name, "") for name in columns] for row in rows)]))
    return 0


def narrow_table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell and a gap of two."""
    widths = [max(len(row[index]) for row in rows) + 2 for index in range(len(rows[0]))]
    lines = ["".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in lines)


# -- volumes, version


def _volumes(context: Context, options: Options, services: list[str]) -> int:
    session = Session(context, options)
    project, project_name = session.project_or_name(services)
    found = context.api.volumes.list({"label": [f"{labels.PROJECT}={project_name}"]}).get("Volumes") or []
    if services and project is not None:
        keys = {mount.source for name in services for mount in project.services[name].volumes if mount.type == "volume"}
        wanted = {project.volumes[key].name for key in keys if key in project.volumes}
        found = [volume for volume in found if volume["Name"] in wanted]
    listing = Listing(
        {
            "Driver": lambda volume: volume.get("Driver", ""),
            "Labels": lambda volume: ",".join(f"{k}={v}" for k, v in sorted((volume.get("Labels") or {}).items())),
            "Mountpoint": lambda volume: volume.get("Mountpoint", ""),
            "Name": lambda volume: volume["Name"],
            "Scope": lambda volume: volume.get("Scope", "local"),
        },
        ("Driver", "Name"),
        headings={"Name": "VOLUME NAME"},
        quiet="Name",
    )
    ordered = sorted(found, key=lambda volume: str(volume["Name"]))
    print_list(context, listing, ordered, template=options.text("format"), is_quiet=options.flag("quiet"))
    return 0


def _version(context: Context, options: Options, arguments: list[str]) -> int:
    from shoal import __version__

    if options.flag("short"):
        context.print(__version__)
    elif options.text("format") == "json":
        context.print(json.dumps({"version": f"v{__version__}"}))
    else:
        context.print(f"Shoal Compose version v{__version__} (as Docker Compose {labels.COMPOSE_VERSION})")
    return 0


IMAGES = Command(
    "[OPTIONS] [SERVICE...]",
    _images,
    (
        DRY_RUN,
        Flag("format", "", "Format output. Values: [table | json]", default="table"),
        switch("quiet", "q", "Only display IDs"),
    ),
)
LS = Command(
    "[OPTIONS]",
    _ls,
    (
        switch("all", "a", "Show all stopped Compose projects"),
        DRY_RUN,
        filter_flag("", "Filter output based on conditions provided"),
        Flag("format", "", "Format output. Values: [table | json]", default="table"),
        switch("quiet", "q", "Only display project names"),
    ),
    arguments=(0, 0),
)
PORT = Command(
    "[OPTIONS] SERVICE PRIVATE_PORT",
    _port,
    (DRY_RUN, INDEX, Flag("protocol", "", "tcp or udp", default="tcp")),
    arguments=(2, 2),
)
TOP = Command("[SERVICES...]", _top, (DRY_RUN,))
VOLUMES = Command(
    "[OPTIONS] [SERVICE...]",
    _volumes,
    (
        DRY_RUN,
        Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template', default="table"),
        switch("quiet", "q", "Only display volume names"),
    ),
)
VERSION = Command(
    "[OPTIONS]",
    _version,
    (
        DRY_RUN,
        Flag("format", "f", "Format the output. Values: [pretty | json]", default="pretty"),
        switch("short", "", "Shows only Compose's version number"),
    ),
    arguments=(0, 0),
)
