"""What the generator is told, besides the container itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shoal.model.capabilities import ALL_CAPABILITIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Permits:
    """What this machine allows.

    capabilities: of the engine: nobody can give away what he has not
    hard_limits: {"nofile": hard limit of the engine}; -1 = none
    min_oom_score_adj: the lowest that may be set here
    init_path: a program such as docker-init or tini on the host; "" = none was found
    masked_paths: what containers must not read besides the usual, as this machine has it
    """

    arch: str = "x86_64"  #: as uname says
    cgroup_version: int = 2
    swap_limit: bool = True  #: whether the kernel accounts swap
    blkio_weight: bool = True  #: whether the kernel has weights for block I/O
    blkio_weight_device: bool = True  #: whether it has them for one device, and the runtime knows how to set them
    capabilities: tuple[str, ...] = ALL_CAPABILITIES
    hard_limits: Mapping[str, int] = field(default_factory=dict)
    min_oom_score_adj: int = -1000
    init_path: str = ""
    apparmor: bool = False
    masked_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device node for the container.

    kind: "c" or "b"; mode: permission bits of the node
    """

    path: str  #: in the container
    kind: str
    major: int
    minor: int
    mode: int = 0o666
    uid: int = 0
    gid: int = 0
    access: str = "rwm"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who a program runs as, looked up in the container's own files."""

    uid: int = 0
    gid: int = 0
    additional_gids: tuple[int, ...] = ()
    home: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where this one container is put.

    rootfs: its mounted root directory
    cgroup: path below the cgroup root
    files: {"/etc/hosts": path on the host}: mounted over what the image has, unless the user mounts something there
    netns_path: None = the host's network; "" = a new empty namespace
    pid_ns_path, ipc_ns_path: of the container whose namespace is shared, "" = not shared
    shm_source: a directory of the host to show as /dev/shm; "" = a tmpfs of its own
    devices: asked for by `--device`; of a privileged container: all of the host's
    block_devices: {path: (major, minor)} of those that limits name
    link_env: variables of legacy links
    seccomp: `linux.seccomp`; None = unconfined, or compiled already
    annotations: for the runtime
    """

    rootfs: str
    cgroup: str
    files: Mapping[str, str] = field(default_factory=dict)
    netns_path: str | None = ""
    pid_ns_path: str = ""
    ipc_ns_path: str = ""
    shm_source: str = ""
    user: User = field(default_factory=User)
    devices: tuple[Device, ...] = ()
    block_devices: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    link_env: tuple[str, ...] = ()
    seccomp: Mapping[str, Any] | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
