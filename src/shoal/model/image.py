"""The image: its config, its layers, and the names that point to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shoal.model.health import Healthcheck


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """What a container takes from its image where it says nothing itself. Source: Docker Engine API v1.51, ImageConfig.

    env: "KEY=value"
    exposed_ports: "80/tcp"
    volumes: paths in the container
    healthcheck: None = the image has none
    stop_signal: "" = SIGTERM
    shell: of the Dockerfile's shell forms; () = /bin/sh -c
    on_build: instructions for images built on this one
    """

    env: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    workdir: str = ""
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    exposed_ports: tuple[str, ...] = ()
    healthcheck: Healthcheck | None = None
    stop_signal: str = ""
    shell: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()
    args_escaped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What an image runs on: "linux/arm/v7"."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""
    os_version: str = ""

    def __str__(self) -> str:
        parts = (self.os, self.architecture, self.variant)
        return "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer on this node: unpacked, and its blob kept. A record of the store, by chain id.

    chain_id: names the stack of this layer and all below it: what snapshots take as parent
    parent: chain id of the stack below, "" for a base layer
    diff_id: digest of the uncompressed tar
    digest, media_type, size_bytes: of the blob as it came, or as it was made here
    unpacked_bytes: of the files
    """

    chain_id: str
    parent: str = ""
    diff_id: str
    digest: str
    media_type: str
    size_bytes: int
    unpacked_bytes: int

    @property
    def key(self) -> str:
        """The chain id."""
        return self.chain_id


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryItem:
    """One line of an image's history.

    empty_layer: the step changed the config only
    """

    created_at: int = 0
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image of this node. A record of the store, by id.

    id: digest of its config, "sha256:…"
    manifest, manifest_type, manifest_bytes: digest, media type and size of its manifest in the blob store
    repo_tags: as people write them: "redis:alpine", "ghcr.io/x/y:1"
    repo_digests: "redis@sha256:…", one for each repository that it was pulled from or pushed to
    parent: id of the image that it was built or committed on, "" where unknown
    layers: base first; () for an image of nothing
    history: oldest first
    tagged_at: when a name was last given to it, 0 = never
    """

    id: str
    manifest: str
    manifest_type: str
    manifest_bytes: int
    config: ImageConfig = field(default_factory=ImageConfig)
    platform: Platform = field(default_factory=Platform)
    layers: tuple[Layer, ...] = ()
    repo_tags: tuple[str, ...] = ()
    repo_digests: tuple[str, ...] = ()
    parent: str = ""
    comment: str = ""
    author: str = ""
    docker_version: str = ""
    container: str = ""  #: id of the container that it was committed from
    history: tuple[HistoryItem, ...] = ()
    created_at: int = 0  #: 0 where the image does not say
    tagged_at: int = 0

    @property
    def key(self) -> str:
        """The id."""
        return self.id

    @property
    def chain_id(self) -> str:
        """The chain id of the top layer: the parent of its containers' snapshots; "" for an image of nothing."""
        return self.layers[-1].chain_id if self.layers else ""

    @property
    def diff_ids(self) -> tuple[str, ...]:
        """Digests of the uncompressed layers, base first."""
        return tuple(layer.diff_id for layer in self.layers)

    @property
    def size_bytes(self) -> int:
        """Size of the files of all layers."""
        return sum(layer.unpacked_bytes for layer in self.layers)

    @property
    def architecture(self) -> str:
        """As Go names it: amd64, arm64."""
        return self.platform.architecture

    @property
    def os(self) -> str:
        """linux."""
        return self.platform.os

    @property
    def is_dangling(self) -> bool:
        """Whether no tag points to it."""
        return not self.repo_tags


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageUse:
    """A container that stands on an image.

    reference: the image as its creator named it
    """

    container_id: str
    image_id: str
    reference: str
    is_running: bool
