"""Reading, freezing and removing containers' cgroups, v1 and v2.

A cgroup is named by one path ("/shoal/<id>"); on v1 it is that path in every hierarchy. All calls block for
microseconds (`remove` and `freeze` longer: they wait for the kernel).
"""

import errno
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from shoal.errors import DriverError
from shoal.model.usage import BlockUsage, CpuUsage, MemoryUsage

#: v1 says "no limit" with the largest number of whole pages
NO_LIMIT_V1 = 1 << 62
_POLL_S = 0.002
_TRIES = 1000
_CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")


@dataclass(frozen=True, slots=True)
class Mounts:
    """Where the cgroup hierarchies are mounted.

    unified: of v2 where it is the only one, else None
    v1: {controller: mount point}, named hierarchies as "name=systemd"
    """

    unified: Path | None = None
    v1: Mapping[str, Path] = field(default_factory=dict)


def parse_mounts(mountinfo: str) -> Mounts:
    """The hierarchies of /proc/self/mountinfo; on a hybrid tree only v1 counts. Source: proc(5)"""
    unified: Path | None = None
    v1: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, tail = left.split(), right.split()
        if len(fields) < 5 or len(tail) < 3:
            continue
        point = Path(fields[4].replace("\\040", " "))
        if tail[0] == "cgroup2":
            unified = unified or point
        elif tail[0] == "cgroup":
            for option in tail[2].split(","):
                if option in _CONTROLLERS or option.startswith("name="):
                    v1.setdefault(option, point)
    return Mounts(v1=v1) if v1 else Mounts(unified=unified)


def host_mounts() -> Mounts:
    """The hierarchies of this host. Raises: DriverError when there are none"""
    mounts = parse_mounts(Path("/proc/self/mountinfo").read_text())
    if mounts.unified is None and not mounts.v1:
        raise DriverError("no cgroup file system is mounted", hint="mount -t cgroup2 none /sys/fs/cgroup")
    return mounts


