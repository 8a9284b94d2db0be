"""Rolling update and rollback: which slots are replaced next, and when to stop."""

from collections.abc import Mapping

from shoal.cluster.reconcile.turn import SlotKey, Turn
from shoal.model.cluster.task import Task


def step(turn: Turn, slots: Mapping[SlotKey, list[Task]]) -> None:
    """The next changes of a service whose slots are not all as its spec says."""
