"""What the kernel says of this process. Source: proc(5), proc_pid_stat"""

import os
import resource
from pathlib import Path

from shoal.model.system import ProcessFacts

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def read_own_process() -> ProcessFacts:
    """The facts of now."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    user, system, started, virtual, resident = (int(fields[number]) for number in (11, 12, 19, 20, 21))
    return ProcessFacts(
        cpu_s=(user + system) / _TICKS,
        resident_bytes=resident * _PAGE_BYTES,
        virtual_bytes=virtual,
        open_files=len(os.listdir("/proc/self/fd")),
        max_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        started_at_s=_booted_at_s() + started / _TICKS,
    )


def _booted_at_s() -> int:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return int(line.split()[1])
    return 0
