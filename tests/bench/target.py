"""An engine to be measured: its socket and the command line that talks to it."""

import json
import os
import struct
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, SO_PEERCRED, SOCK_STREAM, SOL_SOCKET
from socket import socket as Socket
from typing import Any
from urllib.parse import quote

import msgspec

#: What the bench makes carries this label; nothing else is ever removed.
LABEL = "shoal.bench"


class _Connection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = Socket(AF_UNIX, SOCK_STREAM)
        self.sock.connect(self._path)


@dataclass(slots=True)
class Target:
    """name: in the table; cli: what is put before "run", "exec", …"""

    name: str
    socket: str
    cli: Sequence[str]
    _connection: _Connection | None = None
    _loaded: list[str] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        host = f"unix://{self.socket}"
        return {**os.environ, "SHOAL_HOST": host, "DOCKER_HOST": host}

    @property
    def pid(self) -> int:
        """Of the process that listens on the socket; of systemd (1) where that does it for the engine."""
        with Socket(AF_UNIX, SOCK_STREAM) as sock:
            sock.connect(self.socket)
            size = struct.calcsize("3i")
            return int(struct.unpack("3i", sock.getsockopt(SOL_SOCKET, SO_PEERCRED, size))[0])

    def run(self, *args: str, cwd: Path | None = None) -> str:
        """stdout of a whole command."""
        done = subprocess.run(
            [*self.cli, *args], env=self.env, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(args)}: exit {done.returncode}: {done.stderr[-500:].strip()}")
        return done.stdout

    def time_run(self, *args: str, cwd: Path | None = None) -> float:
        """Seconds that a whole command takes."""
        start = time.perf_counter()
        self.run(*args, cwd=cwd)
        return time.perf_counter() - start

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One API call on a connection that stays open."""
        if self._connection is None:
            self._connection = _Connection(self.socket)
        data = None if body is None else msgspec.json.encode(body)
        self._connection.request(method, path, data, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        raw = response.read()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {raw[:500]!r}")
        return msgspec.json.decode(raw) if raw.strip().startswith((b"{", b"[")) else raw

    def start(self, image: str, *command: str, name: str = "", **host: Any) -> str:
        """Id of a container that was made and started over the API. host: fields of HostConfig"""
        body = {"Image": image, "Labels": {LABEL: "1"}, "HostConfig": host}
        made = self.call("POST", f"/containers/create{f'?name={name}' if name else ''}", body | _command(command))["Id"]
        self.call("POST", f"/containers/{made}/start")
        return str(made)

    def remove(self, container: str) -> None:
        self.call("DELETE", f"/containers/{container}?force=1&v=1")

    def remove_all(self) -> None:
        """Remove the containers and networks that the bench made."""
        filters = _filters(label=LABEL)
        for container in self.call("GET", f"/containers/json?all=1&{filters}"):
            self.remove(container["Id"])
        for network in self.call("GET", f"/networks?{filters}"):
            self.call("DELETE", f"/networks/{network['Id']}")

    def prune_images(self) -> None:
        """Remove what builds of the bench have left without a name."""
        self.call("POST", f"/images/prune?{_filters(label=LABEL, dangling='true')}")

    def answers(self) -> bool:
        """Whether an engine is there; one that was killed leaves its socket."""
        try:
            self.call("GET", "/_ping")
        except (OSError, RuntimeError):
            return False
        return True

    def has_image(self, name: str) -> bool:
        try:
            self.call("GET", f"/images/{name}/json")
        except RuntimeError:
            return False
        return True

    def load_missing(self, archive: Path, *names: str) -> None:
        """Load the archive where an image is missing; `unload` takes away again what came."""
        if missing := [name for name in names if not self.has_image(name)]:
            self.run("load", "-q", "-i", str(archive))
            self._loaded += missing

    def unload(self) -> None:
        """Remove the images that were loaded for the bench."""
        for name in self._loaded:
            self.call("DELETE", f"/images/{name}?force=1")
        self._loaded.clear()


def _filters(**wanted: str) -> str:
    return "filters=" + quote(json.dumps({key: [value] for key, value in wanted.items()}))


def _command(words: Sequence[str]) -> dict[str, Any]:
    return {"Cmd": list(words)} if words else {}
