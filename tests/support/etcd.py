"""Real etcd processes with the flags of a manager's member: on free ports of the loopback, in folders of their own."""

import json
import os
import secrets
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from shoal.drivers.cluster.etcd_member import MemberSettings
from tests.support.deadlines import patient
from tests.support.ports import free_ports


def member_settings(base: Path, name: str = "one", scheme: str = "http") -> MemberSettings:
    """A member below `base`."""
    peer, client = free_ports(2)
    return MemberSettings(
        name=name,
        cluster_id=secrets.token_hex(6),
        data=base / name,
        listen_peer=f"{scheme}://127.0.0.1:{peer}",
        peer_url=f"{scheme}://127.0.0.1:{peer}",
        client_url=f"{scheme}://127.0.0.1:{client}",
    )


class EtcdProcess:
    """One member that a test kills, stops and starts again."""

    def __init__(self, settings: MemberSettings, initial_cluster: str = "") -> None:
        self.settings = settings
        self._argv = settings.argv(initial_cluster, is_existing=False)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with self.settings.data.with_suffix(".out").open("ab") as log:
            self._process = subprocess.Popen(self._argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def end(self, number: int = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(patient(10))
            self._process = None

    def freeze(self) -> None:
        """It is there, and does nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def status(self) -> dict[str, Any]:
        """Source: etcd, /v3/maintenance/status"""
        request = urllib.request.Request(f"{self.settings.client_url}/v3/maintenance/status", data=b"{}")
        with urllib.request.urlopen(request, timeout=2) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def is_leader(self) -> bool:
        status = self.status()
        return status.get("leader") == status["header"]["member_id"]

    def wait_ready(self) -> None:
        deadline = time.monotonic() + patient(20)
        while True:
            with suppress(OSError):
                if self.status().get("leader"):
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(self.settings.data.with_suffix(".out").read_text()[-2000:])
            time.sleep(0.05)


@contextmanager
def etcd_processes(base: Path, count: int) -> Iterator[Sequence[EtcdProcess]]:
    """So many members of one cluster, ready."""
    settings = [replace(member_settings(base, f"m{number}"), cluster_id="tests") for number in range(count)]
    initial = ",".join(f"{one.name}={one.peer_url}" for one in settings)
    members = [EtcdProcess(one, initial) for one in settings]
    try:
        for member in members:
            member.start()
        for member in members:
            member.wait_ready()
        yield members
    finally:
        for member in members:
            member.end()
