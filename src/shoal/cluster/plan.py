"""What a decision gives: changes with causes, and why nothing can be done."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shoal.cluster.book import EMPTY, Book
from shoal.cluster.view import ClusterRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A record to be written. cause: why, for logs and `service ps` ("scale up", "node down", "update")"""

    record: ClusterRecord
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """A record to be forgotten."""

    kind: str
    id: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One commit of the leader at `version`.

    changes: in order; a record is put at most once
    wake_at: when to decide again even if nothing changes (delays, windows, cron), ns since the epoch; 0 = never
    """

    version: int
    changes: tuple[Put | Delete, ...] = ()
    wake_at: int = 0
    waiting: Mapping[str, str] = field(default_factory=dict)  #: {task id: why it fits nowhere}; also in its status
    book: Book = EMPTY  #: for the next decision
