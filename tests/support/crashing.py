"""`kill -9` of an engine at each step of an operation, one step after the other."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.crashing_daemon import write_order
from tests.support.engine import EngineProcess, wait_for
from tests.support.images import busybox_archive

MOST_STEPS = 200
READY_S = 20.0


class CrashingEngine(EngineProcess):
    """An engine that dies at a step of our choice and is started again at once (see crashing_daemon)."""

    module = "tests.support.crashing_daemon"

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
        return steps.partition("\n")[0]


@contextmanager
def crashing_engine() -> Iterator[CrashingEngine]:
    """A started one, with busybox."""
    with CrashingEngine() as engine:
        archive = engine.base / "busybox.tar"
        busybox_archive(archive)
        engine.load(archive)
        yield engine