class Cgroups:
    """The containers' cgroups of one host."""

    def __init__(self, mounts: Mounts) -> None:
        self._mounts = mounts
        self.version = 2 if mounts.unified else 1

    def dirs(self, cgroup: str) -> Sequence[Path]:
        """The directories of `cgroup`, one per hierarchy, whether they exist or not."""
        roots = [self._mounts.unified] if self._mounts.unified else dict.fromkeys(self._mounts.v1.values())
        return [root / cgroup.lstrip("/") for root in roots if root]

    def _dir(self, controller: str, cgroup: str) -> Path:
        root = self._mounts.unified or self._mounts.v1.get(controller)
        return (root or Path("/nonexistent")) / cgroup.lstrip("/")

    # -- processes -----------------------------------------------------------

    def processes(self, cgroup: str) -> list[int]:
        """Host pids in `cgroup` and below, in ascending order."""
        top = self._dir("pids", cgroup)
        if not self._mounts.unified and not top.is_dir():
            top = self._dir("devices", cgroup)
        pids: set[int] = set()
        for folder, _, _ in os.walk(top):
            pids.update(int(pid) for pid in _read(Path(folder) / "cgroup.procs").split())
        return sorted(pids)

    # -- limits --------------------------------------------------------------

    def make_room(self, cgroup: str, limit_bytes: int) -> None:
        """Memory in use brought below a limit that is about to be set. Raises: DriverError when it can't be

        v1 refuses a limit below what is in use, v2 sets it and kills. Hence on v2 the memory is asked back first, with
        the limit that never kills.
        """
        folder = self._dir("memory", cgroup)
        if not self._mounts.unified or _number(folder / "memory.current") <= limit_bytes:
            return
        before = _read(folder / "memory.high").strip() or "max"
        try:
            (folder / "memory.high").write_text(str(limit_bytes))
            used = _number(folder / "memory.current")
            if used > limit_bytes:
                raise DriverError(f"unable to set memory limit to {limit_bytes} (current usage: {used})")
        except OSError as error:
            raise DriverError(f"can't set the memory limit of cgroup {cgroup}: {error.strerror}") from error
        finally:
            with suppress(OSError):
                (folder / "memory.high").write_text(before)

    # -- freezing ------------------------------------------------------------

    def freeze(self, cgroup: str, *, deadline_s: float = 10) -> None:
        """Every process stopped. Raises: DriverError when one can't be within `deadline_s`; then none is"""
        end = time.monotonic() + deadline_s
        self._set_frozen(cgroup, True)
        while not self.is_frozen(cgroup):
            if time.monotonic() > end:
                self._set_frozen(cgroup, False)
                raise DriverError(f"can't freeze cgroup {cgroup} within {deadline_s} s")
            time.sleep(_POLL_S)
            if not self._mounts.unified:  # v1 may stay in FREEZING until told again
                self._set_frozen(cgroup, True)

    def thaw(self, cgroup: str) -> None:
        """Every process runs again."""
        self._set_frozen(cgroup, False)

    def _set_frozen(self, cgroup: str, frozen: bool) -> None:
        folder = self._dir("freezer", cgroup)
        try:
            if self._mounts.unified:
                (folder / "cgroup.freeze").write_text("1" if frozen else "0")
            else:
                (folder / "freezer.state").write_text("FROZEN" if frozen else "THAWED")
        except OSError as error:
            raise DriverError(f"can't {'freeze' if frozen else 'thaw'} cgroup {cgroup}: {error.strerror}") from error

    def is_frozen(self, cgroup: str) -> bool:
        """True when all of its processes are stopped."""
        folder = self._dir("freezer", cgroup)
        if self._mounts.unified:
            return _flat(_read(folder / "cgroup.events")).get("frozen") == 1
        return _read(folder / "freezer.state").strip() == "FROZEN"

    # -- removing ------------------------------------------------------------

    def remove(self, cgroup: str, *, deadline_s: float = 5) -> None:
        """Kill what is still in `cgroup` and remove it with all below. Raises: DriverError when it stays busy"""
        end = time.monotonic() + deadline_s
        for folder in self.dirs(cgroup):
            while not _remove_tree(folder):
                if time.monotonic() > end:
                    raise DriverError(f"can't remove cgroup {folder}: still in use")
                self._kill_all(cgroup)
                time.sleep(_POLL_S)
        if not self._mounts.unified:
            remove_hidden(cgroup)

    def remove_if_empty(self, cgroup: str) -> None:
        """Remove `cgroup` where nothing is in it."""
        for folder in self.dirs(cgroup):
            with suppress(OSError):
                os.rmdir(folder)
        if not self._mounts.unified:
            remove_hidden(cgroup)

    def remove_unused(self, cgroup: str) -> None:
        """Remove `cgroup` and those below, as far as no process is in them. Raises: DriverError"""
        for folder in self.dirs(cgroup):
            _remove_tree(folder)
        if not self._mounts.unified:
            for below in _subdirs(_hidden(cgroup)):
                remove_hidden(f"{cgroup}/{below.name}")
            remove_hidden(cgroup)

    def _kill_all(self, cgroup: str) -> None:
        for pid in self.processes(cgroup):
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        with suppress(DriverError):
            self.thaw(cgroup)  # frozen ones die when they thaw, without a step more

    # -- reading -------------------------------------------------------------

    def oom_kills(self, cgroup: str) -> int:
        """How many processes the kernel killed there for memory."""
        folder = self._dir("memory", cgroup)
        name = "memory.events" if self._mounts.unified else "memory.oom_control"
        return _flat(_read(folder / name)).get("oom_kill", 0)

    def cpu(self, cgroup: str) -> CpuUsage:
        """CPU time and throttling."""
        stat = _flat(_read(self._dir("cpu", cgroup) / "cpu.stat"))
        if self._mounts.unified:
            return CpuUsage(
                total_ns=stat.get("usage_usec", 0) * 1000,
                user_ns=stat.get("user_usec", 0) * 1000,
                system_ns=stat.get("system_usec", 0) * 1000,
                periods=stat.get("nr_periods", 0),
                throttled_periods=stat.get("nr_throttled", 0),
                throttled_ns=stat.get("throttled_usec", 0) * 1000,
            )
        folder = self._dir("cpuacct", cgroup)
        return CpuUsage(
            total_ns=_number(folder / "cpuacct.usage"),
            user_ns=_number(folder / "cpuacct.usage_user"),
            system_ns=_number(folder / "cpuacct.usage_sys"),
            per_cpu_ns=tuple(int(n) for n in _read(folder / "cpuacct.usage_percpu").split()),
            periods=stat.get("nr_periods", 0),
            throttled_periods=stat.get("nr_throttled", 0),
            throttled_ns=stat.get("throttled_time", 0),
        )

    def memory(self, cgroup: str) -> MemoryUsage:
        """Memory and its limit."""
        folder = self._dir("memory", cgroup)
        details = _flat(_read(folder / "memory.stat"))
        if self._mounts.unified:
            return MemoryUsage(
                usage_bytes=_number(folder / "memory.current"),
                limit_bytes=_number(folder / "memory.max"),
                failures=_flat(_read(folder / "memory.events")).get("max", 0),
                details=details,
            )
        limit = _number(folder / "memory.limit_in_bytes")
        return MemoryUsage(
            usage_bytes=_number(folder / "memory.usage_in_bytes"),
            max_usage_bytes=_number(folder / "memory.max_usage_in_bytes"),
            limit_bytes=0 if limit >= NO_LIMIT_V1 else limit,
            failures=_number(folder / "memory.failcnt"),
            details=details,
        )

    def pids(self, cgroup: str) -> tuple[int, int]:
        """(processes and threads now, limit or 0)."""
        folder = self._dir("pids", cgroup)
        return _number(folder / "pids.current"), _number(folder / "pids.max")

    def blocks(self, cgroup: str) -> tuple[tuple[BlockUsage, ...], tuple[BlockUsage, ...]]:
        """(bytes, operations) per device and kind."""
        folder = self._dir("blkio", cgroup)
        if self._mounts.unified:
            return parse_io_stat(_read(folder / "io.stat"))
        both = []
        for name in ("io_service_bytes", "io_serviced"):
            text = _read(folder / f"blkio.bfq.{name}_recursive")
            lines = parse_blkio(text)
            both.append(lines or parse_blkio(_read(folder / f"blkio.throttle.{name}_recursive")))
        return both[0], both[1]


