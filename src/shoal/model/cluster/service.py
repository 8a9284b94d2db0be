"""The service: how many of which tasks, and how they change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shoal.model.cluster.task import TaskSpec


class ServiceMode(StrEnum):
    """How the number of tasks is found."""

    REPLICATED = "replicated"
    GLOBAL = "global"
    REPLICATED_JOB = "replicated-job"
    GLOBAL_JOB = "global-job"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateConfig:
    """How tasks are replaced.

    parallelism: 0 = all at once
    on_failure: pause | continue | rollback (of updates only)
    """

    parallelism: int = 1
    delay_s: float = 0.0
    on_failure: str = "pause"
    monitor_s: float = 5.0
    max_failure_ratio: float = 0.0
    order: str = "stop-first"  #: or start-first


@dataclass(frozen=True, slots=True, kw_only=True)
class PortConfig:
    """A published port.

    published: 0 = chosen
    mode: ingress | host
    host_ip: only on this address of a node; "" = all
    """

    target: int
    published: int = 0
    protocol: str = "tcp"
    mode: str = "ingress"
    name: str = ""
    host_ip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSpec:
    """mode: vip | dnsrr"""

    mode: str = "vip"
    ports: tuple[PortConfig, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a job runs. Source: Compose specification, jobs.triggers.schedule.

    concurrency: forbid | queue | allow    missed_fires: one | skip
    """

    cron: str
    timezone: str = "UTC"
    concurrency: str = "forbid"
    missed_fires: str = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """What the user asked for.

    replicas: of replicated services and jobs (a job's total completions)
    max_concurrent: of a replicated job; 0 = all
    depends_on: {service name: condition of Compose}
    """

    name: str
    task: TaskSpec
    labels: Mapping[str, str] = field(default_factory=dict)
    mode: ServiceMode = ServiceMode.REPLICATED
    replicas: int = 1
    max_concurrent: int = 0
    update: UpdateConfig = field(default_factory=UpdateConfig)
    rollback: UpdateConfig = field(default_factory=UpdateConfig)
    endpoint: EndpointSpec = field(default_factory=EndpointSpec)
    schedule: Schedule | None = None
    depends_on: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateStatus:
    """state: updating | paused | completed | rollback_started | rollback_paused | rollback_completed"""

    state: str
    started_at: int = 0
    completed_at: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualAddress:
    """A service's address on one network."""

    network_id: str
    ipv4: str = ""
    ipv6: str = ""
    prefix: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that exists.

    spec_version: grows with each change of `spec` (`cluster.services`); tasks say from which they are made
    ports: with every published port chosen
    iteration: of a job; iteration_at: when it began
    fired_at: the last moment of its schedule that was dealt with
    rebalance_at: when it was asked to even out its tasks over the nodes, 0 = not, or done
    registry_auth: sealed; what nodes pull its image with, as `X-Registry-Auth` has it
    previous_auth: that of `previous`
    """

    id: str
    spec: ServiceSpec
    created_at: int
    updated_at: int
    spec_version: int = 0
    previous: ServiceSpec | None = None
    update_status: UpdateStatus | None = None
    vips: tuple[VirtualAddress, ...] = ()
    ports: tuple[PortConfig, ...] = ()
    iteration: int = 0
    iteration_at: int = 0
    fired_at: int = 0
    rebalance_at: int = 0
    registry_auth: bytes = b""
    previous_auth: bytes = b""

    @property
    def key(self) -> str:
        return self.id
