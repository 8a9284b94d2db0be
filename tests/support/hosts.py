"""Several hosts on one machine: a network namespace and a hostname each, cables to a switch, a shoald with a root each.

    with hosts(3) as farm:                       # 3 engines, started, with busybox
        one, two, three = farm
        one.engine.docker("swarm", "init", "--advertise-addr", one.address)
        two.exec("curl", "-s", f"http://{one.address}:8080/")
        farm.cut(two); farm.heal(two); farm.slow(two, "1mbit"); two.engine.kill(); two.engine.start()
    # every process, link and folder of it is gone, also after a failure

The switch is a bridge in a namespace of its own, which is also "the outside": `farm.outside` runs programs there, with
an address beside the hosts'. Nothing of all this reaches the machine's own network.
"""

import atexit
import contextlib
import ctypes
import functools
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from shoal.drivers.network.namespace import inside, make_namespace, own_namespace
from tests.support import leftovers
from tests.support.deadlines import patient
from tests.support.engine import EngineProcess, wait_for
from tests.support.images import busybox_archive
from tests.support.stand_ins import stand_in_archive

IPV4, IPV6 = "10.213.0", "fd13"
SWITCH = "switch0"
CLONE_NEWUTS = 0x04000000
_NO_REGISTRY = ("--registry-mirror", "http://127.0.0.1:9")
_PARTED = """\
add table bridge parted
add set bridge parted pairs { type ifname . ifname; }
add chain bridge parted forward { type filter hook forward priority 0; policy accept; }
flush chain bridge parted forward
add rule bridge parted forward iifname . oifname @pairs drop
"""
_libc = ctypes.CDLL(None, use_errno=True)


