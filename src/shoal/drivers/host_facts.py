"""What this machine is, read from /proc, /etc and the programs that containers need."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from shoal.model.system import HostFacts


def read_host_facts() -> HostFacts:
    """The facts of now. Blocking: some programs are asked for their version."""
    uname = os.uname()
    release = _os_release(Path("/etc/os-release"))
    version = 2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1
    return HostFacts(
        hostname=socket.gethostname(),
        kernel=uname.release,
        architecture=uname.machine,
        operating_system=release.get("PRETTY_NAME", "Linux"),
        os_version=release.get("VERSION_ID", ""),
        cpus=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        cgroup_version=version,
        programs={name: _program_version(name) for name in ("crun", "conmon")},
    )


def _os_release(path: Path) -> Mapping[str, str]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    return {key: value.strip('"') for key, equals, value in (line.partition("=") for line in lines) if equals}


def _program_version(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        return ""
    out = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\S+)", out)
    return found[1] if found else ""
