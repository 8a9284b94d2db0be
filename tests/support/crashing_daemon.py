"""A shoald that dies by SIGKILL at the n-th step after it was told to, and is started again at once.

python -m tests.support.crashing_daemon --root R --run BASE/run …

The file BASE/crash says when: {"steps": "calls" | "files" | "effects", "number": n, "again": m}.
"calls": a call of a driver that changes something has been made, its caller has not heard of it yet;
"files": the engine is about to make, write, rename or remove a file below its directories;
"effects": before and after each such call, and before all that it does to the host inside: files, mounts, links,
    firewall, programs started, signals, what netd is told;
"number": 0 = it lives, and BASE/crash.count says how many steps there were;
"again": its next life ends at its m-th step, while it repairs what the first has left (0 = it lives).
What it was doing when it died is appended to BASE/crash.done, a line a death.
"""

import contextlib
import ctypes
import functools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any

import uvloop  # noqa: F401 - paid once, as all imports are

from shoal.daemon.drivers import Drivers, make_drivers
from shoal.daemon.main import main
from shoal.drivers.mount import mount, unmount
from shoal.drivers.netd.protocol import send
from shoal.drivers.network.namespace import pin, unpin
from shoal.drivers.network.netlink import Netlink
from shoal.drivers.network.nftables import Nftables
from shoal.model.settings import Settings

#: {driver: its calls that change something outside the process}
EFFECTS = {
    "store": ("commit",),
    "blobs": ("add", "receive", "remove", "write_index"),
    "snapshots": (
        *("prepare", "mount", "unmount", "remove", "unpack", "unpack_incoming", "publish", "discard"),
        *("commit", "diff", "remove_layer"),
    ),
    "archives": ("read", "read_layer"),
    "runtime": ("create", "start", "kill", "pause", "resume", "update", "delete"),
    "volumes": ("create", "mount", "unmount", "fill", "remove"),
    "trees": ("write",),
    "links": (
        *("ensure_bridge", "remove_bridge", "make_namespace", "plug", "unplug", "destroy"),
        *("add_resolver", "set_gateways", "pin", "sweep"),
    ),
    "firewall": ("apply", "forget_udp"),
    "netd": ("put", "drop"),
    "build_files": ("receive", "transfer", "make_directory", "dress", "undress", "tidy"),
    "build_steps": ("run",),
    "registry": ("mount_blob", "push_blob", "push_manifest"),
}
#: audit events of CPython (PEP 578) that change files
FILE_EVENTS = frozenset(
    ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "open")
)
#: functions that change the host by a system call of which no audit event tells
SYSTEM_CALLS = (mount, unmount, pin, unpin, send)
SYSTEM_METHODS = ((Netlink, "send"), (Nftables, "run"), (signal, "pidfd_send_signal"))


class Executioner:
    """Counts steps, and ends the process at the one that was asked for."""

    def __init__(self, order: Path) -> None:
        self._order = order
        self._lock = threading.Lock()
        self._seen = 0
        self._current: dict[str, Any] = {}
        self._busy = threading.local()

    def count(self, what: str, *kinds: str) -> None:
        """One more step of these kinds; what is done here to count it is none."""
        if getattr(self._busy, "here", False):
            return
        self._busy.here = True
        try:
            with self._lock:
                self._count(what, kinds)
        finally:
            self._busy.here = False

    def _count(self, what: str, kinds: tuple[str, ...]) -> None:
        try:
            order = json.loads(self._order.read_text())
        except FileNotFoundError:
            return
        if order["steps"] not in kinds:
            return
        if order != self._current:
            self._current, self._seen = order, 0
        self._seen += 1
        if not order["number"]:
            counting = self._order.with_suffix(".counting")
            counting.write_text(str(self._seen))
            counting.rename(self._order.with_suffix(".count"))
        elif self._seen == order["number"]:
            self._die(order, what)

    def _die(self, order: dict[str, Any], what: str) -> None:
        if order["again"]:
            write_order(self._order, order["steps"], order["again"], 0)
        else:
            self._order.unlink()
        with self._order.with_suffix(".done").open("a") as note:
            note.write(f"{what}\n")
        os.kill(os.getpid(), signal.SIGKILL)


