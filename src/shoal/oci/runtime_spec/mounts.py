"""Mounts of a container in the order in which they are made. Source: OCI runtime spec 1.1, `mounts`."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shoal.model.mount import MountPoint, MountType

PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_TMPFS_DEFAULTS = ("noexec", "nosuid", "nodev")
_OPPOSITE = {"exec": "noexec", "suid": "nosuid", "dev": "nodev"}
INIT_PATH = "/sbin/docker-init"

OciMount = dict[str, Any]


def default_mounts(*, privileged: bool, writable_cgroup: bool, host_network: bool = False) -> list[OciMount]:
    """/proc, /dev, /sys and what is below them, without /dev/shm and /dev/mqueue."""
    access = [] if privileged else ["ro"]
    cgroup_access = [] if writable_cgroup or privileged else ["ro"]
    sys = _mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", *access])
    return [
        _mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
        _mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        _mount(
            "/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
        ),
        sys,
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", *cgroup_access]),
    ]


def ipc_mounts(mode: str, shm_bytes: int, shm_source: str) -> list[OciMount]:
    """/dev/mqueue and /dev/shm for an IPC mode."""
    # A new mount of mqueue shows the queues of the namespace that it is made in, also the host's.
    mounts = [_mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"])]
    if mode == "none":
        return mounts
    if mode == "host":
        return [*mounts, _bind("/dev/shm", "/dev/shm", ["rbind", "rprivate"])]
    if shm_source:
        return [*mounts, _bind("/dev/shm", shm_source, ["rbind", "rprivate"])]
    options = ["nosuid", "noexec", "nodev", "mode=1777", f"size={shm_bytes}"]
    return [*mounts, _mount("/dev/shm", "tmpfs", "shm", options)]


def tmpfs_options(options: str) -> list[str]:
    """Of `--tmpfs path:options`: noexec, nosuid and nodev unless the opposite is asked for.

    Source: Docker, `mount.MergeTmpfsOptions`
    """
    given = [item for item in options.split(",") if item and item not in ("rw", "defaults")]
    taken_back = {_OPPOSITE[item] for item in given if item in _OPPOSITE}
    kept = [item for item in _TMPFS_DEFAULTS if item not in taken_back and item not in given]
    return [*kept, *(item for item in given if item not in _OPPOSITE)]


def user_mounts(points: Iterable[MountPoint], files: Mapping[str, str]) -> list[OciMount]:
    """Mount points and the engine's own files, parents before children; the user's win over the engine's.

    files: {path in the container: path on the host}
    """
    mounts = [_user_mount(point) for point in points]
    taken = {mount["destination"] for mount in mounts}
    mounts += [_bind(to, source, ["rbind", "rprivate"]) for to, source in files.items() if to not in taken]
    return sorted(mounts, key=lambda mount: _depth(mount["destination"]))


def _user_mount(point: MountPoint) -> OciMount:
    destination = posixpath.normpath(point.destination)
    if point.type is MountType.TMPFS:
        return _mount(destination, "tmpfs", "tmpfs", [*point.tmpfs_options, *([] if point.read_write else ["ro"])])
    options = ["bind" if point.non_recursive else "rbind", point.propagation or "rprivate"]
    if not point.read_write:
        # "rro" makes mounts below the source read-only too; the plain "ro" stays for the top.
        options += ["ro", "rro"] if point.recursive_read_only else ["ro"]
    source = posixpath.join(point.source, point.subpath) if point.subpath else point.source
    return _bind(destination, source, options)


def merge_mounts(defaults: Sequence[OciMount], users: Sequence[OciMount]) -> list[OciMount]:
    """Defaults first, without those that the user replaces (with /dev also what is below it)."""
    taken = {mount["destination"] for mount in users}

    def is_replaced(destination: str) -> bool:
        return destination in taken or ("/dev" in taken and destination.startswith("/dev/"))

    return [*(mount for mount in defaults if not is_replaced(mount["destination"])), *users]


def root_propagation(points: Iterable[MountPoint]) -> str:
    """`linux.rootfsPropagation`: what shared and slave mounts need from the mount above them."""
    wanted = {point.propagation for point in points if point.type is MountType.BIND}
    if wanted & {"shared", "rshared"}:
        return "shared"
    return "rslave" if wanted & {"slave", "rslave"} else "rprivate"


def parse_propagation(options: Iterable[str]) -> str:
    """The propagation among mount options, "" where there is none."""
    return next((option for option in options if option in PROPAGATIONS), "")


def init_mount(init_path: str) -> OciMount:
    """The init program of the host, shown at INIT_PATH."""
    return _bind(INIT_PATH, init_path, ["bind", "ro"])


def _depth(path: str) -> int:
    return len([part for part in path.split("/") if part])


def _mount(destination: str, kind: str, source: str, options: list[str]) -> OciMount:
    return {"destination": destination, "type": kind, "source": source, "options": options}


def _bind(destination: str, source: str, options: list[str]) -> OciMount:
    return _mount(destination, "bind", source, options)
