"""`shoal compose events`, `wait` and `watch`."""

from __future__ import annotations

import json
import time

from shoal.cli.command import MANY, Command, Context
from shoal.cli.compose.base.naming import name_of, service_of
from shoal.cli.compose.base.session import Session
from shoal.cli.compose.flags import DRY_RUN
from shoal.cli.container.logs import api_time
from shoal.cli.errors import PlainError
from shoal.cli.flags import Flag, Options, switch
from shoal.compose import labels
from shoal.errors import NotSupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def not_watching() -> NotSupported:
    """The error of `watch` and `up --watch`."""
    return NotSupported(
        "watch is not supported yet",
        hint="`shoal compose up -d --build` rebuilds and recreates what changed",
    )


def _events(context: Context, options: Options, services: list[str]) -> int:
    session = Session(context, options)
    _, project_name = session.project_or_name(services)
    now_s = time.time()
    filters = {"type": ["container"], "label": [f"{labels.PROJECT}={project_name}"]}
    stream = context.api.system.events(
        since=api_time(options.text("since"), now_s), until=api_time(options.text("until"), now_s), filters=filters
    )
    for event in stream:
        attributes = (event.get("Actor") or {}).get("Attributes") or {}
        service = attributes.get(labels.SERVICE, "")
        if attributes.get(labels.ONEOFF, "").lower() == "true" or (services and service not in services):
            continue
        context.print(event_json(event, service) if options.flag("json") else event_text(event))
        context.stdout.flush()
    return 0


def _own_attributes(event: Any) -> dict[str, str]:
    """Attributes without Compose's labels."""
    attributes = (event.get("Actor") or {}).get("Attributes") or {}
    return {key: value for key, value in attributes.items() if not key.startswith(labels.PREFIX)}


def event_text(event: Any) -> str:
    """`2026-11-22 10:10:10.289123 container create ID (image=…, name=…)`."""
    nanos = int(event.get("timeNano") or 0)
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(nanos // 10**9)) + f".{nanos % 10**9 // 1000:06d}"
    attributes = ", ".join(f"{key}={value}" for key, value in sorted(_own_attributes(event).items()))
    return f"{when} {event.get('Type')} {event.get('Action')} {event['Actor']['ID']} ({attributes})"


def event_json(event: Any, service: str) -> str:
    """One event as Compose's JSON."""
    nanos = int(event.get("timeNano") or 0)
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanos // 10**9)) + f".{nanos % 10**9:09d}Z"
    value = {
        "action": event.get("Action"),
        "attributes": _own_attributes(event),
        "id": event["Actor"]["ID"],
        "service": service,
        "time": when,
        "type": event.get("Type"),
    }
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _wait(context: Context, options: Options, services: list[str]) -> int:
    """The exit status of the first container that ends; each container's is printed."""
    from queue import SimpleQueue
    from threading import Thread

    session = Session(context, options)
    _, project_name = session.project_or_name(services)
    items = [item for item in session.containers(project_name) if service_of(item) in services]
    if not items:
        raise PlainError(f'no containers for project "{project_name}": not found')
    ends: SimpleQueue[tuple[str, int | Exception]] = SimpleQueue()

    def wait_for(name: str) -> None:
        try:
            ends.put((name, context.api.containers.wait(name)))
        except Exception as error:  # noqa: BLE001 - raised by the thread that waits for it
            ends.put((name, error))

    for item in items:
        Thread(target=wait_for, args=(name_of(item),), daemon=True).start()
    status = 0
    for count in range(len(items)):
        name, result = ends.get()
        if isinstance(result, Exception):
            raise result
        context.print(f'container "{name}" exited with status code {result}')
        context.stdout.flush()
        if count == 0:
            status = result
            if options.flag("down-project"):
                _bring_down(session)
                break
    return status


def _bring_down(session: Session) -> None:
    from shoal.compose.plan import plan_down
    from shoal.compose.planning.options import DownOptions

    project, state = session.project_and_state()
    session.apply(plan_down(project, state, DownOptions()))


def _watch(context: Context, options: Options, services: list[str]) -> int:
    raise not_watching()


EVENTS = Command(
    "[OPTIONS] [SERVICE...]",
    _events,
    (
        DRY_RUN,
        switch("json", "", "Output events as a stream of json objects"),
        Flag("since", "", "Show all events created since timestamp"),
        Flag("until", "", "Stream events until this timestamp"),
    ),
)
WAIT = Command(
    "SERVICE [SERVICE...] [OPTIONS]",
    _wait,
    (switch("down-project", "", "Drops project when the first container stops"), DRY_RUN),
    arguments=(1, MANY),
)
WATCH = Command(
    "[SERVICE...]",
    _watch,
    (
        DRY_RUN,
        switch("no-up", "", "Do not build & start services before watching"),
        switch("prune", "", "Prune dangling images on rebuild"),
        switch("quiet", "", "hide build output"),
    ),
    notes="Not supported yet: `shoal compose up -d --build` rebuilds and recreates what changed.",
)
