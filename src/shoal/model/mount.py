"""Mounts of a container: what is asked for, and what it came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class MountType(StrEnum):
    """What stands behind a mount."""

    BIND = "bind"
    VOLUME = "volume"
    TMPFS = "tmpfs"
    IMAGE = "image"
    NPIPE = "npipe"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class BindOptions:
    """Options of a bind mount."""

    propagation: str = ""  #: "" | [r]private | [r]shared | [r]slave
    non_recursive: bool = False
    create_mountpoint: bool = False
    read_only_non_recursive: bool = False
    read_only_force_recursive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeOptions:
    """Options of a volume mount; driver and labels count only where the volume is made."""

    no_copy: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    driver: str = ""
    driver_options: Mapping[str, str] = field(default_factory=dict)
    subpath: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TmpfsOptions:
    """Options of a tmpfs mount."""

    size_bytes: int = 0
    mode: int = 0  #: permission bits; 0 = 1777
    options: tuple[tuple[str, ...], ...] = ()  #: ("noexec",) or ("uid", "1000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A mount as asked for in `HostConfig.Mounts` (`--mount`, Compose). Source: Docker Engine API v1.51, Mount."""

    type: MountType
    target: str
    source: str = ""  #: host path, volume name (anonymous: ""), image reference
    read_only: bool = False
    consistency: str = ""
    bind: BindOptions | None = None
    volume: VolumeOptions | None = None
    tmpfs: TmpfsOptions | None = None
    image_subpath: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFile:
    """A read-only file of a container that is never on a disk; its content is no part of any record.

    target: absolute path in the container
    """

    target: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o444


@dataclass(frozen=True, slots=True, kw_only=True)
class MountPoint:
    """A mount of one container with everything decided. Source: Docker Engine API v1.51, MountPoint.

    type: bind, volume or tmpfs
    name: the volume's, else ""
    source: path on the host; of a volume: where it was when the mount was decided
    driver: of a volume; "" = that of the volume of this name, until it is known
    mode: options as the user wrote them ("ro,z")
    """

    type: MountType
    destination: str
    name: str = ""
    source: str = ""
    driver: str = ""
    mode: str = ""
    read_write: bool = True
    propagation: str = ""
    no_copy: bool = False
    anonymous: bool = False  #: the volume was made for this container and may go with it
    subpath: str = ""
    create_source: bool = False  #: a missing host path is made as a directory (`-v`, not `--mount`)
    non_recursive: bool = False
    recursive_read_only: bool = False
    tmpfs_options: tuple[str, ...] = ()  #: of a tmpfs: "size=65536k", "noexec", …
    from_spec: bool = True  #: False where `--tmpfs` asked for it: inspect does not list those
