"""`shoal events`."""

from __future__ import annotations

import json
import time

from shoal.cli.command import Command, Context
from shoal.cli.flags import Flag, Options, filter_flag
from shoal.cli.listing import parse_filters
from shoal.cli.units import zone_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def event_text(event: Mapping[str, Any]) -> str:
    """An event as docker prints it: time, type, action, id, and its attributes in parentheses."""
    nanos = event.get("timeNano") or int(event.get("time", 0)) * 10**9
    actor = event.get("Actor") or {}
    parts = [_time_text(nanos), str(event.get("Type", "")), str(event.get("Action", "")), str(actor.get("ID", ""))]
    attributes = actor.get("Attributes") or {}
    text = " ".join(parts)
    return f"{text} ({', '.join(f'{key}={attributes[key]}' for key in sorted(attributes))})" if attributes else text


def _time_text(nanos: int) -> str:
    local = time.localtime(nanos // 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + f".{nanos % 10**9:09d}{zone_text(local)}"


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    from shoal.cli.container.logs import api_time

    template, compiled = options.text("format"), None
    if template and template != "json":
        from shoal.cli.gotemplate import compile_template

        compiled = compile_template(template.replace("\\t", "\t").replace("\\n", "\n"))
    now_s = time.time()
    since, until = (api_time(options.text(name), now_s) for name in ("since", "until"))
    for event in context.api.system.events(since=since, until=until, filters=parse_filters(options.list("filter"))):
        if compiled is not None:
            context.print(compiled.render(event))
        elif template:
            context.print(json.dumps(event, separators=(",", ":"), ensure_ascii=False))
        else:
            context.print(event_text(event))
        context.stdout.flush()
    return 0


EVENTS = Command(
    "[OPTIONS]",
    _run,
    (
        filter_flag("f", "Filter output based on conditions provided"),
        Flag("format", "", 'Format output: "json", or a Go template'),
        Flag("since", "", "Show all events created since timestamp"),
        Flag("until", "", "Stream events until this timestamp"),
    ),
    arguments=(0, 0),
)
