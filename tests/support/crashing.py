"""`kill -9` of an engine at each step of an operation, one step after the other.

Beside what is tried runs a bystander: containers that must never notice. They are looked at after each death.
"""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.bystander import Bystander
from tests.support.crashing_daemon import write_order
from tests.support.engine import EngineProcess, wait_for
from tests.support.images import busybox_archive

MOST_STEPS = 200
READY_S = 20.0


class CrashingEngine(EngineProcess):
    """An engine that dies at a step of our choice and is started again at once (see crashing_daemon)."""

    module = "tests.support.crashing_daemon"
    bystander: Bystander | None = None

    @property
    def order(self) -> Path:
        """The file that says when to die."""
        return self.base / "crash"

    @property
    def pid(self) -> int:
        """Of the engine itself, 0 while there is none."""
        try:
            return int((self.run / "shoald.pid").read_text() or 0)
        except FileNotFoundError:
            return 0

    def attempt(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """As `call`; (0, None) when the engine dies meanwhile."""
        try:
            return self.call(method, path, body, **headers)
        except (OSError, http.client.HTTPException):
            return 0, None

    def each_step(
        self, act: Callable[[], object], *, steps: str = "calls", stride: int = 1, twice: bool = False
    ) -> Iterator[str]:
        """Each step of `act` at which the engine was killed, then "" when it went through. The engine runs again.

        act: done once for each step; the caller undoes it before the next one
        stride: so many steps from one death to the next
        twice: it is killed once more while it repairs what the first death left
        """
        for turn in range(MOST_STEPS):
            before = self.pid
            write_order(self.order, steps, 1 + turn * stride, 1 + turn % 3 if twice else 0)
            act()
            step = self._settle(before)
            yield step
            if not step:
                return
        raise AssertionError(f"more than {MOST_STEPS} deaths")

    def each_effect(self, act: Callable[[], object], *, points: int) -> Iterator[str]:
        """As `each_step`, of "effects": first "", unbroken, then so many deaths spread over all that `act` does."""
        write_order(self.order, "effects", 0, 0)
        act()
        self.order.unlink()
        count_file = self.order.with_suffix(".count")
        count = int(count_file.read_text())
        yield ""
        last = points - 1
        for number in sorted({1 + (count - 1) * i // last for i in range(points)}):
            before = self.pid
            write_order(self.order, "effects", number, 0)
            act()
            yield self._settle(before)

    def remove_everything(self) -> None:
        """Remove all containers, networks and volumes but the bystander's."""
        self.remove_containers()
        for kind in ("networks", "volumes"):
            self.call("POST", f"/{kind}/prune?filters=%7B%22all%22%3A%5B%22true%22%5D%7D")

    def remove_containers(self) -> None:
        """Remove all containers but the bystander's."""
        for container in self.call("GET", "/containers/json?all=1")[1]:
            if self.bystander is None or container["Id"] not in self.bystander.pids:
                self.call("DELETE", f"/containers/{container['Id']}?force=1&v=1")

    def _settle(self, before: int) -> str:
        """Where it died, "" when it did not; nothing makes it die from now on."""
        note = self.order.with_suffix(".done")
        if not note.exists():
            self.order.unlink(missing_ok=True)
            if not note.exists():
                return ""
        wait_for("the next life", lambda: self._answers() and self.pid not in (0, before), READY_S)
        self.order.unlink(missing_ok=True)
        steps = note.read_text()
        note.unlink()
        if self.bystander is not None:
            self.bystander.check()
        return steps.partition("\n")[0]


@contextmanager
def crashing_engine() -> Iterator[CrashingEngine]:
    """A started one, with busybox."""
    # Subnets enough for many engines on one machine at a time.
    with CrashingEngine("--address-pool", "10.128.0.0/10:24") as engine:
        archive = engine.base / "busybox.tar"
        busybox_archive(archive)
        engine.load(archive)
        engine.bystander = bystander = Bystander(engine)
        try:
            yield engine
            bystander.end()
        finally:
            engine.bystander = None
