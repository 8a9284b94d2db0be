"""Memory, load and throughput: measured once, not timed against a clock again and again."""

import re
import subprocess
import time
from pathlib import Path

from tests.bench.target import Target


def _memory_kb(pid: int, field: str) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.M)
    return int(found[1]) if found else 0


def _supervisors() -> dict[int, int]:
    """PSS in kB of every conmon or shim, by pid."""
    found = {}
    for directory in Path("/proc").iterdir():
        try:
            if directory.name.isdigit() and (directory / "comm").read_text().strip() in ("conmon", "containerd-shim"):
                found[int(directory.name)] = _memory_kb(int(directory.name), "Pss")
        except OSError:
            continue
    return found


def memory(target: Target, containers: int = 50) -> dict[str, float]:
    """PSS of each running container beside its own process, and the engine's RSS, in MiB."""
    before_rss = _memory_kb(target.pid, "Rss")
    before_pss = _memory_kb(target.pid, "Pss")
    others = _supervisors()
    for _ in range(containers):
        body = {"Image": "busybox", "Cmd": ["sleep", "1000"]}
        made = target.call("POST", "/containers/create", body)["Id"]
        target.call("POST", f"/containers/{made}/start")
    supervisors = sum(pss for pid, pss in _supervisors().items() if pid not in others)
    growth = max(0, _memory_kb(target.pid, "Pss") - before_pss)
    rss = _memory_kb(target.pid, "Rss")
    target.remove_all()
    return {
        "supervisor PSS per container, MiB": supervisors / containers / 1024,
        "engine growth per container, MiB": growth / containers / 1024,
        "engine RSS idle, MiB": before_rss / 1024,
        f"engine RSS with {containers} containers, MiB": rss / 1024,
    }


def load_against_tar(target: Target, archive: Path, rootfs_tar: Path, work: Path) -> dict[str, float]:
    """Seconds to load an image, and for tar to unpack the same files."""
    folder = work / "untarred"
    folder.mkdir(exist_ok=True)
    start = time.perf_counter()
    subprocess.run(["tar", "-xf", str(rootfs_tar), "-C", str(folder)], check=True)
    tar_s = time.perf_counter() - start
    load_s = target.time_run("load", "-q", "-i", str(archive))
    return {"tar -x, s": tar_s, "load, s": load_s, "load / tar -x": load_s / tar_s}


def requests_per_second(url: str, netns_pid: int = 0, seconds: int = 3) -> float:
    """What wrk reaches, from the host or from inside a container's network."""
    argv = ["wrk", "-t1", "-c16", f"-d{seconds}s", url]
    if netns_pid:
        argv = ["nsenter", "-t", str(netns_pid), "-n", *argv]
    out = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    return float(found[1]) if found else 0.0
