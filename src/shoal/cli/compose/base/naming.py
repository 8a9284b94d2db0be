"""Names in the summaries of containers that the engine's lists give."""

from __future__ import annotations

from shoal.compose import labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def name_of(item: Any) -> str:
    """The container's name, without slash; names with two slashes are link aliases of other containers."""
    names = [str(name).removeprefix("/") for name in item.get("Names") or ()]
    return next((name for name in names if "/" not in name), names[0] if names else "")


def label_of(item: Any, label: str) -> str:
    """The value of a label, "" where there is none."""
    return str((item.get("Labels") or {}).get(label, ""))


def service_of(item: Any) -> str:
    """The service that the container belongs to."""
    return label_of(item, labels.SERVICE)


def number_of(item: Any) -> int:
    """The container's number in its service, 0 where it has none."""
    text = label_of(item, labels.CONTAINER_NUMBER)
    return int(text) if text.isdecimal() else 0


def is_oneoff(item: Any) -> bool:
    """Whether `compose run` made the container."""
    return label_of(item, labels.ONEOFF).lower() == "true"


def short_name(name: str, project: str, separator: str) -> str:
    """A container's name without its project's; a name of its own stays."""
    return name.removeprefix(f"{project}{separator}")
