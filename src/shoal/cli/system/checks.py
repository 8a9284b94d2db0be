"""What the engine needs of a host, one check each.

Whether the kernel can do a thing is found out by doing it, in a network namespace that is gone right after.
"""

from __future__ import annotations

import ctypes
import enum
import importlib.util
import os
import shutil
import subprocess

from shoal.cli.system import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MIN_KERNEL = (5, 4)
_CONTROLLERS = ("cpu", "memory", "pids")
_MIN_FREE_BYTES = 2 * 10**9
_MODULES = ("aiohttp", "msgspec", "yaml")


class Level(enum.Enum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


class Finding:
    """What one check found.

    package: what is to be installed, by name; "" where installing does not help
    """

    __slots__ = ("detail", "level", "package", "remedy", "what")

    def __init__(self, what: str, level: Level, detail: str, *, remedy: str = "", package: str = "") -> None:
        self.what = what
        self.level = level
        self.detail = detail
        self.remedy = remedy
        self.package = package


class Host:
    """The host as the checks see it; tests give another root directory and other answers."""

    def __init__(self, root: str = "/", *, path: str | None = None) -> None:
        self._root = root
        self._path = path

    def read(self, path: str) -> str:
        """Content of a file; "" where it can't be read."""
        try:
            with open(os.path.join(self._root, path.lstrip("/")), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def exists(self, path: str) -> bool:
        return os.path.exists(os.path.join(self._root, path.lstrip("/")))

    def which(self, program: str) -> str:
        """Path of a program, "" where there is none."""
        return shutil.which(program, path=self._path) or ""

    def user_id(self) -> int:
        return os.geteuid()

    def release(self) -> str:
        return os.uname().release

    def first_line(self, *command: str) -> str:
        """First line that a program prints, "" where it fails."""
        try:
            result = subprocess.run(command, capture_output=True, timeout=10, text=True)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return result.stdout.strip().partition("\n")[0]

    def has_library(self, name: str) -> bool:
        try:
            ctypes.CDLL(name)
        except OSError:
            return False
        return True

    def free_bytes(self, path: str) -> int:
        """Bytes free where `path` is, or would be."""
        while not os.path.exists(path) and path != "/":
            path = os.path.dirname(path)
        found = os.statvfs(path)
        return found.f_bavail * found.f_frsize

    def try_kernel(self, what: str) -> str:
        """ "" where the kernel can do `what` (a key of kernel.TRIALS), else the reason."""
        return kernel.try_in_namespace(what)


def check_root(host: Host) -> Finding:
    if host.user_id() == 0:
        return Finding("root", Level.OK, "running as root")
    return Finding(
        "root", Level.MISSING, "not running as root", remedy="use sudo: the engine, and this check, need root"
    )


def check_kernel(host: Host) -> Finding:
    release = host.release()
    numbers = tuple(int(part) for part in release.split("-")[0].split(".")[:2] if part.isdigit())
    if numbers >= _MIN_KERNEL:
        return Finding("kernel", Level.OK, release)
    return Finding("kernel", Level.MISSING, f"{release}; 5.4 or newer is needed")


def _check_program(host: Host, name: str, what: str) -> Finding:
    path = host.which(name)
    if path:
        return Finding(name, Level.OK, host.first_line(path, "--version") or path)
    return Finding(name, Level.MISSING, f"not found: it {what}", package=name)


def check_crun(host: Host) -> Finding:
    return _check_program(host, "crun", "starts containers")


def check_conmon(host: Host) -> Finding:
    return _check_program(host, "conmon", "stays with containers and keeps their logs")


def check_nftables(host: Host) -> Finding:
    if not host.has_library("libnftables.so.1"):
        detail = "libnftables.so.1 not found: it does published ports and NAT"
        return Finding("nftables", Level.MISSING, detail, package="nftables")
    return Finding("nftables", Level.OK, "libnftables.so.1")


def check_modules(host: Host) -> Finding:
    missing = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    if missing:
        return Finding(
            "python modules",
            Level.MISSING,
            f"not installed: {', '.join(missing)}",
            remedy="pip install --upgrade shoal",
        )
    return Finding("python modules", Level.OK, "all there")


def check_overlay(host: Host) -> Finding:
    if "overlay" in host.read("/proc/filesystems").split():
        return Finding("overlayfs", Level.OK, "in the kernel")
    return Finding("overlayfs", Level.MISSING, "not in /proc/filesystems", remedy="modprobe overlay")


def check_cgroups(host: Host) -> Finding:
    """Version and controllers; cpu, memory and pids are what limits and statistics need."""
    v2 = host.read("/sys/fs/cgroup/cgroup.controllers").split()
    if v2:
        return _controllers("v2", set(v2))
    enabled = set()
    for line in host.read("/proc/cgroups").splitlines()[1:]:
        fields = line.split()
        if len(fields) == 4 and fields[3] == "1" and host.exists(f"/sys/fs/cgroup/{fields[0]}"):
            enabled.add(fields[0])
    if not enabled:
        return Finding(
            "cgroups", Level.MISSING, "not mounted at /sys/fs/cgroup", remedy="mount -t cgroup2 none /sys/fs/cgroup"
        )
    hybrid = host.exists("/sys/fs/cgroup/unified/cgroup.controllers")
    return _controllers("v1, hybrid: the engine hides the v2 part from crun" if hybrid else "v1", enabled)


def _controllers(version: str, enabled: set[str]) -> Finding:
    missing = [name for name in _CONTROLLERS if name not in enabled]
    if missing:
        detail = f"{version}; without {', '.join(missing)}: these limits have no effect"
        return Finding("cgroups", Level.WARNING, detail, remedy="enable the controllers on the kernel's command line")
    return Finding("cgroups", Level.OK, version)


def _check_trial(host: Host, trial: str, what: str, remedy: str) -> Finding:
    if host.user_id() != 0:
        return Finding(what, Level.WARNING, "not tried: needs root")
    reason = host.try_kernel(trial)
    if reason:
        return Finding(what, Level.MISSING, reason, remedy=remedy)
    return Finding(what, Level.OK, "works")


def check_namespaces(host: Host) -> Finding:
    return _check_trial(host, "namespace", "namespaces", "containers need root and a kernel with namespaces")


def check_bridge(host: Host) -> Finding:
    return _check_trial(host, "bridge", "bridge links", "modprobe bridge")


def check_veth(host: Host) -> Finding:
    return _check_trial(host, "veth", "veth links", "modprobe veth")


def check_nat(host: Host) -> Finding:
    if not host.has_library("libnftables.so.1"):
        return Finding("nftables NAT", Level.WARNING, "not tried: libnftables is missing")
    return _check_trial(host, "nat", "nftables NAT", "modprobe nf_tables nft_chain_nat nft_masq")


def check_seccomp(host: Host) -> Finding:
    if host.exists("/proc/sys/kernel/seccomp/actions_avail"):
        return Finding("seccomp", Level.OK, "in the kernel")
    return Finding("seccomp", Level.WARNING, "not in the kernel: containers run without a system call filter")


def check_forwarding(host: Host) -> Finding:
    if host.read("/proc/sys/net/ipv4/ip_forward").strip() == "1":
        return Finding("ip forwarding", Level.OK, "on")
    return Finding("ip forwarding", Level.OK, "off now; the engine switches it on")


def check_space(host: Host) -> Finding:
    from shoal.cli.units import size_text

    free_bytes = host.free_bytes("/var/lib/shoal")
    detail = f"{size_text(free_bytes)} free for /var/lib/shoal"
    if free_bytes < _MIN_FREE_BYTES:
        return Finding("disk space", Level.WARNING, detail, remedy="free some, or give the engine another --root")
    return Finding("disk space", Level.OK, detail)


def check_stand_ins(host: Host) -> Finding:
    path = host.which("mmdebstrap")
    if path:
        return Finding("mmdebstrap", Level.OK, "stand-in images can be made")
    detail = "not found: only needed for stand-in images where no registry can be reached"
    return Finding("mmdebstrap", Level.WARNING, detail, package="mmdebstrap")


CHECKS: tuple[Callable[[Host], Finding], ...] = (
    check_root,
    check_kernel,
    check_crun,
    check_conmon,
    check_nftables,
    check_modules,
    check_overlay,
    check_cgroups,
    check_namespaces,
    check_bridge,
    check_veth,
    check_nat,
    check_seccomp,
    check_forwarding,
    check_space,
    check_stand_ins,
)
