"""What this machine allows to containers, read from /proc and /sys."""

import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from shoal.model.capabilities import ALL_CAPABILITIES
from shoal.oci.runtime_spec import Permits
from shoal.oci.runtime_spec.limits import RLIMITS

#: static ones first: they run in any image
INIT_NAMES = ("docker-init", "tini-static", "catatonit", "tini", "dumb-init")
_INIT_FOLDERS = ("/usr/libexec/podman", "/usr/lib/podman", "/usr/libexec", "/usr/local/libexec")


def read_permits() -> Permits:
    """The permits of this process. Blocking."""
    status = _status()
    granted = int(status.get("CapEff", "0"), 16)
    capabilities = tuple(name for number, name in enumerate(ALL_CAPABILITIES) if granted >> number & 1)
    may_raise = "CAP_SYS_RESOURCE" in capabilities
    version = 2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1
    return Permits(
        arch=os.uname().machine,
        cgroup_version=version,
        swap_limit=_has_swap_limit(version),
        blkio_weight=_has_blkio_weight(version),
        capabilities=capabilities,
        hard_limits=dict(_hard_limits()),
        min_oom_score_adj=-1000 if may_raise else int(Path("/proc/self/oom_score_adj").read_text()),
        init_path=find_init(),
        apparmor=Path("/sys/kernel/security/apparmor").is_dir(),
    )


def _status() -> dict[str, str]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _has_swap_limit(version: int) -> bool:
    if version == 2:
        return True
    return any(Path("/sys/fs/cgroup", name, "memory.memsw.limit_in_bytes").exists() for name in ("memory", "."))


def _has_blkio_weight(version: int) -> bool:
    """Looked up in a cgroup made for it: the root cgroup has no weights. crun knows these names."""
    parent = Path("/sys/fs/cgroup") if version == 2 else Path("/sys/fs/cgroup/blkio")
    names = ("io.weight", "io.bfq.weight") if version == 2 else ("blkio.weight",)
    probe = parent / f"shoal-probe-{os.getpid()}"
    try:
        probe.mkdir()
    except OSError:
        return False
    try:
        return any((probe / name).exists() for name in names)
    finally:
        probe.rmdir()


def _hard_limits() -> Iterator[tuple[str, int]]:
    for name in RLIMITS:
        number = getattr(resource, f"RLIMIT_{name.upper()}", None)
        if number is not None:
            yield name, resource.getrlimit(number)[1]


def find_init() -> str:
    """Path of a program that can be a container's first process (`--init`); "" where none is installed."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_INIT_FOLDERS))
    found = (shutil.which(name, path=path) for name in INIT_NAMES)
    return next((name for name in found if name), "")
