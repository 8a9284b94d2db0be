"""What happened to an object of the engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of `shoal events`. Source: Docker Engine API v1.51, EventMessage.

    type: container | image | network | volume | builder | daemon; of a cluster: service | node | secret | config
    action: create, start, die, destroy, pull, tag, connect, mount, "health_status: healthy", "exec_create: sh", …
    actor: the object's id (a volume's name, an image's reference or id)
    attributes: what filters look at; a container's: its labels, `name`, `image`, and `exitCode` on die
    """

    type: str
    action: str
    actor: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    at: int  #: ns since the epoch, UTC
    scope: str = "local"  #: or "swarm"
