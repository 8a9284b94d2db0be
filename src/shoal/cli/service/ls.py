"""`shoal service ls`: docker's table of services. `stack services` prints it too."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.flags import Flag, Options, filter_flag, switch
from shoal.cli.listing import Listing, natural_key, parse_filters, print_list
from shoal.cli.units import short_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_MODES = {
    "Replicated": "replicated",
    "Global": "global",
    "ReplicatedJob": "replicated job",
    "GlobalJob": "global job",
}
_JOB_WIDTH = 30


def print_services(context: Context, options: Options, services: Sequence[Any]) -> None:
    """Print services (with ServiceStatus) as `--format` and `--quiet` say."""
    rows = sorted(services, key=lambda item: natural_key(item["Spec"]["Name"]))
    print_list(context, LISTING, rows, template=options.text("format"), is_quiet=options.flag("quiet"))


def mode_text(service: Mapping[str, Any]) -> str:
    """ "replicated", "global job", …"""
    mode = service["Spec"].get("Mode") or {}
    return next((text for key, text in _MODES.items() if mode.get(key) is not None), "")


def replicas_text(service: Mapping[str, Any]) -> str:
    """ "2/3", "2/3 (max 1 per node)", "1/2 (4/10 completed)"."""
    status = service.get("ServiceStatus") or {}
    running, wanted = status.get("RunningTasks") or 0, status.get("DesiredTasks") or 0
    completed = status.get("CompletedTasks") or 0
    mode = service["Spec"].get("Mode") or {}
    job = mode.get("ReplicatedJob")
    text = f"{running}/{wanted}"
    if job is not None:
        return f"{text} ({completed}/{job.get('TotalCompletions') or 0} completed)"
    if mode.get("GlobalJob") is not None:
        return f"{text} ({completed}/{wanted + completed} completed)"
    most = ((service["Spec"].get("TaskTemplate") or {}).get("Placement") or {}).get("MaxReplicas")
    return f"{text} (max {most} per node)" if mode.get("Replicated") is not None and most else text


def image_text(service: Mapping[str, Any]) -> str:
    """The image without the digest that its tag was fixed to."""
    image = str(((service["Spec"].get("TaskTemplate") or {}).get("ContainerSpec") or {}).get("Image") or "")
    name, at, _ = image.partition("@")
    return name if at and ":" in name.rpartition("/")[2] else image


def ports_text(ports: Sequence[Mapping[str, Any]]) -> str:
    """ "*:9000-9002->9000-9002/tcp, *:9100->9100/tcp": the ports of the mesh, neighbours joined."""
    ranges: list[list[Any]] = []  # protocol, first published, first target, count
    meshed = [port for port in ports if port.get("PublishMode", "ingress") == "ingress"]
    for port in sorted(meshed, key=lambda p: (str(p.get("Protocol")), p.get("PublishedPort") or 0)):
        protocol, published, target = port.get("Protocol"), port.get("PublishedPort") or 0, port.get("TargetPort") or 0
        last = ranges[-1] if ranges else None
        if last and last[0] == protocol and (last[1] + last[3], last[2] + last[3]) == (published, target):
            last[3] += 1
        else:
            ranges.append([protocol, published, target, 1])
    return ", ".join(
        f"*:{_range(published, count)}->{_range(target, count)}/{protocol}"
        for protocol, published, target, count in ranges
    )


def _range(first: int, count: int) -> str:
    return f"{first}" if count == 1 else f"{first}-{first + count - 1}"


LISTING = Listing(
    {
        "ID": lambda item: short_id(item["ID"]),
        "Image": image_text,
        "Mode": mode_text,
        "Name": lambda item: item["Spec"]["Name"],
        "Ports": lambda item: ports_text((item.get("Endpoint") or {}).get("Ports") or ()),
        "Replicas": replicas_text,
    },
    ("ID", "Name", "Mode", "Replicas", "Image", "Ports"),
    headings={},
    quiet="ID",
)

LIST_FLAGS = (
    filter_flag("f", "Filter output based on conditions provided"),
    Flag("format", "", 'Format output: "table", "table TEMPLATE", "json", or a Go template'),
    switch("quiet", "q", "Only display IDs"),
)


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    found = context.api.services.list(parse_filters(options.list("filter")), status=not options.flag("quiet"))
    print_services(context, options, found)
    return 0


LS = Command("[OPTIONS]", _run, LIST_FLAGS, arguments=(0, 0))
