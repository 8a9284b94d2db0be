"""An event loop whose clock jumps: nothing waits, everything happens in the order of its time."""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

#: turns in a row without waiting: more is a loop that never waits
_MAX_AT_ONCE = 200_000
_TURN_S = 1e-9  #: a turn takes time, as on a real clock: what is due "in 1e-16 s" does come


class Stuck(Exception):
    """Nothing is ready and nothing will ever be, or something always is, without waiting."""


class _NoFiles(selectors.BaseSelector):
    """Waits by moving the clock. No descriptor is ever watched: the simulated world has none."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.pass_time(timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        raise NotImplementedError("the simulated world has no files")

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        raise KeyError(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}

    def close(self) -> None:
        pass


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on a virtual clock that begins at 0.

    Callbacks that are ready at one moment run in the order in which they became so, as on a real loop; chance comes
    from the world alone, so a run is a function of its seed.
    """

    def __init__(self) -> None:
        self._now_s = 0.0
        self._at_once = 0
        super().__init__(_NoFiles(self))
        self._clock_resolution = 1e-6  # coarser than what adding up seconds loses

    def time(self) -> float:
        """Virtual seconds."""
        return self._now_s

    def pass_time(self, timeout_s: float | None) -> None:
        """The clock goes to the next timer. Raises: Stuck when there is none"""
        if timeout_s is None:
            raise Stuck("nothing is ready and no timer is set")
        self._now_s += max(timeout_s, _TURN_S)
        self._at_once = self._at_once + 1 if timeout_s <= _TURN_S else 0
        if self._at_once > _MAX_AT_ONCE:
            self._at_once = 0
            raise Stuck(f"at {self._now_s:.6f} s something is ready again and again, without waiting")

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Carried out at once: threads would bring an order of their own."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - raised by whoever awaits it
            future.set_exception(error)
        return future

    # The real loop wakes itself through a pair of sockets; here nothing comes from outside.
    def _make_self_pipe(self) -> None: ...
    def _close_self_pipe(self) -> None: ...
    def _write_to_self(self) -> None: ...
