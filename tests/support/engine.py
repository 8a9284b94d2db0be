"""A real shoald with a root of its own, for integration and e2e tests.

with EngineProcess(tmp) as engine:      # started, ready, socket at engine.socket
    engine.kill()                       # SIGKILL, as a crash
    engine.start()
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM
from socket import socket as Socket
from typing import Any, Self, TypeVar

from tests.support import leftovers
from tests.support.deadlines import patient

T = TypeVar("T")

READY_S = 20.0


def wait_for(what: str, check: Callable[[], T], timeout_s: float = 10.0) -> T:
    """The first truthy result of `check`, asked again and again until the deadline."""
    timeout_s = patient(timeout_s)
    deadline = time.monotonic() + timeout_s
    while True:
        if result := check():
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.02)


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=patient(timeout_s))
        self._path = path

    def connect(self) -> None:
        self.sock = Socket(AF_UNIX, SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def call_at(
    socket: Path, method: str, path: str, body: Any = None, timeout_s: float = 60, **headers: str
) -> tuple[int, Any]:
    """(status, decoded JSON, or bytes) of one API call. `body`: bytes as they are, else JSON."""
    connection = _UnixConnection(socket, timeout_s)
    try:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/x-tar" if isinstance(body, bytes) else "application/json"
        connection.request(method, path, data, {"Content-Type": kind, "Connection": "close", **headers})
        response = connection.getresponse()
        raw = response.read()
    finally:
        connection.close()
    with contextlib.suppress(ValueError):
        return response.status, json.loads(raw) if raw else None
    return response.status, raw


class EngineProcess:
    """One shoald. Root and run directories are short: UNIX sockets end at 108 bytes."""

    module = "shoal.daemon"  #: what `python -m` runs

    def __init__(self, *flags: str, base: Path | None = None) -> None:
        self.base = leftovers.note(base) if base else leftovers.new_folder("sh")
        self.root = self.base / "root"
        self.run = self.base / "run"
        self.socket = self.run / "shoal.sock"
        self.log = self.base / "shoald.log"
        self.flags = flags
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and wait until it answers."""
        argv = [sys.executable, "-m", self.module, "--root", str(self.root), "--run", str(self.run)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*argv, "--log-level", "debug", *self.flags], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        wait_for("shoald answers", self._answers, READY_S)
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"shoald ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
        with contextlib.suppress(OSError):
            return self.call("GET", "/_ping")[0] == 200
        return False

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patient(30))

    def kill(self) -> None:
        """SIGKILL: a crash."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(patient(10))

    @property
    def env(self) -> dict[str, str]:
        """For clients: SHOAL_HOST and DOCKER_HOST name this engine."""
        host = f"unix://{self.socket}"
        return {**os.environ, "SHOAL_HOST": host, "DOCKER_HOST": host, "DOCKER_CONFIG": str(self.base / "docker")}

    def shoal(
        self, *args: str, check: bool = True, timeout_s: float = 120, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run the CLI against this engine; stdout and stderr as text."""
        return self._run([sys.executable, "-m", "shoal.cli.main", *args], check, timeout_s, options)

    def docker(
        self, *args: str, check: bool = True, timeout_s: float = 120, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run the real docker CLI against this engine."""
        return self._run(["docker", *args], check, timeout_s, options)

    def _run(
        self, argv: Sequence[str], check: bool, timeout_s: float, options: dict[str, Any]
    ) -> subprocess.CompletedProcess[str]:
        options.setdefault("env", self.env)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=patient(timeout_s), check=False, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(argv[-6:])}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def call(self, method: str, path: str, body: Any = None, timeout_s: float = 60, **headers: str) -> tuple[int, Any]:
        """As `call_at`, on this engine."""
        return call_at(self.socket, method, path, body, timeout_s, **headers)

    def load(self, archive: Path) -> None:
        """Load an image archive."""
        status, answer = self.call("POST", "/images/load?quiet=1", archive.read_bytes())
        assert status == 200 and b"errorDetail" not in json.dumps(answer).encode() + bytes(str(answer), "utf8"), answer

    def remove_everything(self) -> None:
        """Remove all containers, networks and volumes."""
        for container in self.call("GET", "/containers/json?all=1")[1]:
            self.call("DELETE", f"/containers/{container['Id']}?force=1&v=1")
        for network in self.call("GET", "/networks")[1]:
            if network["Name"] not in ("bridge", "host", "none"):
                self.call("DELETE", f"/networks/{network['Id']}")
        for volume in self.call("GET", "/volumes")[1]["Volumes"]:
            self.call("DELETE", f"/volumes/{volume['Name']}?force=1")

    def close(self) -> None:
        """Remove everything, stop, and check that nothing of it is left on the machine."""
        if self.process is not None and self.process.poll() is not None:
            self.start()
        try:
            self.remove_everything()
            self.stop()
        finally:
            if self.process is not None and self.process.poll() is None:
                self.kill()
            self._wait_gone()
            left = self.leftovers()
            shutil.rmtree(self.base, ignore_errors=True)
        assert not left, f"left behind: {left}"

    def _wait_gone(self) -> None:
        """The kernel takes a moment to let go of namespaces and links."""
        deadline = time.monotonic() + patient(5)
        while self.leftovers() and time.monotonic() < deadline:
            time.sleep(0.05)

    @property
    def run_inside(self) -> Path:
        """The run directory with what the engine has mounted in it."""
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/root{self.run}")

    @property
    def tag(self) -> str:
        """What this engine puts into names of host objects."""
        return leftovers.tag_of(self.base)

    def leftovers(self) -> list[str]:
        """Processes, mounts, links, nft tables and cgroups of this engine that are still there."""
        return leftovers.of_engine(self.base)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.close()


@contextlib.contextmanager
def engine_with_busybox(*flags: str) -> Iterator[EngineProcess]:
    """A started engine that has the image busybox:latest."""
    from tests.support.images import busybox_archive

    with EngineProcess(*flags) as engine:
        archive = engine.base / "busybox.tar"
        busybox_archive(archive)
        engine.load(archive)
        yield engine
