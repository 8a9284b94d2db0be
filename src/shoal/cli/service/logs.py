"""`shoal service logs`: the lines of all tasks of a service, each behind the name of its task."""

from __future__ import annotations

import time

from shoal.cli.command import Command, Context
from shoal.cli.container.logs import api_time
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, switch
from shoal.cli.service.tasks import node_name, slot_of
from shoal.client.errors import ClientNotFound
from shoal.errors import ShoalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from shoal.client.http import Response

    Json = dict[str, Any]

_PREFIX = "com.docker.swarm."
_CONTEXT = ("node.id", "service.id", "task.id")


class Names:
    """ "web.1.o6wn2h884egf@pop-os" of the ids in a line; each is asked for once."""

    def __init__(self, context: Context, options: Options, padding: int) -> None:
        self._api = context.api
        self._is_resolved = not options.flag("no-resolve")
        self._has_ids = not options.flag("no-task-ids")
        self._is_truncated = not options.flag("no-trunc")
        self._padding = padding
        self._known: dict[tuple[str, ...], str] = {}

    def of(self, ids: tuple[str, ...]) -> str:
        """ids: of node, service and task"""
        if ids not in self._known:
            self._known[ids] = self._make(*ids)
        return self._known[ids]

    def _make(self, node_id: str, service_id: str, task_id: str) -> str:
        task = self._asked(self._api.tasks.inspect, task_id)
        service, node = service_id, node_id
        if self._is_resolved:
            service = (self._asked(self._api.services.inspect, service_id).get("Spec") or {}).get("Name") or service_id
            found = self._asked(self._api.nodes.inspect, node_id)
            node = node_name(found) if found else node_id
        slot = slot_of(task)
        text = f"{service}.{slot}"
        if self._has_ids:
            text += f".{task_id[:12] if self._is_truncated else task_id}"
        return f"{text}@{node}" + " " * max(0, self._padding - len(str(slot)))

    @staticmethod
    def _asked(inspect: Any, identity: str) -> Json:
        """What `inspect` finds; empty for what is gone: its lines are shown still."""
        try:
            found: Json = inspect(identity)
        except ShoalError:
            return {}
        return found


def parse_details(text: str) -> dict[str, str]:
    """{"com.docker.swarm.task.id": …} of "com.docker.swarm.task.id=…,…". Raises: ValueError"""
    from urllib.parse import unquote_plus

    details = {}
    for pair in text.split(","):
        key, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"invalid details format: {text}")
        details[unquote_plus(key)] = unquote_plus(value)
    return details


def formatted_line(line: str, names: Names, *, has_time: bool, has_details: bool) -> str:
    """A line of the API (with details in front) as people read it; one without details as it is."""
    parts = line.split(" ", 2 if has_time else 1)
    if len(parts) < (3 if has_time else 2):
        return line
    stamp = parts.pop(0) + " " if has_time else ""
    try:
        details = parse_details(parts[0])
        ids = tuple(details.pop(_PREFIX + name) for name in _CONTEXT)
    except (ValueError, KeyError):
        return line
    rest = ",".join(f"{key}={value}" for key, value in sorted(details.items()))
    shown = f"{rest} " if has_details and rest else ""
    return f"{stamp}{names.of(ids)}    | {shown}{parts[1]}"


def _lines(chunks: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, str]]:
    """(stream, whole line with its end); the end of each stream may lack one."""
    rests: dict[int, bytes] = {}
    for stream, data in chunks:
        *whole, rests[stream] = (rests.get(stream, b"") + data).split(b"\n")
        for line in whole:
            yield stream, line.decode("utf-8", "replace") + "\n"
    for stream, rest in rests.items():
        if rest:
            yield stream, rest.decode("utf-8", "replace")


def _target(context: Context, name: str) -> tuple[Any, str, Json, int]:
    """(request of the logs, id, container spec, digits of its slots) of a service or task."""
    try:
        service = context.api.services.inspect(name)
    except ClientNotFound:
        try:
            task = context.api.tasks.inspect(name)
        except ClientNotFound:
            raise PlainError(f"no such task or service: {name}") from None
        return context.api.tasks.logs, task["ID"], task["Spec"].get("ContainerSpec") or {}, 0
    replicas = ((service["Spec"].get("Mode") or {}).get("Replicated") or {}).get("Replicas") or 0
    container = service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}
    return context.api.services.logs, service["ID"], container, len(str(replicas)) if replicas else 0


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    request, identity, container, padding = _target(context, arguments[0])
    is_raw = options.flag("raw")
    if container.get("TTY") and not is_raw:
        raise PlainError("tty service logs only supported with --raw")
    query = {
        "stdout": True,
        "stderr": True,
        "follow": options.flag("follow") or None,
        "timestamps": options.flag("timestamps") or None,
        "details": options.flag("details") or not is_raw or None,
        "since": api_time(options.text("since"), time.time()) or None,
        "tail": options.text("tail"),
    }
    with request(identity, query) as response:
        _copy(context, options, response, Names(context, options, padding))
    return 0


def _copy(context: Context, options: Options, response: Response, names: Names) -> None:
    from shoal.cli.terminal import copy_frames, write_all
    from shoal.client.streams import frames, raw_frames

    pieces = frames(response.read) if response.is_multiplexed() else raw_frames(response.read)
    if options.flag("raw"):
        copy_frames(pieces)
        return
    has_time, has_details = options.flag("timestamps"), options.flag("details")
    for stream, line in _lines(pieces):
        text = formatted_line(line, names, has_time=has_time, has_details=has_details)
        write_all(2 if stream == 2 else 1, text.encode())


LOGS = Command(
    "[OPTIONS] SERVICE|TASK",
    _run,
    (
        switch("details", "", "Show extra details provided to logs"),
        switch("follow", "f", "Follow log output"),
        switch("no-resolve", "", "Do not map IDs to Names in output"),
        switch("no-task-ids", "", "Do not include task IDs in output"),
        switch("no-trunc", "", "Do not truncate output"),
        switch("raw", "", "Do not neatly format logs"),
        Flag("since", "", 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m")'),
        Flag("tail", "n", "Number of lines to show from the end of the logs", default="all"),
        switch("timestamps", "t", "Show timestamps"),
    ),
    arguments=(1, 1),
)
