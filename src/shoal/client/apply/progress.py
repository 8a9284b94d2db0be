"""What is told while a plan is carried out."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where an operation (or a part of it) stands."""

    WORKING = "working"
    DONE = "done"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step of one operation.

    subject: what it is about, `Container app-web-1`
    status: its word, `Creating`; for an error the message
    part: a part of the subject with a status of its own, such as the id of a layer; "" is the whole
    detail: more about the work under way, such as a line of a build's output
    current_bytes, total_bytes: of the part; 0 where it is not known
    """

    subject: str
    status: str
    phase: Phase = Phase.WORKING
    part: str = ""
    detail: str = ""
    current_bytes: int = 0
    total_bytes: int = 0


#: Called from several threads, in order for each subject.
Report = Callable[[Progress], None]


def nowhere(_progress: Progress) -> None:
    """A Report that drops everything."""
