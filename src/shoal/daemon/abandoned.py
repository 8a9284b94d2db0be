"""What engines that will never come back have left on the host, taken away by the next engine that starts.

Every engine leaves a note below /run/shoal-engines: its root and run directories, in a file named by its tag. It holds
a lock on the file as long as it lives. An engine is gone for good when nobody holds its lock, its root directory is
not there any more, and no supervisor of its containers lives. Then nobody uses its bridges, veths, firewall tables and
cgroups, all named by its tag, nor its netd, its tunnel and its member of a cluster's store. What an engine left that
wrote no note is not touched. Its links and tables are in its network namespace: an engine that lives in another one
leaves all to those who live there, unless nobody does.
"""

import fcntl
import json
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from shoal.drivers.files.locks import try_lock
from shoal.drivers.network import netlink as nl
from shoal.drivers.network.nftables import Nftables
from shoal.drivers.overlay.tunnel import remove_tunnel
from shoal.drivers.runtime.cgroups import Cgroups
from shoal.drivers.runtime.processes import command_line
from shoal.errors import DriverError
from shoal.lifecycle.network.firewall import removal_text
from shoal.lifecycle.overlay.numbers import device_name, table_name
from shoal.model.settings import DEFAULT_ROOT, Settings

FOLDER = Path("/run/shoal-engines")
_NETD = "shoal.drivers.netd"

log = logging.getLogger("shoal.abandoned")


@dataclass(frozen=True, slots=True)
class _Note:
    """An engine that was on this host. instance: see Settings.instance; network: inode of its network namespace"""

    tag: str
    instance: str
    root: str
    run: str
    network: int


class EngineNotes:
    """The notes of all engines of this host."""

    def __init__(self, cgroups: Cgroups, firewall: Nftables, folder: Path = FOLDER) -> None:
        self._cgroups = cgroups
        self._firewall = firewall
        self._folder = folder
        self._own = -1

    def keep(self, settings: Settings) -> None:
        """Write this engine's note and hold it as long as the process lives."""
        try:
            self._own = self._write(settings)
        except OSError as error:
            log.warning("no note of this engine: %s", error, extra={"folder": str(self._folder)})

    def _write(self, settings: Settings) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / settings.tag
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)  # whoever clears up after an engine with our root is about to end
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(fd), os.stat(path)):
                    break
            os.close(fd)
        places = {"root": str(settings.root), "run": str(settings.run), "network": _network("self")}
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps({"instance": settings.instance, **places}).encode(), 0)
        return fd

    def clear_abandoned(self, is_over: Callable[[], bool] = lambda: False) -> list[str]:
        """Roots of the engines whose leftovers are gone now. Blocking; what fails is logged and stays noted.

        is_over: asked before each engine; the next one who comes does the rest
        """
        cleared: list[str] = []
        for path in sorted(self._folder.iterdir()) if self._folder.is_dir() else ():
            if is_over():
                break
            try:
                with _locked(path) as fd:
                    note = _read(path.name, fd) if fd >= 0 else None
                    if note is not None and _is_abandoned(note):
                        self._clear(note)
                        path.unlink()
                        cleared.append(note.root)
            except (OSError, DriverError) as error:
                log.warning("leftovers of an engine stay: %s", error, extra={"note": str(path)})
        for root in cleared:
            log.info("leftovers of an engine that is gone are removed", extra={"root": root})
        return cleared

    def _clear(self, note: _Note) -> None:
        _end(lambda argv: _is_netd(argv, note.run), signal.SIGTERM)
        _end(lambda argv: f"--data-dir={note.root}/swarm/etcd" in argv, signal.SIGKILL)  # its data is gone
        remove_tunnel(device_name(note.instance))
        self._firewall.run(removal_text(note.instance) + removal_text(table_name(note.instance)))
        with nl.Netlink() as netlink:
            for name in [name for name in netlink.links() if name.startswith((f"s{note.tag}", f"v{note.tag}"))]:
                with suppress(nl.NetlinkError):  # the other end of a pair has gone first
                    netlink.send([nl.link(nl.RTM_DELLINK, nl.attribute(nl.IFLA_IFNAME, name))])
        self._cgroups.remove_unused(f"/{note.instance}")


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """A descriptor of the file, locked; -1 where somebody else holds it."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        yield fd if try_lock(fd) else -1
    finally:
        os.close(fd)


def _read(tag: str, fd: int) -> _Note | None:
    """The note, None where it is half-written, or not about the engine that its name says."""
    try:
        found = json.loads(os.pread(fd, 65536, 0))
        note = _Note(tag, found["instance"], found["root"], found["run"], found.get("network", _network("self")))
    except (ValueError, KeyError, TypeError):
        return None
    return note if len(tag) == 6 and note.instance == f"shoal{tag}" and note.root != str(DEFAULT_ROOT) else None


def _is_abandoned(note: _Note) -> bool:
    """Asked with the engine's lock in hand."""
    bundles = f"--bundle={note.run}/containers/"
    alive = any(argument.startswith(bundles) for argv in _processes() for argument in argv[1])
    return not alive and not os.path.lexists(note.root) and not _is_elsewhere(note.network)


def _is_elsewhere(network: int) -> bool:
    """True for a network namespace that others live in, but not the calling thread."""
    if network == _network("thread-self"):
        return False
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):  # it has ended
            if _network(pid) == network:
                return True
    return False


def _network(process: str) -> int:
    return os.stat(f"/proc/{process}/ns/net").st_ino


def _processes() -> Iterator[tuple[int, list[str]]]:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        yield int(pid), command_line(int(pid))


def _is_netd(argv: list[str], run: str) -> bool:
    return _NETD in argv and f"{run}/netd.sock" in argv


def _end(is_wanted: Callable[[list[str]], bool], number: signal.Signals) -> None:
    """End these processes of ours; one that has such a pid by now is let alone."""
    for pid in [pid for pid, argv in _processes() if is_wanted(argv)]:
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            try:
                if is_wanted(command_line(pid)) and os.stat(f"/proc/{pid}").st_uid == os.geteuid():
                    signal.pidfd_send_signal(pidfd, number)
            except FileNotFoundError:
                pass  # it has ended
            finally:
                os.close(pidfd)
