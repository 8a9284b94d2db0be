"""The container: what was asked for (spec) and what is (record)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shoal.model.endpoint import BoundPort, Endpoint, EndpointSettings, PortBinding
from shoal.model.health import Health, Healthcheck
from shoal.model.mount import MemoryFile, Mount, MountPoint
from shoal.model.resources import Resources

DEFAULT_SHM_BYTES = 64 << 20
DEFAULT_STOP_TIMEOUT_S = 10


class ContainerStatus(StrEnum):
    """Where a container is in its life; the words of Docker's `State.Status`."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class RestartMode(StrEnum):
    """When a container is started again by itself."""

    NO = "no"
    ALWAYS = "always"
    UNLESS_STOPPED = "unless-stopped"
    ON_FAILURE = "on-failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """max_retries: of on-failure; 0 = no end."""

    mode: RestartMode = RestartMode.NO
    max_retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """Where output goes: json-file, local or none; options as Docker names them ("max-size")."""

    driver: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    """What of a container depends on the host. Source: Docker Engine API v1.51, HostConfig.

    network_mode: "" or "default" | bridge | host | none | container:<name or id> | a network's name or id
    pid_mode: "" | host | container:…    ipc_mode: "" | none | private | shareable | host | container:…
    uts_mode: "" | host    cgroupns_mode: "" | private | host    userns_mode: "" | host
    binds: "src:dst[:options]" as given
    tmpfs: {path: options}
    masked_paths, readonly_paths: None = the defaults
    """

    resources: Resources = field(default_factory=Resources)
    binds: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    memory_files: tuple[MemoryFile, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    volumes_from: tuple[str, ...] = ()  #: "container[:ro|rw]"
    volume_driver: str = ""
    storage_opt: Mapping[str, str] = field(default_factory=dict)
    network_mode: str = ""
    ports: tuple[PortBinding, ...] = ()
    publish_all_ports: bool = False
    links: tuple[str, ...] = ()  #: "container:alias" on the default bridge
    dns: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()  #: "name:address"; address may be "host-gateway"
    log: LogConfig = field(default_factory=LogConfig)
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    auto_remove: bool = False
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    readonly_rootfs: bool = False
    masked_paths: tuple[str, ...] | None = None
    readonly_paths: tuple[str, ...] | None = None
    sysctls: Mapping[str, str] = field(default_factory=dict)
    shm_bytes: int = DEFAULT_SHM_BYTES
    init: bool | None = None
    oom_score_adj: int = 0
    pid_mode: str = ""
    ipc_mode: str = ""
    uts_mode: str = ""
    cgroupns_mode: str = ""
    userns_mode: str = ""
    cgroup: str = ""
    runtime: str = ""
    isolation: str = ""
    container_id_file: str = ""
    console_size: tuple[int, int] = (0, 0)  #: height, width
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """What the user asked for. In a create request: only what was said; in a `Container`: the image's config merged in.

    cmd, entrypoint: None = the image's; entrypoint () takes the image's away
    env: "KEY=value", or "KEY" to take a variable of the image away
    exposed_ports: "80/tcp"
    volumes: anonymous volumes' paths
    stop_timeout_s: None = 10
    endpoints: {network name or id: settings}; () with `host.network_mode` says where to attach
    """

    image: str
    hostname: str = ""
    domainname: str = ""
    user: str = ""
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    env: tuple[str, ...] = ()
    cmd: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    args_escaped: bool = False
    workdir: str = ""
    shell: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    exposed_ports: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = ""
    stop_timeout_s: int | None = None
    healthcheck: Healthcheck | None = None
    network_disabled: bool = False
    mac_address: str = ""
    host: HostSpec = field(default_factory=HostSpec)
    endpoints: Mapping[str, EndpointSettings] = field(default_factory=dict)


class UnderWay(StrEnum):
    """What is being done to a container in several steps."""

    NOTHING = ""
    STOP = "stop"  #: asked to end, and killed after a while
    KILL = "kill"
    RESTART = "restart"
    REMOVE = "remove"  #: killed, then removed
    UPDATE = "update"  #: new limits are written down, the kernel has them soon
    STILL = "still"  #: paused for as long as its files are read


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of this node; the record that the store keeps.

    name: without the slash
    argv: entrypoint and command, never empty
    image_id: "sha256:…"
    pid: of the init process in the engine's pid namespace, 0 where it does not run
    exit_code: of the last run
    error: why the last start failed, Docker's words
    started_at, finished_at: of the last run, 0 = never
    manually_stopped: a person stopped it, so `unless-stopped` leaves it alone
    remove_volumes: its anonymous volumes go with it; said when the removal begins
    netns_path: of its sandbox while it runs; "" = the host's
    under_way: a verb of several steps that has begun; an engine that is killed meanwhile leaves it to the next one
    """

    id: str
    name: str
    spec: ContainerSpec
    argv: tuple[str, ...]
    image_id: str
    created_at: int
    platform: str = "linux"
    status: ContainerStatus = ContainerStatus.CREATED
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    started_at: int = 0
    finished_at: int = 0
    restart_count: int = 0
    manually_stopped: bool = False
    health: Health | None = None
    mounts: tuple[MountPoint, ...] = ()
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)  #: {network name: endpoint}
    bound_ports: tuple[BoundPort, ...] = ()
    netns_path: str = ""
    remove_volumes: bool = False
    under_way: UnderWay = UnderWay.NOTHING

    @property
    def key(self) -> str:
        """The id."""
        return self.id

    @property
    def is_running(self) -> bool:
        """Whether there is an init process; true while paused."""
        return self.status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED)

    @property
    def hostname(self) -> str:
        """What it calls itself: as asked for, else the short id."""
        return self.spec.hostname or self.id[:12]
