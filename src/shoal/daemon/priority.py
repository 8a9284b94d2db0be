"""A start goes before other work: a node whose engine is away for some seconds is taken for dead.

Busy containers must not make that of half a second of loading and adopting. Only the first thread goes ahead: threads
and processes that it starts do not (SCHED_RESET_ON_FORK). Source: sched(7)
"""

import os
from contextlib import suppress

AHEAD_NICE = -15
SETTLING_S = 5.0  #: after it is ready: until then tasks are adopted and the managers are told


def go_ahead() -> None:
    """This thread gets a CPU before others, where that is allowed and nobody has chosen a priority for us."""
    if os.getpriority(os.PRIO_PROCESS, 0) == 0:
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, 0, AHEAD_NICE)


def queue_again() -> None:
    """As others. Of the thread that went ahead"""
    if os.getpriority(os.PRIO_PROCESS, 0) == AHEAD_NICE:
        os.setpriority(os.PRIO_PROCESS, 0, 0)
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
