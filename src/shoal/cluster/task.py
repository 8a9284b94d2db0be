"""A task's life as a table: how far it is, what is wanted, what its node does next."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from shoal.model.cluster.task import Task, TaskStatus
from shoal.model.cluster.task import TaskState as S

NODE_REMOVED = "node was removed from the cluster"

#: ends that a task came to by itself
OWN_ENDS = frozenset({S.COMPLETE, S.FAILED, S.REJECTED})


class Effect(StrEnum):
    """What a node has to do to get a task further."""

    PREPARE = "prepare"
    START = "start"
    WAIT = "wait"  #: for health, or for the end
    STOP = "stop"
    REMOVE = "remove"


#: {state: (desired state from which on it goes further, next state, what the node does meanwhile)}
NEXT: Mapping[S, tuple[S, S, Effect | None]] = {
    S.ASSIGNED: (S.ACCEPTED, S.ACCEPTED, None),
    S.ACCEPTED: (S.READY, S.PREPARING, None),
    S.PREPARING: (S.READY, S.READY, Effect.PREPARE),
    S.READY: (S.RUNNING, S.STARTING, None),
    S.STARTING: (S.RUNNING, S.RUNNING, Effect.START),
    S.RUNNING: (S.RUNNING, S.COMPLETE, Effect.WAIT),
}
MESSAGES: Mapping[S, str] = {
    S.ACCEPTED: "accepted",
    S.PREPARING: "preparing",
    S.READY: "prepared",
    S.STARTING: "starting",
    S.RUNNING: "started",
    S.COMPLETE: "finished",
    S.SHUTDOWN: "shutdown",
}


def has_ended(task: Task) -> bool:
    """Whether nothing of it runs any more."""
    return task.status.state > S.RUNNING


def is_wanted(task: Task) -> bool:
    """Whether it is to run, or to run to its end: nobody has told it to stop."""
    return task.desired <= S.COMPLETE


def is_live(task: Task) -> bool:
    """Whether it is wanted and has not ended."""
    return task.desired <= S.COMPLETE and task.status.state <= S.RUNNING


def advance(state: S, desired: S) -> tuple[S, Effect | None]:
    """Where a task that its node sees in `state` goes next, and what the node does to get it there.

    The state is given back as it is where nothing is to be done until the wish changes. A node moves on to the next
    state when the effect has succeeded; FAILED (REJECTED while it prepares) when it has not.
    """
    if desired >= S.SHUTDOWN:
        if state <= S.RUNNING:
            return S.SHUTDOWN, Effect.STOP
        return state, Effect.REMOVE if desired >= S.REMOVE else None
    if state not in NEXT:
        return state, None
    needed, following, effect = NEXT[state]
    return (following, effect) if desired >= needed else (state, None)


def reported(task: Task, status: TaskStatus, now: int) -> Task | None:
    """The task as its node now reports it; None where that tells nothing new or would lead back.

    What happened first stays: an ended task gets no other end.
    """
    known = task.status
    if status.state < known.state or status == known or (known.state > S.RUNNING and status.state != known.state):
        return None
    running_at = task.running_at
    if status.state == S.RUNNING and not running_at:
        running_at = status.at or now
    return replace(task, status=status, running_at=running_at, updated_at=now)


def orphaned(task: Task, now: int, why: str) -> Task:
    """The task, which has not ended, as one whose node will not tell any more how it ends."""
    status = replace(task.status, state=S.ORPHANED, at=now, message=why)
    return replace(task, status=status, desired=max(task.desired, S.SHUTDOWN), hold="", updated_at=now)
