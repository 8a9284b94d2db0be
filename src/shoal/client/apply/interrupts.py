"""Ctrl-C as a call at a place of our choice, in place of an exception between any two steps."""

from __future__ import annotations

import contextlib
import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interrupts(told: Callable[[], None] | None) -> Iterator[None]:
    """Within, the first Ctrl-C calls `told`; the next does what it did before, which is to raise KeyboardInterrupt.

    told: must be safe to call between any two steps, as `SimpleQueue.put` is; with None nothing changes

    Only the main thread is ever interrupted; in others nothing changes. A SIGTERM that the program handles counts too.
    """
    if told is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: handler for number in _SIGNALS if callable(handler := signal.getsignal(number))}

    def first(_number: int, _frame: FrameType | None) -> None:
        give_back()
        told()

    def give_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, first)
    try:
        yield
    finally:
        give_back()
