"""The orchestrator: one pure function from what is to what has to change."""

from collections.abc import Callable

from shoal.cluster.plan import Plan
from shoal.cluster.view import View


def decide(view: View, now: int, *, new_id: Callable[[], str], choose: Callable[[int], int]) -> Plan:
    """What the leader has to write next: reconcile, then allocate, then schedule.

    now: ns since the epoch    new_id: ids of 25 characters [0-9a-z]    choose: a number below its argument
    """
    return Plan(version=view.version)
