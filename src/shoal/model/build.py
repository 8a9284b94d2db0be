"""The build: what was asked for, and what the cache keeps of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shoal.model.resources import Resources

DEFAULT_SHM_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What the user asked for. Source: Docker Engine API v1.51, ImageBuild.

    dockerfile: its path in the context
    tags: references as given, "name[:tag]"
    build_args: None takes the value from the client's environment, which there is none of here: the same as not given
    labels: added to the image, over those of the Dockerfile
    target: stage to build, by name or number; "" = the last one
    platform: "os/arch[/variant]"; "" = this machine's
    network_mode: "" or "default" | bridge | host | none | container:<name or id> | a network's name or id
    extra_hosts: "name:address"
    cache_from: images whose layers may be used; kept for the record, every layer of this node may be used anyway
    secrets: {id: content} for RUN --mount=type=secret; never logged, never in the cache key
    contexts: {name: image} that replace FROM and `from` of that name: "docker-image://REFERENCE" is as if the
        Dockerfile said it, a plain reference or id is the image of this engine, whatever `pull` says
    remote: URL of a tar archive or of a Dockerfile, in place of a context
    auths: {registry host: its entry in the client's config.json}
    stand_ins: make stand-ins for base images whose registry can't be reached
    """

    dockerfile: str = "Dockerfile"
    tags: tuple[str, ...] = ()
    build_args: Mapping[str, str | None] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    platform: str = ""
    network_mode: str = ""
    extra_hosts: tuple[str, ...] = ()
    shm_bytes: int = DEFAULT_SHM_BYTES
    resources: Resources = field(default_factory=Resources)
    cache_from: tuple[str, ...] = ()
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    contexts: Mapping[str, str] = field(default_factory=dict)
    remote: str = ""
    auths: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    no_cache: bool = False
    pull: bool = False
    quiet: bool = False
    squash: bool = False
    stand_ins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildStep:
    """One finished step of some build: what the cache finds by its key. A record of the store.

    digest: cache key of the step, 64 hex digits; covers everything that its result depends on
    same_as: another digest for the same step, made from the content that it copied; "" = none. Later steps build on it,
        so that a stage that was built anew with the same result costs the others nothing
    base: chain id of the layers below, "" for none; the step holds for these only
    layer: chain id with the step's own layer on top; equal to `base` when the step changed no file
    description: the instruction, for people
    size_bytes: of the layer's files
    """

    digest: str
    same_as: str = ""
    base: str
    layer: str
    description: str
    created_at: int
    size_bytes: int = 0
    used_at: int = 0
    use_count: int = 0

    @property
    def key(self) -> str:
        """The digest."""
        return self.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildCacheEntry:
    """What the cache keeps, for `system df` and prune. Source: Docker Engine API v1.51, BuildCache.

    kind: regular | exec.cachemount
    parents: ids of the entries that it stands on
    in_use: a running build holds it
    shared: an image has the layer too, so that removing the entry frees nothing
    """

    id: str
    kind: str
    description: str
    size_bytes: int
    created_at: int
    used_at: int
    use_count: int
    parents: tuple[str, ...] = ()
    in_use: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildCounts:
    """running: builds under way; ended: {"succeeded" | "failed" | "canceled": builds}; seconds: all of them together"""

    running: int = 0
    ended: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
