"""Memory, loading of an image, throughput."""

import re
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.bench.rows import Row, Sample, Scenario
from tests.bench.scenarios import network
from tests.bench.target import LABEL, Target
from tests.support.images import image_archive

CONTAINERS = 50
WRK_S = 1
BASE_IMAGE, WEB_IMAGE = "debian:bookworm-slim", "nginx:alpine"


def memory_kb(pid: int, field: str) -> int:
    """A field of /proc/PID/smaps_rollup."""
    found = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    return int(found[1]) if found else 0


def _parent(pid: int) -> int:
    found = re.search(r"^PPid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(found[1]) if found else 0


def _engine_pids(target: Target) -> list[int]:
    """The engine and the process that keeps names and ports for it."""
    own, run = target.pid, str(Path(target.socket).parent)
    lines = subprocess.run(["pgrep", "-af", f"netd.*{re.escape(run)}/"], capture_output=True, text=True, check=False)
    return [own, *(int(line.split()[0]) for line in lines.stdout.splitlines())]


@contextmanager
def memory(target: Target, work: Path) -> Iterator[Sample]:
    """PSS of each running container beside its own process, and the engine's RSS, in MiB."""

    def once() -> tuple[float, ...]:
        target.remove(target.start("busybox", "sleep", "1000"))  # what only the first start needs
        before = sum(memory_kb(pid, "Pss") for pid in _engine_pids(target))
        made = [target.start("busybox", "sleep", "1000") for _ in range(CONTAINERS)]
        inits = [target.call("GET", f"/containers/{one}/json")["State"]["Pid"] for one in made]
        supervisors = {_parent(pid) for pid in inits}
        supervised = sum(memory_kb(pid, "Pss") for pid in supervisors) / len(made) / 1024
        growth = max(0, sum(memory_kb(pid, "Pss") for pid in _engine_pids(target)) - before) / len(made) / 1024
        rss = memory_kb(target.pid, "Rss") / 1024
        return supervised + growth, supervised, growth, rss

    with network(target):
        yield once


@contextmanager
def load(target: Target, work: Path) -> Iterator[Sample]:
    """Loading a Debian base image, as a multiple of what `tar -x` takes for the same files.

    Each time another image and another folder, removed at the end only: ext4 is slow to give out an inode number again
    that has just been freed, and that would be measured.
    """
    plain, archive = work / f"rootfs-{target.name}.tar", work / f"image-{target.name}.tar"
    _export(target, plain)
    names: list[str] = []

    def once() -> tuple[float, float, float]:
        names.append(f"bench-load:{len(names)}")
        folder = work / f"untarred-{target.name}-{len(names)}"
        folder.mkdir()
        with tarfile.open(plain, "a") as tar:
            tar.addfile(tarfile.TarInfo(f"etc/shoal-bench-{target.name}-{len(names)}"))
        image_archive(archive, names[-1], [plain.read_bytes()])
        start = time.perf_counter()
        subprocess.run(["tar", "--numeric-owner", "-xf", str(plain), "-C", str(folder)], check=True)
        tar_s = time.perf_counter() - start
        load_s = target.time_run("load", "-q", "-i", str(archive))
        return load_s / tar_s, load_s, tar_s

    try:
        yield once
    finally:
        for name in filter(target.has_image, names):
            target.call("DELETE", f"/images/{name}?force=1")


def _export(target: Target, path: Path) -> None:
    """The files of the base image as a tar."""
    made = target.call("POST", "/containers/create", {"Image": BASE_IMAGE, "Labels": {LABEL: "1"}})["Id"]
    try:
        target.run("export", "-o", str(path), made)
    finally:
        target.remove(made)


@contextmanager
def web_server(target: Target) -> Iterator[tuple[Mapping[str, str], str, list[str]]]:
    """({host address: published port}, its own address, argv that runs in another container's network) of an nginx."""
    with network(target) as name:
        server = target.start(WEB_IMAGE, NetworkMode=name, PortBindings={"80/tcp": [{"HostPort": ""}]})
        client = target.start("busybox", "sleep", "1000", NetworkMode=name)
        settings = target.call("GET", f"/containers/{server}/json")["NetworkSettings"]
        ports = {item["HostIp"] or "0.0.0.0": item["HostPort"] for item in settings["Ports"]["80/tcp"]}
        pid = target.call("GET", f"/containers/{client}/json")["State"]["Pid"]
        yield ports, settings["Networks"][name]["IPAddress"], ["nsenter", "-t", str(pid), "-n"]


@contextmanager
def throughput(target: Target, work: Path) -> Iterator[Sample]:
    """Requests per second of nginx, from another container and from the host through its published port."""
    with web_server(target) as (ports, address, inside):

        def once() -> tuple[float, ...]:
            direct = _requests_per_s(f"http://{address}/", *inside)
            host = _requests_per_s(f"http://{_own_address()}:{ports['0.0.0.0']}/")
            local = _requests_per_s(f"http://127.0.0.1:{ports['0.0.0.0']}/")
            return direct, host, local, local / host

        yield once


@contextmanager
def throughput_v6(target: Target, work: Path) -> Iterator[Sample]:
    """Requests per second through the published port on ::1."""
    with web_server(target) as (ports, _, _):

        def once() -> tuple[float, ...]:
            host = _requests_per_s(f"http://{_own_address()}:{ports['0.0.0.0']}/")
            local = _requests_per_s(f"http://[::1]:{ports['::']}/")
            return local, local / host

        yield once


def _requests_per_s(url: str, *before: str) -> float:
    """What wrk reaches with 16 connections that stay open."""
    argv = [*before, "wrk", "-t1", "-c16", f"-d{WRK_S}s", url]
    out = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    if not found or float(found[1]) == 0:
        raise RuntimeError(f"wrk {url}: no answers: {out[-300:]}")
    return float(found[1])


def _own_address() -> str:
    """The host's address on the way out; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("198.51.100.1", 9))
        return str(sock.getsockname()[0])


_RATE = {"unit": "req/s", "is_rate": True}
#: Equal but for noise: two medians of short runs on a busy machine differ by some per cent.
_AS_FAST = {"unit": "×", "is_rate": True, "goal": 0.95}

MEMORY = Scenario(
    (
        Row("memory per container besides its own, PSS", 0.6, "MiB"),
        Row("  of it: supervisor", unit="MiB"),
        Row("  of it: growth of the engine", unit="MiB"),
        Row(f"engine with {CONTAINERS} containers, RSS", 90, "MiB"),
    ),
    memory,
    1,
)
SCENARIOS = (
    Scenario(
        (
            Row("container to container", **_RATE),
            Row("host to published port, own address", **_RATE),
            Row("host to published port, 127.0.0.1", **_RATE),
            Row("  127.0.0.1 / own address", **_AS_FAST),
        ),
        throughput,
        20,
    ),
    Scenario(
        (
            Row("host to published port, [::1]", **_RATE),
            Row("  [::1] / own address", unit="×", is_rate=True),
        ),
        throughput_v6,
        5,
    ),
    Scenario(
        (
            Row("load of a Debian base image / tar -x of it", 1.5, "×"),
            Row("  load"),
            Row("  tar -x"),
        ),
        load,
        20,
    ),
)
