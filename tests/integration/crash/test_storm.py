"""`kill -9` again and again at random moments, while several clients work: what was running never notices."""

import contextlib
import os
import random
import signal
import threading
import time
from pathlib import Path

from tests.support.builds import context
from tests.support.crashing import CrashingEngine
from tests.support.engine import wait_for
from tests.support.running import Node
from tests.support.traces import traces, wait_until_as

SECONDS = 6.0
COUNT = "i=0; while :; do echo $i; i=$((i+1)); usleep 5000; done"


class Client(threading.Thread):
    """Makes, uses and removes a container of its own until the end; keeps what must not have happened."""

    def __init__(self, engine: CrashingEngine, number: int, until: float) -> None:
        super().__init__()
        self._engine = engine
        self._name = f"client{number}"
        self._random = random.Random(number)
        self._until = until
        self.wrong: list[object] = []
        self.calls = 0

    def run(self) -> None:
        while time.monotonic() < self._until:
            ends = self._random.random() < 0.4
            host = {
                "NetworkMode": "app",
                "Binds": ["data:/data"],
                "PortBindings": {"80/tcp": [{"HostPort": ""}]},
                "AutoRemove": self._random.random() < 0.3,
            }
            command = ["sh", "-c", f"sleep 0.{self._random.randint(0, 9)}; exit 3"] if ends else ["sleep", "1000"]
            body = {"Image": "busybox", "Cmd": command, "Volumes": {"/anonymous": {}}, "HostConfig": host}
            self._do("POST", f"/containers/create?name={self._name}", {**body, "ExposedPorts": {"80/tcp": {}}})
            if self._do("POST", f"/containers/{self._name}/start") == 204 and not ends:
                self._must_run()
            for verb in ("pause", "unpause", "restart?t=0", "stop?t=0"):
                if self._random.random() < 0.5:
                    self._do("POST", f"/containers/{self._name}/{verb}")
            self._do("DELETE", f"/containers/{self._name}?force=1&v=1")

    def _do(self, method: str, path: str, body: object = None) -> int:
        status, answer = self._engine.attempt(method, path, body)
        self.calls += 1
        if status >= 500:
            self.wrong.append((method, path, status, answer))
        if not status:
            time.sleep(0.03)
        return status

    def _must_run(self) -> None:
        """A start that was answered holds, whatever happens to the engine."""
        status, found = self._engine.attempt("GET", f"/containers/{self._name}/json")
        if status == 200 and not found["State"]["Running"]:
            self.wrong.append(found["State"])


def kill_engine(engine: CrashingEngine) -> bool:
    """Whether it lived."""
    with contextlib.suppress(OSError):
        pid = engine.pid
        if pid and b"crashing_daemon" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def test_a_storm_of_kills(crashing: CrashingEngine) -> None:
    node = Node(crashing)
    crashing.remove_everything()
    crashing.docker("network", "create", "app")
    crashing.docker("volume", "create", "data")
    steady = node.run("sh", "-c", COUNT, name="steady", host={"NetworkMode": "app"})
    pid = node.state(steady)["Pid"]
    before = traces(crashing)
    until = time.monotonic() + SECONDS
    clients = [Client(crashing, number, until) for number in range(3)]
    for client in clients:
        client.start()
    kills, chance = 0, random.Random(7)
    while time.monotonic() < until:
        crashing.attempt("POST", "/build?t=app:1", context(f"FROM busybox\nRUN echo {kills} >/x\nCOPY Dockerfile /y\n"))
        time.sleep(chance.uniform(0.0, 0.5))
        kills += kill_engine(crashing)
    for client in clients:
        client.join()
    wait_for("shoald answers", crashing._answers, 20)
    assert [wrong for client in clients for wrong in client.wrong] == []
    assert kills > 3 and sum(client.calls for client in clients) > 50
    assert node.state(steady)["Pid"] == pid

    assert crashing.bystander is not None
    crashing.bystander.check()
    for container in node.list(all=1):
        if container["Id"] not in (steady, *crashing.bystander.pids):
            crashing.call("DELETE", f"/containers/{container['Id']}?force=1&v=1")
    crashing.call("POST", "/volumes/prune")
    crashing.call("DELETE", "/images/app:1?force=1")
    crashing.call("POST", "/build/prune?all=1")
    crashing.call("POST", "/images/prune")
    wait_until_as(crashing, before)
    node.post(steady, "kill")
    node.wait_state(steady, Status="exited")
    lines = crashing.docker("logs", steady).stdout.split()
    assert lines == [str(number) for number in range(len(lines))] and len(lines) > 200
    crashing.remove_everything()
