"""`shoal compose logs`: the logs of all containers, in the order of time; with -f as they are written."""

from __future__ import annotations

import time
from heapq import merge

from shoal.cli.command import Command, Context
from shoal.cli.compose.base.naming import is_oneoff, name_of, number_of, service_of, short_name
from shoal.cli.compose.base.session import Session
from shoal.cli.compose.flags import DRY_RUN, INDEX
from shoal.cli.compose.show.following import Followers, ProjectEvents, frames_of
from shoal.cli.compose.show.log_lines import LogLines
from shoal.cli.container.logs import api_time
from shoal.cli.errors import UsageError
from shoal.cli.flags import Flag, Options, switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any


def _logs(context: Context, options: Options, services: list[str]) -> int:
    tail = options.text("tail")
    if tail != "all" and not tail.lstrip("-").isdigit():
        raise UsageError(f'invalid argument "{tail}" for "-n, --tail" flag: expected a number or "all"')
    session = Session(context, options)
    project, project_name = session.project_or_name(services)
    separator = project.separator if project is not None else "-"
    index = options.number("index")
    items = [
        item
        for item in session.containers(project_name)
        if _is_wanted(item, services, index) and (project is None or services or service_of(item) in project.services)
    ]
    items.sort(key=lambda item: (service_of(item), name_of(item)))
    shown = {name_of(item): short_name(name_of(item), project_name, separator) for item in items}
    now_s = time.time()
    query = {
        "tail": tail,
        "since": api_time(options.text("since"), now_s) or None,
        "until": api_time(options.text("until"), now_s) or None,
    }
    lines = LogLines(
        context.stdout,
        context.stderr,
        shown.values(),
        has_prefix=not options.flag("no-log-prefix"),
        is_coloured=session.is_coloured(no_color=options.flag("no-color")),
    )
    if options.flag("follow"):
        _follow(session, project_name, shown, lines, query)
    else:
        _write_merged(context, shown, lines, query, timestamps=options.flag("timestamps"))
    return 0


def _is_wanted(item: Any, services: list[str], index: int) -> bool:
    if is_oneoff(item) or (services and service_of(item) not in services):
        return False
    return not index or number_of(item) == index


def _write_merged(
    context: Context, shown: dict[str, str], lines: LogLines, query: dict[str, Any], *, timestamps: bool
) -> None:
    """Write all lines in the order of their times, which the engine puts in front of each."""
    wanted = {"stdout": True, "stderr": True, "timestamps": True, **query}

    def stamped(container: str) -> Iterator[tuple[bytes, str, int, bytes]]:
        for stream, line in _whole_lines(frames_of(context.api.containers.logs(container, wanted))):
            stamp, _, text = line.partition(b" ")
            yield stamp, container, stream, line if timestamps else text

    for _, container, stream, line in merge(*(stamped(name) for name in shown), key=lambda entry: entry[0]):
        lines.write(shown[container], stream, line + b"\n")


def _whole_lines(source: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    rest = {1: b"", 2: b""}
    for stream, data in source:
        *lines, rest[stream] = (rest.get(stream, b"") + data).split(b"\n")
        for line in lines:
            yield stream, line
    for stream, line in rest.items():
        if line:
            yield stream, line


def _follow(session: Session, project_name: str, shown: dict[str, str], lines: LogLines, query: dict[str, Any]) -> None:
    """Copy until every container has ended; one that starts again is followed again."""
    api = session.context.api
    followers = Followers(api, lines, timestamps=session.options.flag("timestamps"))

    def on_event(event: dict[str, Any]) -> None:
        attributes = (event.get("Actor") or {}).get("Attributes") or {}
        name = attributes.get("name", "")
        if event.get("Action") == "start" and name in shown:
            followers.wait_for_end(shown[name])
            followers.follow_log(name, shown[name], {"since": _seconds(event)})

    ProjectEvents(api, project_name, on_event)
    for container, name in shown.items():
        followers.follow_log(container, name, query)
    followers.wait_for_all()


def _seconds(event: dict[str, Any]) -> str:
    nanos = int(event.get("timeNano") or 0)
    return f"{nanos // 10**9}.{nanos % 10**9:09d}"


LOGS = Command(
    "[OPTIONS] [SERVICE...]",
    _logs,
    (
        DRY_RUN,
        switch("follow", "f", "Follow log output"),
        INDEX,
        switch("no-color", "", "Produce monochrome output"),
        switch("no-log-prefix", "", "Don't print prefix in logs"),
        Flag(
            "since", "", "Show logs since timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)"
        ),
        Flag("tail", "n", "Number of lines to show from the end of the logs for each container", default="all"),
        switch("timestamps", "t", "Show timestamps"),
        Flag(
            "until",
            "",
            "Show logs before a timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)",
        ),
    ),
)
