"""What an engine has made on this machine, as a set of lines that can be compared: after an operation was undone, the
same lines must be there as before it, whatever happened in between."""

import contextlib
import os
import re
import sqlite3
import subprocess
from pathlib import Path

from tests.support.engine import EngineProcess, wait_for

#: what comes and goes by itself, or is written over and over
_MARKS = "unsynced"  #: go with the next sync
_PASSING = ("shoal.db", "lock", "engine-id", "index.json", "shoald.", "netd.", "shoal.sock", "mountns", "oci-layout")
_DEEP = ("layers", "volumes", "snapshots", "containers", "buildcache")  #: below these one level is told
_COUNTERS = re.compile(r"packets \d+ bytes \d+")


def traces(engine: EngineProcess) -> frozenset[str]:
    """Files, mounts, links, firewall, cgroups and processes of a running engine."""
    pid_file = engine.run / "shoald.pid"
    assert pid_file.exists(), f"the engine does not run:\n{engine.log.read_text()[-3000:]}"
    pid = int(pid_file.read_text())
    return frozenset(
        [
            *_files(engine),
            *_rows(engine),
            *_mounts(engine, pid),
            *_links(engine),
            *_firewall(engine),
            *_processes(engine),
        ]
    )


def _rows(engine: EngineProcess) -> list[str]:
    """How many records of each kind there are; ids differ from one try to the next."""
    with contextlib.closing(sqlite3.connect(f"file:{engine.root}/shoal.db?mode=ro", uri=True)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return [f"rows {name} {db.execute(f'SELECT count(*) FROM {name}').fetchone()[0]}" for name in sorted(tables)]


def _files(engine: EngineProcess) -> list[str]:
    found = []
    for top in (engine.root, engine.run):
        for folder, names, files in os.walk(top):
            where = Path(folder).relative_to(top)
            if where.parts == (_MARKS,):
                names.clear()
                continue
            if where.parts and where.parts[0] in _DEEP:
                found += [f"{top.name}/{where}/{name}" for name in names]
                names.clear()
                continue
            found += [f"{top.name}/{where}/{name}" for name in files if not name.startswith(_PASSING)]
    return found


def _mounts(engine: EngineProcess, pid: int) -> list[str]:
    lines = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    return [f"mount {line.split()[4]}" for line in lines if str(engine.base) in line.split()[4]]


def _links(engine: EngineProcess) -> list[str]:
    lines = _output("ip", "-o", "link").splitlines()
    return [f"link {line.split()[1].partition('@')[0]}" for line in lines if engine.tag in line.split()[1]]


def _firewall(engine: EngineProcess) -> list[str]:
    found = []
    for family in ("ip", "ip6"):
        text = _output("nft", "list", "table", family, f"shoal{engine.tag}")
        found += [f"nft {family} {line.strip()}" for line in _COUNTERS.sub("", text).splitlines()]
    return found


def _processes(engine: EngineProcess) -> list[str]:
    """Supervisors, the namespaces that netd holds open, and what runs below the engine's cgroups."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
            if os.path.basename(words[0]) == "conmon" and any(str(engine.base) in word for word in words):
                found.append(f"supervisor {next(word for word in words if word.startswith('--cid='))}")
            if "shoal.drivers.netd" in words and str(engine.run / "netd.sock") in words:
                found += [f"netd holds {n}" for n in range(_held(int(pid)))]
    for top in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()):
        with contextlib.suppress(OSError):
            found += [f"cgroup {entry.path}" for entry in os.scandir(top / f"shoal{engine.tag}") if entry.is_dir()]
    return found


def _held(netd: int) -> int:
    """How many network namespaces a netd has open."""
    return sum(os.readlink(entry.path).startswith("net:") for entry in os.scandir(f"/proc/{netd}/fd"))


def _output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def wait_until_as(engine: EngineProcess, before: frozenset[str], timeout_s: float = 5.0) -> None:
    """Returns when the engine has left what it had `before`, no more and no less."""
    now = before

    def same() -> bool:
        nonlocal now
        now = traces(engine)
        return now == before

    try:
        wait_for("the same as before", same, timeout_s)
    except AssertionError:
        raise AssertionError(f"left over: {sorted(now - before)}; lost: {sorted(before - now)}") from None
