"""What the engine knows of itself and its machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """The machine, read once at start.

    cgroup_version: 1 or 2
    programs: {"crun": "1.8.1", "conmon": "2.1.6"}
    """

    hostname: str
    kernel: str
    architecture: str  #: as `uname -m`: "x86_64"
    operating_system: str  #: "Debian GNU/Linux 12 (bookworm)"
    os_version: str
    cpus: int
    memory_bytes: int
    cgroup_version: int
    programs: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFacts:
    """The engine's own process. started_at_s: seconds since the epoch"""

    cpu_s: float
    resident_bytes: int
    virtual_bytes: int
    open_files: int
    max_files: int
    started_at_s: float
