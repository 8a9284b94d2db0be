"""The task: one slot's container on one node, once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from shoal.model.container import ContainerSpec, LogConfig


class TaskState(IntEnum):
    """How far a task is; it only grows. Source: SwarmKit's task model, whose words the API speaks (`wire.swarm`)."""

    NEW = 0
    PENDING = 64  #: addresses are there, a node is wanted
    ASSIGNED = 192
    ACCEPTED = 256  #: the node has it
    PREPARING = 320  #: image, networks, files
    READY = 384  #: the container is made; waits for desired RUNNING
    STARTING = 448
    RUNNING = 512  #: healthy, where it has a health check
    COMPLETE = 576  #: exit code 0
    SHUTDOWN = 640  #: was told to end
    FAILED = 704
    REJECTED = 768  #: the node could not prepare it
    REMOVE = 800  #: desired only: shut down, then forget
    ORPHANED = 832  #: its node is gone for good


class RestartCondition(StrEnum):
    """After which ends a slot gets a new task."""

    NONE = "none"
    ON_FAILURE = "on-failure"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """Delays double from `delay_s` (None = 0.1) to 60 s while tasks end within 10 s of their start.

    delay_s: fixed, as the user said; None = exponential from 100 ms
    max_attempts: within `window_s`; 0 = no end
    window_s: 0 = all of the past
    """

    condition: RestartCondition = RestartCondition.ANY
    delay_s: float | None = None
    max_attempts: int = 0
    window_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where tasks may run.

    constraints: "node.labels.disk==ssd", as given
    spread: label paths of the preferences, in order: "node.labels.zone"
    max_replicas: per node; 0 = no limit
    platforms: (os, architecture); "" fits any
    """

    constraints: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()
    max_replicas: int = 0
    platforms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Resources that are reserved by a task or had by a node. generic: {kind: number}"""

    nano_cpus: int = 0
    memory_bytes: int = 0
    generic: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReference:
    """A secret or config that a task gets as a file.

    kind: "secrets" or "configs"
    target: path in the container; a relative one lies in /run/secrets, or in / for configs
    """

    kind: str
    id: str
    name: str
    target: str = ""
    uid: str = "0"
    gid: str = "0"
    mode: int = 0o444


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A network that a service wants. target: name or id in a spec, id once it is stored.

    ipv4, ipv6: addresses that have to be these, "" = any
    """

    target: str
    aliases: tuple[str, ...] = ()
    driver_options: Mapping[str, str] = field(default_factory=dict)
    ipv4: str = ""
    ipv6: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """What each task of a service is.

    container: image, command, environment and all that `shoal run` can say (`host`); templates not yet filled in.
        Limits are `container.host.resources`.
    force: grows with `service update --force`
    """

    container: ContainerSpec
    files: tuple[FileReference, ...] = ()
    reservations: Amounts = field(default_factory=Amounts)
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    placement: Placement = field(default_factory=Placement)
    networks: tuple[Attachment, ...] = ()
    log: LogConfig | None = None
    force: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """What was last seen of a task. error: why it ended or waits"""

    state: TaskState = TaskState.NEW
    at: int = 0
    message: str = ""
    error: str = ""
    container_id: str = ""
    pid: int = 0
    exit_code: int = 0
    ports: tuple["HostPort", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPort:
    """A port of mode host as it is bound on the task's node."""

    target: int
    published: int
    protocol: str = "tcp"
    host_ip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A task's address on one network."""

    network_id: str
    ipv4: str = ""
    ipv6: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One attempt to fill one slot.

    slot: from 1; 0 for global services, whose slot is the node
    spec_version: of the service, from which `spec` was taken
    desired: RUNNING, READY (start-first or waiting for a delay), COMPLETE (jobs), SHUTDOWN, REMOVE
    start_after: not to be started before this time, ns; 0 = at once
    iteration: of a job
    host_ports: of mode host, to be bound on its node; published 0 = the node chooses
    cause: why it was made ("scale up", "restart", "update", "node down", …)
    hold: why it is not told to run yet ("waits for service db to be healthy"), "" = nothing holds it
    running_at: when it first was RUNNING, 0 = not yet
    """

    id: str
    service_id: str
    service_name: str
    spec: TaskSpec
    spec_version: int
    slot: int = 0
    node_id: str = ""
    desired: TaskState = TaskState.RUNNING
    status: TaskStatus = field(default_factory=TaskStatus)
    addresses: tuple[Address, ...] = ()
    created_at: int = 0
    updated_at: int = 0
    start_after: int = 0
    iteration: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    host_ports: tuple[HostPort, ...] = ()
    cause: str = ""
    hold: str = ""
    running_at: int = 0

    @property
    def key(self) -> str:
        return self.id

    @property
    def is_attachment(self) -> bool:
        """It is a container that somebody has put on a network: it has addresses, and no node is told to make it."""
        return not self.service_id and not self.spec.container.image

    @property
    def name(self) -> str:
        """Of its container: "web.1.<id>"; for global services "web.<node>.<id>"."""
        return f"{self.service_name}.{self.slot or self.node_id}.{self.id}"