def write_order(path: Path, steps: str, number: int, again: int) -> None:
    """Say when to die."""
    new = path.with_suffix(".new")
    order = {"steps": steps, "number": number, "again": again, "given_at": time.time_ns()}
    new.write_text(json.dumps(order))
    new.rename(path)


class Counted:
    """A driver of which some calls are counted."""

    def __init__(self, driver: Any, name: str, executioner: Executioner) -> None:
        self._driver = driver
        self._name = name
        self._executioner = executioner

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._driver, attribute)
        if attribute not in EFFECTS[self._name]:
            return found
        return self._counting(found, f"{self._name}.{attribute}")

    def _counting(self, call: Callable[..., Any], what: str) -> Callable[..., Any]:
        @functools.wraps(call)
        def counting(*args: Any, **options: Any) -> Any:
            self._executioner.count(f"before {what}", "effects")
            result = call(*args, **options)
            if hasattr(result, "__await__"):
                return self._awaited(result, what)
            self._executioner.count(what, "calls", "effects")
            return result

        return counting

    async def _awaited(self, result: Any, what: str) -> Any:
        value = await result
        self._executioner.count(what, "calls", "effects")
        return value


def counted_drivers(settings: Settings, executioner: Executioner) -> Drivers:
    """The real drivers, counted."""
    real = make_drivers(settings)
    found = {field.name: getattr(real, field.name) for field in fields(Drivers)}
    return Drivers(**found | {name: Counted(found[name], name, executioner) for name in EFFECTS})


def watch_process(base: str, tag: str, executioner: Executioner) -> None:
    """Count what this process does to files below `base`, to the host's settings, and to other processes."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in ("subprocess.Popen", "os.kill"):
            executioner.count(f"{event} {str(args[0])[:40]}", "effects")
        if event not in FILE_EVENTS:
            return
        if event == "open" and not (isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            return
        path = os.fsdecode(args[0]) if isinstance(args[0], (str, bytes)) else ""
        what = f"{event} {path.removeprefix(base)}"
        if not path.startswith("/") or path.startswith((f"{base}/root/", f"{base}/run/")):
            executioner.count(what, "files", "effects")
        elif path.startswith("/proc/sys/") or (path.startswith("/sys/fs/cgroup/") and tag in path):
            executioner.count(what, "effects")

    sys.addaudithook(hook)


def watch_system_calls(executioner: Executioner) -> None:
    """Count the calls of SYSTEM_CALLS and SYSTEM_METHODS, whoever makes them."""

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def counting(*args: Any, **options: Any) -> Any:
            executioner.count(f"{call.__module__}.{call.__name__}", "effects")
            return call(*args, **options)

        return counting

    modules = [module for name, module in sys.modules.items() if name.startswith("shoal.")]
    for call in SYSTEM_CALLS:
        for module in modules:
            for name in [name for name, value in vars(module).items() if value is call]:
                setattr(module, name, counted(call))
    for owner, name in SYSTEM_METHODS:
        setattr(owner, name, counted(getattr(owner, name)))


def run_once(argv: list[str]) -> int:
    """One life of the engine, in this process."""
    root, run_dir = (PurePosixPath(argv[argv.index(flag) + 1]) for flag in ("--root", "--run"))
    executioner = Executioner(Path(run_dir.with_name("crash")))
    watch_process(str(run_dir.parent), Settings(root=root, run=run_dir).tag, executioner)
    watch_system_calls(executioner)
    return main(argv, lambda settings: counted_drivers(settings, executioner))


def run(argv: list[str]) -> int:
    """Life after life, until one ends by itself. Forked, so that the imports are paid once."""
    while True:
        child = os.fork()
        if not child:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: not without us
            status = 1
            with contextlib.suppress(SystemExit):
                status = run_once(argv)
            os._exit(status)
        signal.signal(signal.SIGTERM, lambda number, frame, child=child: os.kill(child, number))
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
