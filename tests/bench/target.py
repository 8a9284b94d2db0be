"""An engine to be measured: its socket and the command line that talks to it."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM
from socket import socket as Socket
from typing import Any

import msgspec


class _Connection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = Socket(AF_UNIX, SOCK_STREAM)
        self.sock.connect(self._path)


@dataclass(slots=True)
class Target:
    """name: in the table; cli: what is put before "run", "exec", …; pid: of the engine, 0 where unknown."""

    name: str
    socket: str
    cli: Sequence[str]
    pid: int = 0
    _connection: _Connection | None = None

    @property
    def env(self) -> dict[str, str]:
        host = f"unix://{self.socket}"
        return {**os.environ, "SHOAL_HOST": host, "DOCKER_HOST": host}

    def run(self, *args: str, cwd: Path | None = None) -> str:
        """stdout of a whole command."""
        done = subprocess.run(
            [*self.cli, *args], env=self.env, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(args)}: exit {done.returncode}: {done.stderr[-2000:]}")
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
            raise RuntimeError(f"{self.name}: {method} {path}: {response.status} {raw[:500]!r}")
        return msgspec.json.decode(raw) if raw.strip().startswith((b"{", b"[")) else raw

    def remove_all(self) -> None:
        """Remove all containers."""
        for container in self.call("GET", "/containers/json?all=1"):
            self.call("DELETE", f"/containers/{container['Id']}?force=1&v=1")
