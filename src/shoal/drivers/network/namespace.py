"""Network namespaces: made, entered, pinned. Source: network_namespaces(7), setns(2), unshare(2)."""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

CLONE_NEWNET = 0x40000000
MS_BIND, MNT_DETACH = 0x1000, 2
NSFS_MAGIC = 0x6E736673
_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number).lower()}")


def own_namespace() -> int:
    """A descriptor of the calling thread's network namespace."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def enter(namespace: int) -> None:
    """Move the calling thread into a namespace."""
    _check(_libc.setns(namespace, CLONE_NEWNET), "setns")


@contextmanager
def inside(namespace: int, home: int) -> Iterator[None]:
    """The calling thread is in `namespace` for the block and in `home` after it. No await in the block."""
    enter(namespace)
    try:
        yield
    finally:
        enter(home)


def make_namespace(home: int, setup: Callable[[int], T]) -> T:
    """What `setup` (called inside a new namespace, with its descriptor) returns; the thread is back in `home`.

    `setup` owns the descriptor; the namespace lives as long as something holds it.
    """
    _check(_libc.unshare(CLONE_NEWNET), "unshare")
    try:
        return setup(own_namespace())
    finally:
        enter(home)


def pin(namespace: int, path: Path) -> None:
    """Make `path` a name of the namespace."""
    path.touch(mode=0o600)
    source = f"/proc/self/fd/{namespace}".encode()
    _check(_libc.mount(source, os.fsencode(path), None, MS_BIND, None), f'pin "{path}"')


def unpin(path: Path) -> None:
    """Take the name away. Idempotent."""
    while _libc.umount2(os.fsencode(path), MNT_DETACH) == 0:
        pass
    path.unlink(missing_ok=True)


def is_pinned(path: Path) -> bool:
    """True when `path` names a namespace, seen from the calling process's mounts."""
    buffer = (ctypes.c_long * 64)()
    if _libc.statfs(os.fsencode(path), ctypes.byref(buffer)) != 0:
        return False
    return bool(buffer[0] == NSFS_MAGIC)


def write_sysctl(name: str, value: str) -> bool:
    """Set "net/ipv4/ip_forward" in the calling thread's namespace; False when the kernel refuses or lacks it."""
    try:
        Path("/proc/sys", name).write_text(value)
    except OSError:
        return False
    return True


def read_sysctl(name: str) -> str:
    """The value, stripped; "" when the kernel lacks it."""
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return ""