def parse_blkio(text: str) -> tuple[BlockUsage, ...]:
    """Lines of a v1 file: "8:0 Read 4096". The totals are left out as Docker does for the sum of all devices."""
    usages = []
    for fields in (line.split() for line in text.splitlines()):
        if len(fields) == 3 and ":" in fields[0]:
            major, minor = fields[0].split(":")
            usages.append(BlockUsage(int(major), int(minor), fields[1].lower(), int(fields[2])))
    return tuple(usages)


def parse_io_stat(text: str) -> tuple[tuple[BlockUsage, ...], tuple[BlockUsage, ...]]:
    """(bytes, operations) of v2's io.stat: "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 …"."""
    sizes, operations = [], []
    for fields in (line.split() for line in text.splitlines()):
        if not fields or ":" not in fields[0]:
            continue
        major, minor = (int(n) for n in fields[0].split(":"))
        values = dict(pair.split("=", 1) for pair in fields[1:] if "=" in pair)
        for key, op in (("rbytes", "read"), ("wbytes", "write")):
            sizes.append(BlockUsage(major, minor, op, int(values.get(key, 0))))
        for key, op in (("rios", "read"), ("wios", "write")):
            operations.append(BlockUsage(major, minor, op, int(values.get(key, 0))))
    return tuple(sizes), tuple(operations)


def remove_hidden(cgroup: str) -> None:
    """Where the v2 mount of a hybrid tree is hidden, crun makes plain files in its place and forgets them."""
    folder = _hidden(cgroup)
    for _ in range(_TRIES):
        with suppress(OSError):
            (folder / "cgroup.procs").unlink(missing_ok=True)
            folder.rmdir()
            return
        if not (folder / "cgroup.procs").exists():  # else a `crun exec` that came late has just written it again
            return


def _hidden(cgroup: str) -> Path:
    return Path("/sys/fs/cgroup/unified", cgroup.strip("/"))


def _remove_tree(folder: Path) -> bool:
    """True when `folder` is gone; False when it is busy. rmdir is the only way to remove a cgroup."""
    try:
        os.rmdir(folder)
        return True
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENOTEMPTY):
            raise DriverError(f"can't remove cgroup {folder}: {error.strerror}") from error
    return all([_remove_tree(below) for below in _subdirs(folder)]) and _is_gone(folder)


def _is_gone(folder: Path) -> bool:
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _subdirs(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            below = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return iter(())
    return iter(below)


def _read(path: Path) -> str:
    """The file's text; "" where this kernel does not have it, or the cgroup has just gone."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _number(path: Path) -> int:
    """The number in a file; 0 for "max" and for what is not there."""
    text = _read(path).strip()
    return int(text) if text.isdigit() else 0


def _flat(text: str) -> dict[str, int]:
    """Lines "key value" as a dict."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].lstrip("-").isdigit()}
