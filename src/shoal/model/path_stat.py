"""What is at a path of a container."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStat:
    """Source: Docker Engine API v1.51, ContainerArchiveInfo.

    name: the last part of the path
    mode: as stat(2)'s st_mode: type and permission bits
    mtime: ns since the epoch
    link_target: where a symbolic link leads in the end, an absolute path of the container; "" for everything else
    """

    name: str
    size_bytes: int
    mode: int
    mtime: int
    link_target: str = ""
