"""What the commands ask of a plan."""

from collections.abc import Mapping

from shoal.compose.noun import Noun, field


class UpOptions(Noun):
    """up, create and scale.

    services: () is all; others come along as dependencies unless `no_deps`
    scale: {service: containers wanted}, over what the file says
    start: False creates only
    force_recreate, no_recreate: instead of the comparison of config hashes; only one of the two
    always_recreate_deps: dependencies follow `force_recreate` too
    renew_anon_volumes: recreated containers get new anonymous volumes
    stop_timeout_s: None is each service's `stop_grace_period`, else the engine's default
    wait: the plan ends with a wait for every service to be healthy (or running where it has no health check)
    confirmed: ids of the questions that were answered with yes
    api_socket: the engine's socket on this machine, for services with `use_api_socket`
    """

    services: tuple[str, ...] = ()
    scale: Mapping[str, int] = field(default_factory=dict)
    start: bool = True
    no_deps: bool = False
    force_recreate: bool = False
    no_recreate: bool = False
    always_recreate_deps: bool = False
    renew_anon_volumes: bool = False
    remove_orphans: bool = False
    ignore_orphans: bool = False
    stop_timeout_s: int | None = None
    wait: bool = False
    wait_timeout_s: float | None = None
    confirmed: frozenset[str] = frozenset()
    api_socket: str = "/var/run/docker.sock"


class ImageOptions(Noun):
    """Which images a plan makes ready.

    pull: overrides `pull_policy`: always, missing, never or ""
    build: build even where the image is there; no_build: never
    now_s: seconds since the epoch, for `pull_policy: daily`
    """

    services: tuple[str, ...] = ()
    no_deps: bool = False
    pull: str = ""
    build: bool = False
    no_build: bool = False
    now_s: float = 0.0


class PullOptions(Noun):
    """compose pull."""

    services: tuple[str, ...] = ()
    include_deps: bool = False
    ignore_buildable: bool = False
    ignore_failures: bool = False
    policy: str = ""


class PushOptions(Noun):
    """compose push."""

    services: tuple[str, ...] = ()
    include_deps: bool = False
    ignore_failures: bool = False


class BuildOptions(Noun):
    """compose build. args: over those of the file; None: from the environment."""

    services: tuple[str, ...] = ()
    with_dependencies: bool = False
    args: Mapping[str, str | None] = field(default_factory=dict)
    no_cache: bool = False
    pull: bool = False
    memory_bytes: int = 0


class DownOptions(Noun):
    """compose down. images: "" keeps them, `local` removes those without a name of their own, `all` all."""

    services: tuple[str, ...] = ()
    remove_orphans: bool = False
    volumes: bool = False
    images: str = ""
    stop_timeout_s: int | None = None


class VerbOptions(Noun):
    """start, stop, restart, kill, pause, unpause.

    services: () is all
    no_deps: restart: do not restart dependants with `restart: true`
    """

    services: tuple[str, ...] = ()
    stop_timeout_s: int | None = None
    signal: str = ""
    no_deps: bool = False
    remove_orphans: bool = False
    wait: bool = False
    wait_timeout_s: float | None = None


class RemoveOptions(Noun):
    """compose rm. stop: stop running containers first; volumes: anonymous ones go too."""

    services: tuple[str, ...] = ()
    stop: bool = False
    volumes: bool = False
    confirmed: frozenset[str] = frozenset()


class RunOptions(Noun):
    """compose run: a one-off container of a service, with its settings overridden.

    command, entrypoint: None keeps the service's
    environment: None values are left out
    volumes, publish: short forms; labels: `key=value` parsed
    home, working_folder: where `~` and relative paths of `volumes` start; "" is the project's folder
    slug: 12 random hex digits, for the name
    """

    service: str
    slug: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    publish: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    name: str = ""
    user: str = ""
    working_dir: str = ""
    tty: bool = True
    interactive: bool = True
    detach: bool = False
    remove: bool = False
    service_ports: bool = False
    use_aliases: bool = False
    no_deps: bool = False
    remove_orphans: bool = False
    home: str = ""
    working_folder: str = ""
    api_socket: str = "/var/run/docker.sock"
