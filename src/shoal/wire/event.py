"""Docker's JSON of events, and their filters. Source: Docker Engine API v1.51, SystemEvents."""

from collections.abc import Mapping, Sequence
from typing import Any

from shoal.model.event import Event
from shoal.model.filters import check_filters, match_labels

_FILTERS = (
    "config",
    "container",
    "daemon",
    "event",
    "image",
    "label",
    "network",
    "node",
    "plugin",
    "scope",
    "secret",
    "service",
    "type",
    "volume",
)
#: filters that name an object of one type
_NOUNS = ("container", "image", "network", "volume", "daemon", "plugin", "config", "secret", "service", "node")


def encode_event(event: Event) -> dict[str, Any]:
    """One line of GET /events; with the fields of old clients (`status`, `id`, `from`) for containers and images."""
    body: dict[str, Any] = {
        "Type": event.type,
        "Action": event.action,
        "Actor": {"ID": event.actor, "Attributes": dict(event.attributes)},
        "scope": event.scope,
        "time": event.at // 10**9,
        "timeNano": event.at,
    }
    if event.type in ("container", "image"):
        body = {"status": event.action, "id": event.actor} | body
    if event.type == "container" and "image" in event.attributes:
        body["from"] = event.attributes["image"]
    return body


def check_event_filters(filters: Mapping[str, Sequence[str]]) -> None:
    """Raises: InvalidArgument for a filter that events do not have"""
    check_filters(filters, _FILTERS)


def match_event(event: Event, filters: Mapping[str, Sequence[str]]) -> bool:
    """True when the event passes every filter; the values of one filter are alternatives."""
    return (
        event.type in (filters.get("type") or (event.type,))
        and ("scope" not in filters or event.scope in filters["scope"])
        and ("event" not in filters or any(_is_action(event.action, wanted) for wanted in filters["event"]))
        and match_labels(event.attributes, filters.get("label", ()))
        and all(_names(event, noun, filters[noun]) for noun in _NOUNS if filters.get(noun))
    )


def _is_action(action: str, wanted: str) -> bool:
    """ "health_status" stands for "health_status: healthy", "exec_start" for "exec_start: sh"."""
    return action == wanted or action.startswith(wanted + ":")


def _names(event: Event, noun: str, wanted: Sequence[str]) -> bool:
    if event.type != noun:
        return noun in ("container", "image") and event.attributes.get(noun, "") in wanted
    name = event.attributes.get("name", "")
    for text in wanted:
        if text in (event.actor, name) or (noun == "container" and event.actor.startswith(text)):
            return True
        if noun == "image" and text in (event.actor.split(":")[0], name.split(":")[0]):
            return True
    return False
