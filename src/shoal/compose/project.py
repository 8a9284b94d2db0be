"""The nouns of Compose: a project and its services, networks, volumes, secrets and configs.

All are values: loaded once, never edited. `dataclasses.replace` makes variants (`up --scale web=3`). `tree` holds the
canonical form of the file that the value was made from; `compose config` prints it and the config hash is taken of it.
"""

from collections.abc import Mapping
from typing import Any

from shoal.compose.noun import Noun, field
from shoal.compose.parts import (
    Attachment,
    Build,
    Dependency,
    Deploy,
    Device,
    DeviceRequest,
    FileRef,
    HealthCheck,
    Hook,
    Limits,
    Logging,
    Mount,
    Port,
)


class Service(Noun):
    """One service: the containers it wants and what they are made of.

    image: as written; "" where only `build` is given (see `Project.image_of`)
    command, entrypoint: None keeps the image's; () clears it
    environment: with `env_file` worked in; None values were not set anywhere and are left out of containers
    labels: the user's own, with `label_file` worked in; Compose's labels come on top (`labels.container_labels`)
    scale: containers wanted, from `scale` or `deploy.replicas`, else 1
    networks: highest priority first, then as written; empty where `network_mode` is given
    links, external_links: as written, `target` or `target:alias`
    """

    name: str
    image: str = ""
    build: Build | None = None
    container_name: str = ""
    scale: int = 1
    profiles: tuple[str, ...] = ()
    depends_on: Mapping[str, Dependency] = field(default_factory=dict)

    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict)
    user: str = ""
    group_add: tuple[str, ...] = ()
    working_dir: str = ""
    hostname: str = ""
    domainname: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    tty: bool = False
    stdin_open: bool = False
    attach: bool = True
    init: bool | None = None
    platform: str = ""
    pull_policy: str = ""
    pull_refresh_after: str = ""
    runtime: str = ""
    isolation: str = ""
    restart: str = ""
    stop_signal: str = ""
    stop_grace_period_s: float | None = None

    ports: tuple[Port, ...] = ()
    expose: tuple[str, ...] = ()
    networks: tuple[Attachment, ...] = ()
    network_mode: str = ""
    mac_address: str = ""
    links: tuple[str, ...] = ()
    external_links: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_opt: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()

    volumes: tuple[Mount, ...] = ()
    volumes_from: tuple[str, ...] = ()
    tmpfs: tuple[str, ...] = ()
    configs: tuple[FileRef, ...] = ()
    secrets: tuple[FileRef, ...] = ()
    read_only: bool = False
    shm_size_bytes: int = 0
    storage_opt: Mapping[str, str] = field(default_factory=dict)

    limits: Limits = field(default_factory=Limits)
    ulimits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    privileged: bool = False
    security_opt: tuple[str, ...] = ()
    cgroup: str = ""
    cgroup_parent: str = ""
    ipc: str = ""
    pid: str = ""
    uts: str = ""
    userns_mode: str = ""
    use_api_socket: bool = False

    healthcheck: HealthCheck | None = None
    logging: Logging = field(default_factory=Logging)
    deploy: Deploy = field(default_factory=Deploy)
    pre_start: tuple["Service", ...] = ()
    post_start: tuple[Hook, ...] = ()
    pre_stop: tuple[Hook, ...] = ()
    per_replica: bool = False

    tree: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


class IpamPool(Noun):
    """An address pool of a network; "" where the engine chooses."""

    subnet: str = ""
    ip_range: str = ""
    gateway: str = ""
    aux_addresses: Mapping[str, str] = field(default_factory=dict)


class Network(Noun):
    """A network. `key` is its name in the file, `name` its name in the engine."""

    key: str
    name: str
    external: bool = False
    driver: str = ""
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    ipam_driver: str = ""
    ipam_pools: tuple[IpamPool, ...] = ()
    ipam_options: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False
    attachable: bool = False
    enable_ipv4: bool | None = None
    enable_ipv6: bool | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    tree: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


class Volume(Noun):
    """A named volume. `key` is its name in the file, `name` its name in the engine."""

    key: str
    name: str
    external: bool = False
    driver: str = ""
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    tree: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


class Secret(Noun):
    """A secret. Its value comes from exactly one of file, environment; or it is external.

    file: absolute path on the machine that runs Compose
    environment: name of a variable; `value` is what it held when the project was loaded, None where it is not set
    """

    key: str
    name: str
    external: bool = False
    file: str = ""
    environment: str = ""
    value: str | None = field(default=None, repr=False)
    driver: str = ""
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    template_driver: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    tree: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


class Config(Noun):
    """A config file. Its content comes from exactly one of file, content, environment; or it is external."""

    key: str
    name: str
    external: bool = False
    file: str = ""
    content: str | None = field(default=None, repr=False)
    environment: str = ""
    value: str | None = field(default=None, repr=False)
    template_driver: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    tree: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


class Project(Noun):
    """A Compose application.

    services: those whose profiles are active, in file order
    disabled_services: those left out by their profiles
    working_dir: absolute; relative paths of the file started there
    files: absolute paths of the files it was loaded from
    env_files: absolute paths of the environment files it was loaded with
    compatibility: names join with `_` in place of `-`
    all_resources: networks, volumes, secrets and configs that no service uses are in it too
    interpolated: False where variables were left as they are: `tree` is all there is then
    link_environment: links give variables such as `DB_PORT_3306_TCP_ADDR` (files of the first format)
    """

    name: str
    working_dir: str
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    services: Mapping[str, Service] = field(default_factory=dict)
    disabled_services: Mapping[str, Service] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    configs: Mapping[str, Config] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    compatibility: bool = False
    interpolated: bool = True
    all_resources: bool = False
    link_environment: bool = False
    tree: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def separator(self) -> str:
        """What joins project, service and number in names."""
        return "_" if self.compatibility else "-"

    def image_of(self, service: Service) -> str:
        """The image that containers of `service` run: as written, else the name of what is built."""
        return service.image or f"{self.name}{self.separator}{service.name}"

    def container_name(self, service: Service, number: int) -> str:
        """Name of the service's container `number` (from 1)."""
        return service.container_name or self.separator.join((self.name, service.name, str(number)))
