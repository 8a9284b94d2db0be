"""Health checks of containers: what to run, and what came of it."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """How to check a container. Source: Docker Engine API v1.51, HealthConfig.

    test: ("NONE",) | ("CMD", arg, …) | ("CMD-SHELL", command); () inherits the image's
    Durations are in ns; 0 means inherit, then Docker's default (30 s, 30 s, 0, 5 s).
    """

    test: tuple[str, ...] = ()
    interval_ns: int = 0
    timeout_ns: int = 0
    start_period_ns: int = 0
    start_interval_ns: int = 0
    retries: int = 0  #: 0 = inherit, then 3


class HealthStatus(StrEnum):
    """What the last checks say."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One finished run of a health check."""

    start_at: int
    end_at: int
    exit_code: int  #: -1 = it took too long, or could not be run
    output: str  #: at most 4096 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The health of one container."""

    status: HealthStatus = HealthStatus.STARTING
    failing_streak: int = 0
    log: tuple[Probe, ...] = ()  #: the last 5, oldest first