class Place:
    """A network namespace with an address on the switch, and programs in it."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self._spawned: list[subprocess.Popen[bytes]] = []
        self.number = number
        self.address = f"{IPV4}.{number}"
        self.address6 = f"{IPV6}::{number:x}"
        self._home = own_namespace()
        self.namespace = make_namespace(self._home, lambda descriptor: descriptor)
        self._uts = _new_hostname(name)
        self.ip("link set lo up")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is on this host for the block."""
        home = os.open("/proc/thread-self/ns/uts", os.O_RDONLY | os.O_CLOEXEC)
        with inside(self.namespace, self._home):
            _setns(self._uts, CLONE_NEWUTS)
            try:
                yield
            finally:
                _setns(home, CLONE_NEWUTS)
                os.close(home)

    def ip(self, *commands: str) -> None:
        """Carry out commands of ip(8)."""
        text = "\n".join(commands) + "\n"
        with self.entered():
            done = subprocess.run(["ip", "-batch", "-"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{self.name}: {commands}: {done.stderr}"

    def exec(
        self, *argv: str, check: bool = True, timeout_s: float = 60, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on this host to its end; stdout and stderr as text."""
        with self.entered():
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
            )
        with process:
            try:
                out, err = process.communicate(timeout=patient(timeout_s))
            except BaseException:
                process.kill()
                raise
        if check and process.returncode != 0:
            raise AssertionError(f"{self.name}: {' '.join(argv)}: exit {process.returncode}\n{out}\n{err}")
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def spawn(self, *argv: str, **options: Any) -> "subprocess.Popen[bytes]":
        """Start a program on this host; it ends at the latest with the farm."""
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        with self.entered():
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **options)
        self._spawned.append(process)
        return process

    def end_spawned(self) -> None:
        """SIGKILL to what `spawn` has started here."""
        for process in self._spawned:
            process.kill()
            process.wait()

    def processes(self) -> list[int]:
        """Pids of everything that lives on this host, the oldest first."""
        wanted = os.fstat(self.namespace).st_ino
        found = []
        for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()):
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{pid}/ns/net").st_ino == wanted or self._owns(pid):
                    found.append(pid)
        return found

    def _owns(self, pid: int) -> bool:
        """True for a process in a namespace of its own that belongs to this host all the same."""
        return False

    def end_processes(self) -> None:
        """SIGKILL to everything that lives here."""

        def gone() -> bool:
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not self.processes()

        wait_for(f"nothing runs on {self.name}", gone)

    def close(self) -> None:
        for descriptor in (self.namespace, self._uts, self._home):
            os.close(descriptor)


class HostEngine(EngineProcess):
    """A shoald on one host."""

    def __init__(self, host: "Host", *flags: str) -> None:
        super().__init__(*_NO_REGISTRY, *flags)
        self._host = host

    def start(self) -> Self:
        with self._host.entered():
            return super().start()

    def leftovers(self) -> list[str]:
        with self._host.entered():
            return super().leftovers()


class Host(Place):
    """A machine with an engine."""

    def __init__(self, name: str, number: int, *flags: str) -> None:
        super().__init__(name, number)
        self.engine = HostEngine(self, *flags)

    def _owns(self, pid: int) -> bool:
        return f"shoal{self.engine.tag}" in Path(f"/proc/{pid}/cgroup").read_text()

    @property
    def cable(self) -> str:
        """The switch's side of its only link."""
        return f"to-{self.name}"[:15]

    def shoal(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """The CLI on this host, with this host's engine."""
        return self._on_host(lambda: self.engine.shoal(*args, **options))

    def docker(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """The docker CLI on this host, with this host's engine."""
        return self._on_host(lambda: self.engine.docker(*args, **options))

    def _on_host(self, call: Any) -> subprocess.CompletedProcess[str]:
        with self.entered():
            done: subprocess.CompletedProcess[str] = call()
            return done


class Farm(Sequence[Host]):
    """The hosts of one test and the switch between them. host: 1, 2, … in order of their numbers"""

    def __init__(self, count: int, *flags: str, mtu: int = 1500, names: Sequence[str] = ()) -> None:
        self.mtu = mtu
        self.outside = Place("outside", 254)
        self.outside.ip(
            f"link add {SWITCH} mtu {mtu} type bridge",
            f"addr add {self.outside.address}/24 dev {SWITCH}",
            f"addr add {self.outside.address6}/64 dev {SWITCH} nodad",
            f"link set {SWITCH} up",
        )
        self._hosts: list[Host] = []
        for i in range(count):
            self.add(names[i] if i < len(names) else f"host{i + 1}", *flags)

    def add(self, name: str, *flags: str) -> Host:
        """One more host, its engine not started yet."""
        host = Host(name, len(self._hosts) + 1, *flags)
        self._hosts.append(host)
        pid = f"/proc/{os.getpid()}/fd/{host.namespace}"
        self.outside.ip(
            f"link add {host.cable} mtu {self.mtu} type veth peer name eth0 mtu {self.mtu} netns {pid}",
            f"link set {host.cable} master {SWITCH}",
            f"link set {host.cable} up",
        )
        host.ip(
            f"addr add {host.address}/24 dev eth0",
            f"addr add {host.address6}/64 dev eth0 nodad",
            "link set eth0 up",
            f"route add default via {self.outside.address}",
            f"route add default via {self.outside.address6}",
        )
        return host

    def __len__(self) -> int:
        return len(self._hosts)

    def __getitem__(self, index: Any) -> Any:
        return self._hosts[index]

    def cut(self, *hosts: Host) -> None:
        """Pull the cables: packets vanish, and the hosts don't see why."""
        self.outside.ip(*(f"link set {host.cable} nomaster" for host in hosts))

    def heal(self, *hosts: Host) -> None:
        """Plug the cables in again."""
        self.outside.ip(*(f"link set {host.cable} master {SWITCH}" for host in hosts))

    def part(self, some: Sequence[Host], others: Sequence[Host]) -> None:
        """No packet passes between the two groups any more, until `rejoin`. Adds to what is parted already."""
        pairs = [f'"{a.cable}" . "{b.cable}", "{b.cable}" . "{a.cable}"' for a in some for b in others]
        self._nft(f"{_PARTED}add element bridge parted pairs {{ {', '.join(pairs)} }}\n")

    def rejoin(self) -> None:
        """Everybody reaches everybody again."""
        self._nft("table bridge parted\ndelete table bridge parted\n")

    def _nft(self, text: str) -> None:
        with self.outside.entered():
            done = subprocess.run(["nft", "-f", "-"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def slow(self, host: Host, rate: str | None, latency_ms: int = 200, burst: str = "16kb") -> None:
        """Let a host's cable carry at most `rate` ("1mbit") each way; None = as fast as it can.

        burst: what passes at once. Below 64 kB the kernel cuts what it sends into single packets, which costs the CPU
        thirty times as much as on a network card that does so itself
        """
        for place, device in ((self.outside, host.cable), (host, "eth0")):
            place.exec("tc", "qdisc", "del", "dev", device, "root", check=False)
            if rate is not None:
                shape = ("tbf", "rate", rate, "burst", burst, "latency", f"{latency_ms}ms")
                place.exec("tc", "qdisc", "add", "dev", device, "root", *shape)

    def kill(self, host: Host) -> None:
        """The whole machine is gone at once: its engine, its containers, everything. `host.engine.start` boots it."""
        host.end_processes()
        if host.engine.process is not None:
            host.engine.process.wait()
        shutil.rmtree(host.engine.run, ignore_errors=True)

    def start(self) -> Self:
        """Start every engine."""
        for host in self._hosts:
            host.engine.start()
        return self

    def close(self) -> None:
        """Everything away. Raises: AssertionError when something of it would have been left on the machine"""
        with ExitStack() as stack:
            stack.callback(self.outside.close)
            stack.callback(self.outside.end_processes)
            stack.callback(self.outside.end_spawned)
            for host in self._hosts:
                stack.callback(host.close)
                stack.callback(host.end_processes)
                stack.callback(self._close_engine, host)
                stack.callback(host.end_spawned)

    def _close_engine(self, host: Host) -> None:
        engine = host.engine
        try:
            if engine.process is None:
                return
            self.heal(host)
            self.slow(host, None)
            if engine.process.poll() is not None:
                engine.start()
            engine.call("POST", "/swarm/leave?force=1")
            engine.close()
        finally:
            shutil.rmtree(engine.base, ignore_errors=True)


@contextmanager
def hosts(
    count: int,
    *flags: str,
    images: str = "busybox",
    mtu: int = 1500,
    names: Sequence[str] = (),
    module: str = HostEngine.module,
) -> Iterator[Farm]:
    """Started hosts with images.

    images: "busybox" | "stand-ins" (tests.support.stand_ins.IMAGES) | "" = none. module: that is run as shoald
    """
    if os.geteuid() != 0:
        pytest.skip("needs root: real namespaces, mounts and networks")
    template = prepared_root(images) if images else None
    farm = Farm(count, *flags, mtu=mtu, names=names)
    try:
        for host in farm:
            host.engine.module = module
            if template is not None:
                copy_root(template, host.engine.root)
        yield farm.start()
    finally:
        farm.close()


@functools.cache
def prepared_root(images: str) -> Path:
    """The root of an engine that has these images and nothing else; made once a session."""
    with EngineProcess(*_NO_REGISTRY) as engine:
        archive = engine.base / "images.tar"
        if images == "busybox":
            busybox_archive(archive)
        else:
            archive = stand_in_archive()
        engine.shoal("load", "--quiet", "-i", str(archive))
        engine.stop()
        kept = leftovers.new_folder("hr") / "root"
        _copy_tree(engine.root, kept)
        engine.start()
    atexit.register(shutil.rmtree, kept.parent, ignore_errors=True)
    return kept


def copy_root(template: Path, root: Path) -> None:
    """A root of its own with the template's images. Blobs and layers are hard links: nobody writes to them."""
    _copy_tree(template, root)
    for name in ("lock", "engine-id"):
        (root / name).unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(root / "shoal.db")) as database, database:
        database.execute("DELETE FROM networks")  # their bridges carry the other engine's name


def _copy_tree(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    linked = ("blobs", "layers")
    copied = [str(path) for path in source.iterdir() if path.name not in linked]
    subprocess.run(["cp", "-a", *copied, str(target)], check=True)
    subprocess.run(["cp", "-al", *(str(source / name) for name in linked), str(target)], check=True)


def _setns(descriptor: int, kind: int) -> None:
    if _libc.setns(descriptor, kind) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _new_hostname(name: str) -> int:
    """A descriptor of a new UTS namespace with this hostname."""
    home = os.open("/proc/thread-self/ns/uts", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.unshare(CLONE_NEWUTS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            _libc.sethostname(name.encode(), len(name.encode()))
            return os.open("/proc/thread-self/ns/uts", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            _setns(home, CLONE_NEWUTS)
    finally:
        os.close(home)
