"""The steps of a build as vertices of a graph: what to do, and the digest that names the result.

A vertex's **digest** covers everything that its result depends on: the digest of the step before, what to do with all
variables put in, and the digests of its inputs' content. What cannot change the result (proxies, limits, extra hosts,
content of secrets and of cache mounts) is left out of it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any

from shoal.dockerfile.instructions import HeredocFile, Instruction, RunMount
from shoal.model.image import ImageConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a stage stands after a step.

    args: build arguments declared so far in this stage
    digest: of the last step
    cmd_set: this Dockerfile has said CMD, so that ENTRYPOINT leaves it alone
    """

    config: ImageConfig
    digest: str
    args: Mapping[str, str] = field(default_factory=dict)
    author: str = ""
    cmd_set: bool = False

    @property
    def env(self) -> dict[str, str]:
        """The image's variables."""
        return dict(entry.partition("=")[::2] for entry in self.config.env)

    @property
    def variables(self) -> dict[str, str]:
        """What words are expanded with: ENV wins over ARG."""
        return {**self.args, **self.env}

    @property
    def workdir(self) -> str:
        """Absolute."""
        return self.config.workdir or "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertex:
    """created_by: how the image's history tells it"""

    created_by: str

    def identity(self) -> dict[str, Any]:
        """What of the vertex decides its result, as plain JSON values."""
        return {"kind": type(self).__name__, "created_by": self.created_by}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigVertex(Vertex):
    """Changes the config only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryVertex(Vertex):
    """Makes a directory where it is missing. user: its owner"""

    path: str
    user: str

    def identity(self) -> dict[str, Any]:
        return {"kind": "directory", "path": self.path, "user": self.user}


@dataclass(frozen=True, slots=True, kw_only=True)
class MountVertex:
    """A `--mount` with its variables put in. stage: index it starts from; image: reference it starts from"""

    mount: RunMount
    stage: int | None = None
    image: str = ""

    @property
    def from_context(self) -> bool:
        """Whether it shows a part of the context."""
        return self.mount.type == "bind" and self.stage is None and not self.image


@dataclass(frozen=True, slots=True, kw_only=True)
class RunVertex(Vertex):
    """Runs a program.

    env: "KEY=value", build arguments included
    proxies: the same, outside of the digest
    script: content of a file to run in place of argv[0], "" = none
    network: default | none | host
    """

    argv: tuple[str, ...]
    env: tuple[str, ...]
    proxies: tuple[str, ...]
    workdir: str
    user: str
    mounts: tuple[MountVertex, ...]
    network: str
    insecure: bool
    script: str = ""

    def identity(self) -> dict[str, Any]:
        return {
            "kind": "run",
            "argv": self.argv,
            "env": sorted(self.env),
            "workdir": self.workdir,
            "user": self.user,
            "mounts": [_mount_identity(mount) for mount in self.mounts],
            "network": self.network,
            "insecure": self.insecure,
            "script": self.script,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferVertex(Vertex):
    """Copies or adds files.

    verb: COPY | ADD
    sources: paths with wildcards, or URLs (ADD)
    destination: absolute; a slash at its end says that it is a directory
    stage, image: where from; neither = the context
    files: given in the Dockerfile, variables put in
    """

    verb: str
    sources: tuple[str, ...]
    destination: str
    stage: int | None = None
    image: str = ""
    files: tuple[HeredocFile, ...] = ()
    chown: str = ""
    chmod: str = ""
    parents: bool = False
    exclude: tuple[str, ...] = ()
    checksum: str = ""
    unpack: bool | None = None

    @property
    def from_context(self) -> bool:
        """Whether the sources are paths of the context."""
        return self.stage is None and not self.image

    def identity(self) -> dict[str, Any]:
        value = asdict(self)
        del value["created_by"], value["stage"], value["image"]
        return {"kind": "transfer", **value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One instruction, evaluated: what to do, and the state after it, which still has the digest from before."""

    instruction: Instruction
    vertex: Vertex
    state: State

    def digest(self, inputs: Sequence[str] = ()) -> str:
        """The vertex's digest. inputs: digests of the content that it reads, in order"""
        text = json.dumps([self.state.digest, self.vertex.identity(), *inputs], sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()

    def done(self, digest: str) -> State:
        """The state after the step."""
        return replace(self.state, digest=digest)


def _mount_identity(vertex: MountVertex) -> dict[str, Any]:
    mount = vertex.mount
    if mount.type == "secret":
        return {"type": "secret", "id": mount.id, "target": mount.target, "env": mount.env}
    return asdict(mount)
