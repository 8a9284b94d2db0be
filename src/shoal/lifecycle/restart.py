"""When an ended container is started again by itself. Source: Docker, `restartmanager`."""

from dataclasses import dataclass

from shoal.model.container import RestartMode, RestartPolicy

FIRST_DELAY_S = 0.1
MAX_DELAY_S = 60.0
CALM_S = 10.0  #: a run of this length starts the delays from the beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The run that ended.

    ran_s: how long it was
    restarts: how often the policy has started it again since a person did
    last_delay_s: the delay before this run, 0 = a person started it
    stopped: a person asked for the end (stop, kill)
    """

    exit_code: int
    ran_s: float
    restarts: int
    last_delay_s: float = 0.0
    stopped: bool = False


def next_delay_s(policy: RestartPolicy, ended: Ended) -> float | None:
    """Seconds until the next start, or None for no restart."""
    if ended.stopped or not _wants_restart(policy, ended):
        return None
    if not ended.last_delay_s or ended.ran_s >= CALM_S:
        return FIRST_DELAY_S
    return min(ended.last_delay_s * 2, MAX_DELAY_S)


def _wants_restart(policy: RestartPolicy, ended: Ended) -> bool:
    match policy.mode:
        case RestartMode.ALWAYS | RestartMode.UNLESS_STOPPED:
            return True
        case RestartMode.ON_FAILURE:
            return ended.exit_code != 0 and not 0 < policy.max_retries <= ended.restarts
        case RestartMode.NO:
            return False


def starts_with_engine(policy: RestartPolicy, *, manually_stopped: bool, was_running: bool, exit_code: int) -> bool:
    """Whether a container that does not run is started when the engine starts.

    was_running: it ran when the engine (or the machine) went away
    """
    match policy.mode:
        case RestartMode.ALWAYS:
            return True
        case RestartMode.UNLESS_STOPPED:
            return not manually_stopped
        case RestartMode.ON_FAILURE:
            return was_running and exit_code != 0
        case RestartMode.NO:
            return False
