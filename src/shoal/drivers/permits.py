"""What this machine allows to containers, read from /proc and /sys."""

import os
import resource
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
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
        **_optional_limits(version),
        capabilities=capabilities,
        hard_limits=dict(_hard_limits()),
        min_oom_score_adj=-1000 if may_raise else int(Path("/proc/self/oom_score_adj").read_text()),
        init_path=find_init(),
        apparmor=Path("/sys/kernel/security/apparmor").is_dir(),
        # how warm a core is tells what others compute on it
        masked_paths=tuple(sorted(map(str, Path("/sys/devices/system/cpu").glob("cpu*/thermal_throttle")))),
    )


def _status() -> dict[str, str]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _optional_limits(version: int) -> dict[str, bool]:
    """Those of `Permits` that not every kernel has. The names are those that crun knows."""
    top = Path("/sys/fs/cgroup")
    if version == 1:
        swap = any((top / name / "memory.memsw.limit_in_bytes").exists() for name in ("memory", "."))
        found = _files_of_a_child(top / "blkio", ["blkio.weight", "blkio.weight_device"])
        return {
            "swap_limit": swap,
            "blkio_weight": "blkio.weight" in found,
            "blkio_weight_device": "blkio.weight_device" in found,
        }
    for controller in ("memory", "io"):  # children have their files only then; crun gives on all controllers too
        with suppress(OSError):
            (top / "cgroup.subtree_control").write_text(f"+{controller}")
    found = _files_of_a_child(top, ["memory.swap.max", "io.weight", "io.bfq.weight"])
    return {
        "swap_limit": "memory.swap.max" in found,
        "blkio_weight": bool(found - {"memory.swap.max"}),
        "blkio_weight_device": "io.bfq.weight" in found,
    }


def _files_of_a_child(parent: Path, names: Sequence[str]) -> set[str]:
    """Those of `names` that a new cgroup below `parent` has: the root cgroup has no limits."""
    probe = parent / f"shoal-probe-{os.getpid()}"
    try:
        probe.mkdir()
    except OSError:
        return set()
    try:
        return {name for name in names if (probe / name).exists()}
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
