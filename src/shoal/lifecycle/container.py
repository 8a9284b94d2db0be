"""The life of a container: which event is allowed in which status, and what comes of it."""

from collections.abc import Mapping
from enum import StrEnum

from shoal.errors import InvalidTransition
from shoal.model.container import ContainerStatus as S


class Event(StrEnum):
    """What can happen to a container."""

    START = "start"  #: its program runs
    START_FAILED = "start failed"
    EXIT = "exit"  #: its program has ended for good
    EXIT_RESTARTING = "exit, restarting"  #: it has ended and will be started again after a while
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"  #: it will be started by its policy
    GIVE_UP = "give up"  #: no further restart
    REMOVE = "remove"
    REMOVE_FAILED = "remove failed"


TABLE: Mapping[tuple[S, Event], S] = {
    (S.CREATED, Event.START): S.RUNNING,
    (S.CREATED, Event.START_FAILED): S.CREATED,
    (S.EXITED, Event.START): S.RUNNING,
    (S.EXITED, Event.START_FAILED): S.EXITED,
    (S.RESTARTING, Event.START): S.RUNNING,
    (S.RESTARTING, Event.START_FAILED): S.EXITED,
    (S.RESTARTING, Event.GIVE_UP): S.EXITED,
    (S.EXITED, Event.RETRY): S.RESTARTING,
    (S.RUNNING, Event.EXIT): S.EXITED,
    (S.RUNNING, Event.EXIT_RESTARTING): S.RESTARTING,
    (S.RUNNING, Event.PAUSE): S.PAUSED,
    (S.PAUSED, Event.RESUME): S.RUNNING,
    (S.PAUSED, Event.EXIT): S.EXITED,
    (S.PAUSED, Event.EXIT_RESTARTING): S.RESTARTING,
    (S.CREATED, Event.REMOVE): S.REMOVING,
    (S.EXITED, Event.REMOVE): S.REMOVING,
    (S.DEAD, Event.REMOVE): S.REMOVING,
    (S.REMOVING, Event.REMOVE): S.REMOVING,
    (S.REMOVING, Event.REMOVE_FAILED): S.DEAD,
}


def step(status: S, event: Event) -> S:
    """The status after `event`. Raises: InvalidTransition"""
    try:
        return TABLE[status, event]
    except KeyError:
        raise InvalidTransition(f'a container that is {status.value} can\'t take the event "{event.value}"') from None
