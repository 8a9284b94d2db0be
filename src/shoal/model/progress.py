"""What a long operation says while it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One line of progress. Source: Docker's jsonmessage.

    status: what goes on ("Downloading"); `id` says with what (a short layer id)
    current_bytes, total_bytes: how far; 0 where that is unknown
    has_detail: whether this line belongs to a moving part, so that the JSON has a progressDetail even when it is empty
    stream: plain output in place of a status (build, load)
    aux: facts for programs, e.g. {"ID": "sha256:…"}
    """

    status: str = ""
    id: str = ""
    current_bytes: int = 0
    total_bytes: int = 0
    has_detail: bool = False
    stream: str = ""
    aux: Mapping[str, Any] | None = None


#: Takes lines in order, never waits; only called from the event loop's thread.
Report = Callable[[Progress], None]


def ignore(line: Progress) -> None:
    """A `Report` for when nobody listens."""
