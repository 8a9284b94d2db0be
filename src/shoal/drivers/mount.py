"""mount(2), umount2(2), unshare(2), setns(2): the calls that Python 3.11 does not have."""

import ctypes
import os
import re

from shoal.errors import DriverError

_libc = ctypes.CDLL(None, use_errno=True)

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_NOATIME = 0x400
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2). Raises: DriverError"""
    args = (source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), data.encode() or None)
    if _libc.mount(*args) != 0:
        raise _failed(f'cannot mount "{source}" on "{target}"')


def mount_memory(target: str) -> None:
    """An empty file system for root only, in memory that is never swapped. Raises: DriverError

    Source: tmpfs(5), `noswap` (Linux 6.4); ramfs, which is never swapped either, on older kernels.
    """
    flags = MS_NOSUID | MS_NODEV  # a config may be a program, so no MS_NOEXEC
    try:
        mount("memory", target, "tmpfs", flags, "mode=0700,noswap")
    except DriverError:
        mount("memory", target, "ramfs", flags, "mode=0700")


def unmount(target: str, flags: int = MNT_DETACH) -> bool:
    """umount2(2); False when nothing was mounted there. Raises: DriverError"""
    if _libc.umount2(target.encode(), flags) == 0:
        return True
    if ctypes.get_errno() in (22, 2):  # EINVAL: not a mount point; ENOENT: not there
        return False
    raise _failed(f'cannot unmount "{target}"')


def unshare(flags: int) -> None:
    """unshare(2): namespaces of this thread. Raises: DriverError"""
    if _libc.unshare(flags) != 0:
        raise _failed("cannot make a namespace")


def setns(fd: int, kind: int = 0) -> None:
    """setns(2): this thread enters the namespace behind `fd`. Raises: DriverError"""
    if _libc.setns(fd, kind) != 0:
        raise _failed("cannot enter a namespace")


def _failed(what: str) -> DriverError:
    code = ctypes.get_errno()
    return DriverError(f"{what}: {os.strerror(code)}", exit_status=code)


def mount_points(below: str = "/") -> list[str]:
    """Paths of this process's mounts at or below a path, in the order in which they were made."""
    found: list[str] = []
    prefix = below.rstrip("/") + "/"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            path = _unescape(line.split(" ", 5)[4])
            if path == below or path.startswith(prefix):
                found.append(path)
    return found


def _unescape(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), path) if "\\" in path else path
