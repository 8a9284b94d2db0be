"""An engine that runs in a container, on cgroup v2: the top of the tree that it sees must hold no processes."""

import logging
from contextlib import suppress
from pathlib import Path

_TRIES = 10  #: others may start programs meanwhile

_log = logging.getLogger(__name__)


def leave_cgroup_root(top: Path = Path("/sys/fs/cgroup")) -> None:
    """Move all processes of `top` into a child of it, where it is not the root of the machine's own tree.

    There alone may processes be next to cgroups that have limits; a container's first cgroup, which its programs run
    in, is none such. Docker's image for Docker in Docker does the same. Source: Documentation/admin-guide/cgroup-v2.rst
    """
    if not (top / "cgroup.type").exists():  # v1, or the machine's own root
        return
    child = top / "init"
    try:
        for _ in range(_TRIES):
            pids = (top / "cgroup.procs").read_text().split()
            if not pids:
                return
            child.mkdir(exist_ok=True)
            for pid in pids:
                with suppress(ProcessLookupError):
                    (child / "cgroup.procs").write_text(pid)
    except OSError as error:
        _log.warning("limits can't be set: %s stays in use: %s", top, error.strerror)
