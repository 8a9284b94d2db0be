"""Instructions as typed values: what a node of the parser means.

Words are as written, quotes and variables still in them; `evaluate` expands them when it knows the variables.
"""

from dataclasses import dataclass

from shoal.dockerfile.source import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """original: the instruction on one line, as progress shows it"""

    position: Position
    original: str

    @property
    def keyword(self) -> str:
        """ "RUN", "COPY", …"""
        return type(self).__name__.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run. words: one, for the shell, where is_shell; else the argument list"""

    words: tuple[str, ...]
    is_shell: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HeredocFile:
    """A file given in the Dockerfile itself."""

    name: str
    content: str
    expand: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class From(Instruction):
    """base: image reference, name of an earlier stage, or "scratch"; name: of the stage, lower case, "" = none"""

    base: str
    platform: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arg(Instruction):
    """pairs: (name, default or None)"""

    pairs: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Env(Instruction):
    """Variables of image and build."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Instruction):
    """Labels of the image."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintainer(Instruction):
    """Author of the image; deprecated."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMount:
    """One `--mount` of RUN. target, source, id may hold variables.

    type: bind | cache | tmpfs | secret
    source_stage: stage or image that a bind or a cache starts from; "" = the context
    sharing: of a cache: shared | private | locked
    env: of a secret: the variable that gets its content
    """

    type: str
    target: str = ""
    source: str = ""
    source_stage: str = ""
    id: str = ""
    sharing: str = "shared"
    readonly: bool = False
    required: bool = False
    env: str = ""
    uid: int = 0
    gid: int = 0
    mode: int | None = None
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Instruction):
    """network: default | none | host; security: sandbox | insecure"""

    command: Command
    mounts: tuple[RunMount, ...] = ()
    network: str = "default"
    security: str = "sandbox"
    heredocs: tuple[HeredocFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Instruction):
    """What COPY and ADD share. sources and destination may hold variables, sources also wildcards."""

    sources: tuple[str, ...]
    destination: str
    chown: str = ""
    chmod: str = ""
    link: bool = False
    exclude: tuple[str, ...] = ()
    heredocs: tuple[HeredocFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy(Transfer):
    """source_stage: stage or image to copy from; "" = the context"""

    source_stage: str = ""
    parents: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Transfer):
    """checksum: "sha256:…" of a download; unpack: None = archives of the context only"""

    checksum: str = ""
    unpack: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdir(Instruction):
    """Where the next instructions run; made where it is missing."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Instruction):
    """Who the next instructions and the container run as: "name[:group]" or "uid[:gid]"."""

    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expose(Instruction):
    """ports: "80", "80/udp", "8000-8010", variables possible"""

    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Instruction):
    """Paths that get an anonymous volume."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cmd(Instruction):
    """Default arguments or command."""

    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrypoint(Instruction):
    """The program."""

    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class StopSignal(Instruction):
    """Signal that stops the container."""

    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck(Instruction):
    """command: None = NONE; durations in ns, 0 = default"""

    command: Command | None
    interval_ns: int = 0
    timeout_ns: int = 0
    start_period_ns: int = 0
    start_interval_ns: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell(Instruction):
    """What the shell form runs with."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Onbuild(Instruction):
    """trigger: an instruction as text, heredocs and all, for the images built on this one"""

    trigger: str
