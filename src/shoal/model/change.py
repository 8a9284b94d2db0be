"""How a container's files differ from its image's."""

from dataclasses import dataclass
from enum import IntEnum


class ChangeKind(IntEnum):
    """Source: Docker Engine API v1.51, ChangeType."""

    MODIFIED = 0
    ADDED = 1
    DELETED = 2


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One path that differs; absolute, "/etc/hosts"."""

    path: str
    kind: ChangeKind
