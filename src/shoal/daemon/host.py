"""What the engine does to its own process before anything else: root, programs, directories, lock, mount namespace."""

import asyncio
import ctypes
import os
import shutil
import time
from pathlib import Path

from shoal.drivers import mount as sys
from shoal.drivers.files.locks import try_lock
from shoal.errors import Conflict, DriverError, Forbidden
from shoal.model.settings import Settings

GIVE_BACK_S = 10.0
_INHERITED_S = 2.0
_POLL_S = 0.01
_NAMESPACE_FILE = "mountns"
_M_ARENA_MAX = -8  # Source: glibc, malloc.h


def share_one_heap() -> None:
    """Threads take memory from one heap: glibc's heap for each thread keeps what was freed there, 25 MiB in all."""
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_M_ARENA_MAX, 1)


async def give_back_memory() -> None:
    """What was freed goes back to the kernel now and then, not only to this process. Ends by being cancelled."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while trim is not None:
        await asyncio.sleep(GIVE_BACK_S)
        await asyncio.to_thread(trim, 0)


def ignore_netrc() -> None:
    """What is in root's ~/.netrc is for root's own programs: no registry and no ADD of a Dockerfile is sent it."""
    os.environ["NETRC"] = os.devnull


def require_root() -> None:
    """Raises: Forbidden for anybody but root"""
    if os.geteuid() != 0:
        raise Forbidden("shoald must be run as root", hint="use sudo, or the systemd unit: systemctl start shoal")


def require_programs() -> None:
    """Raises: DriverError naming what is missing and the package that has it"""
    missing = [name for name in ("crun", "conmon") if shutil.which(name) is None]
    try:
        ctypes.CDLL("libnftables.so.1")
    except OSError:
        missing.append("nftables")
    if missing:
        raise DriverError(
            f"missing on this host: {', '.join(missing)}",
            hint=f"install them: apt-get install -y {' '.join(missing)}  (see also: shoal doctor)",
        )


def make_directories(settings: Settings) -> None:
    """The root and run directories. Raises: DriverError

    Nobody else comes into the root: volumes below it keep the modes that containers give them. The socket in the run
    directory may be opened to a group.
    """
    for path, mode in ((Path(settings.root), 0o710), (Path(settings.run), 0o711)):
        try:
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)
        except OSError as error:
            raise DriverError(f'cannot make "{path}": {error.strerror}') from error


def lock_root(settings: Settings) -> int:
    """A file descriptor that holds the root for this process as long as it is open.

    Raises: Conflict when another engine has it
    """
    path = Path(settings.root) / "lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + _INHERITED_S
    while not try_lock(fd):
        pid = os.pread(fd, 32, 0).decode().strip()
        if os.path.exists(f"/proc/{pid or 'unknown'}") or time.monotonic() > end:
            os.close(fd)
            raise Conflict(
                f'another engine (pid {pid or "unknown"}) uses root "{settings.root}"',
                hint="use --root for a second engine on this machine",
            )
        time.sleep(_POLL_S)  # it was killed, and a child of it that is about to be another program still has the lock
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def enter_mount_namespace(settings: Settings) -> None:
    """Live in a mount namespace of our own: that of the containers which an earlier engine left, or a new one.

    Mounts of the host go on arriving (slave), ours never reach it. Must run before the first thread starts.
    On a hybrid cgroup tree the v2 part is hidden here: crun refuses such a tree otherwise.
    """
    note = Path(settings.run) / _NAMESPACE_FILE
    if (fd := find_namespace(note)) is not None:
        sys.setns(fd, sys.CLONE_NEWNS)
        os.close(fd)
        return
    sys.unshare(sys.CLONE_NEWNS)
    sys.mount("", "/", flags=sys.MS_REC | sys.MS_SLAVE)
    hide_hybrid_cgroup()
    note.write_text(os.readlink("/proc/self/ns/mnt"))


def hide_hybrid_cgroup() -> None:
    """Unmount the v2 mount of a hybrid cgroup tree, in this mount namespace only.

    crun makes plain directories where it thinks that tree to be; on a tmpfs of our own they don't reach the host.
    """
    if os.path.exists("/sys/fs/cgroup/unified/cgroup.controllers"):
        sys.unmount("/sys/fs/cgroup/unified")
        sys.mount("tmpfs", "/sys/fs/cgroup/unified", "tmpfs", sys.MS_NOSUID | sys.MS_NODEV | sys.MS_NOEXEC, "mode=755")


def find_namespace(note: Path) -> int | None:
    """An open descriptor of the mount namespace that `note` names, when a process of an earlier engine lives in it.

    The number of a namespace that is gone is given to new ones, of containers too. So only conmon and netd count, which
    name the run directory on their command lines, and only with the same root directory as ours.
    """
    try:
        wanted = note.read_text()
    except FileNotFoundError:
        return None
    root, ours = os.stat("/"), os.fsencode(note.parent)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if (
                os.readlink(f"/proc/{pid}/ns/mnt") == wanted
                and ours in Path(f"/proc/{pid}/cmdline").read_bytes()
                and os.path.samestat(os.stat(f"/proc/{pid}/root"), root)
            ):
                return os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
    return None


def notify_systemd(text: str) -> None:
    """sd_notify(3); nothing where systemd did not ask."""
    import socket

    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(text.encode(), address.replace("@", "\0", 1))
