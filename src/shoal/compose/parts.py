"""What services are made of: ports, mounts, attachments, build, health check, limits.

Every value is in its long form: sizes in bytes, times in seconds, paths absolute. A field that the file does not set
has the default that is written here.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from shoal.compose.noun import Noun, field


class Condition(StrEnum):
    """What a dependant waits for before it starts.

    RUNNING_OR_HEALTHY stands in no file: it is what `up --wait` waits for (healthy where there is a health check).
    """

    STARTED = "service_started"
    HEALTHY = "service_healthy"
    COMPLETED = "service_completed_successfully"
    RUNNING_OR_HEALTHY = "service_running_or_healthy"


class Dependency(Noun):
    """One entry of `depends_on`.

    restart: the dependant is restarted when the plan recreates or restarts the dependency
    required: False lets the dependant start even where the dependency is absent or fails
    """

    service: str
    condition: Condition = Condition.STARTED
    restart: bool = False
    required: bool = True


class Port(Noun):
    """A published port, or (published "") a container port on a random host port.

    published: a port number, or a range `8000-8010` of which the engine takes a free one
    """

    target: int
    published: str = ""
    protocol: str = "tcp"
    host_ip: str = ""
    mode: str = "ingress"
    name: str = ""
    app_protocol: str = ""


class Mount(Noun):
    """A volume, bind, tmpfs or image mounted into the container.

    type: bind, volume, tmpfs, image, cluster or npipe
    source: absolute path of a bind; key in `Project.volumes` of a volume, "" for an anonymous one
    tmpfs_mode: permission bits, 0 for the engine's default
    """

    type: str
    source: str = ""
    target: str = ""
    read_only: bool = False
    consistency: str = ""
    propagation: str = ""
    create_host_path: bool = True
    recursive: str = ""
    selinux: str = ""
    nocopy: bool = False
    subpath: str = ""
    volume_labels: Mapping[str, str] = field(default_factory=dict)
    tmpfs_size_bytes: int = 0
    tmpfs_mode: int = 0
    image_subpath: str = ""


class Attachment(Noun):
    """A service's place on a network (key in `Project.networks`)."""

    network: str
    aliases: tuple[str, ...] = ()
    ipv4_address: str = ""
    ipv6_address: str = ""
    link_local_ips: tuple[str, ...] = ()
    mac_address: str = ""
    interface_name: str = ""
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    gw_priority: int = 0
    use_service_name_alias: bool = True


class FileRef(Noun):
    """The use of a config or secret by a service or a build.

    source: key in `Project.configs` or `Project.secrets`
    target: absolute path in the container
    mode: permission bits, None where the file does not say
    """

    source: str
    target: str = ""
    uid: str = ""
    gid: str = ""
    mode: int | None = None


class Build(Noun):
    """How the image of a service is made.

    context: absolute path, or a URL
    dockerfile: path relative to the context, or absolute
    args: None means: take it from the environment of the one who builds
    additional_contexts: {name: absolute path, `docker-image://IMAGE` or `service:NAME`}
    """

    context: str
    dockerfile: str = "Dockerfile"
    dockerfile_inline: str = ""
    args: Mapping[str, str | None] = field(default_factory=dict)
    target: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    no_cache: bool = False
    pull: bool = False
    network: str = ""
    shm_size_bytes: int = 0
    extra_hosts: tuple[str, ...] = ()
    ulimits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    secrets: tuple[FileRef, ...] = ()
    ssh: Mapping[str, str] = field(default_factory=dict)
    additional_contexts: Mapping[str, str] = field(default_factory=dict)
    privileged: bool = False
    isolation: str = ""


class HealthCheck(Noun):
    """How the engine finds out whether a container works. Times in seconds, None where the file does not say."""

    test: tuple[str, ...] = ()
    interval_s: float | None = None
    timeout_s: float | None = None
    start_period_s: float | None = None
    start_interval_s: float | None = None
    retries: int | None = None
    disable: bool = False


class Hook(Noun):
    """A command run inside the container after it started or before it is stopped."""

    command: tuple[str, ...]
    user: str = ""
    privileged: bool = False
    working_dir: str = ""
    environment: Mapping[str, str | None] = field(default_factory=dict)


class DeviceRequest(Noun):
    """GPUs and the like, by capability. count -1 means all."""

    driver: str = ""
    count: int = 0
    device_ids: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


class Device(Noun):
    """A device node given to the container."""

    source: str
    target: str
    permissions: str = "rwm"


class BlkioConfig(Noun):
    """Block device limits. Weights 10..1000 (0: not set), rates as {device path: rate per second}."""

    weight: int = 0
    weight_device: Mapping[str, int] = field(default_factory=dict)
    device_read_bps: Mapping[str, int] = field(default_factory=dict)
    device_read_iops: Mapping[str, int] = field(default_factory=dict)
    device_write_bps: Mapping[str, int] = field(default_factory=dict)
    device_write_iops: Mapping[str, int] = field(default_factory=dict)


class Limits(Noun):
    """Resources of one container, from either spelling (`mem_limit` … or `deploy.resources`); 0 or None: not set."""

    nano_cpus: int = 0
    cpuset: str = ""
    cpu_shares: int = 0
    cpu_quota: int = 0
    cpu_period_us: int = 0
    cpu_rt_period_us: int = 0
    cpu_rt_runtime_us: int = 0
    cpu_count: int = 0
    cpu_percent: int = 0
    memory_bytes: int = 0
    memory_reservation_bytes: int = 0
    memory_swap_bytes: int = 0
    memory_swappiness: int | None = None
    pids: int | None = None
    oom_kill_disable: bool = False
    oom_score_adj: int = 0
    blkio: BlkioConfig = field(default_factory=BlkioConfig)


class Deploy(Noun):
    """The part of `deploy` that one engine honours, and the rest as written for a cluster.

    replicas: None where the file does not say
    tree: the whole section in canonical form
    """

    mode: str = "replicated"
    replicas: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    restart_condition: str = ""
    restart_max_attempts: int = 0
    tree: Mapping[str, Any] = field(default_factory=dict)


class Logging(Noun):
    """Where a container's output goes; driver "" is the engine's default."""

    driver: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
