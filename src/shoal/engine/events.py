"""The event bus: the only thing that travels up."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from shoal.model.event import Event

HISTORY = 4096
QUEUE = 10_000


class Events:
    """Publishes events to any number of subscribers and keeps the newest ones.

    A subscriber that does not read for QUEUE events is dropped: its iterator ends.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self.counts: Counter[tuple[str, str]] = Counter()  #: {(type, action): how many since the start}
        self._history: deque[Event] = deque(maxlen=HISTORY)
        self._subscribers: set[asyncio.Queue[Event | None]] = set()

    def publish(
        self, type: str, action: str, actor: str, attributes: Mapping[str, str] | None = None, *, scope: str = "local"
    ) -> None:
        """Tell every subscriber. `at` is now."""
        now = self._now_ns()
        event = Event(type=type, action=action, actor=actor, attributes=dict(attributes or {}), at=now, scope=scope)
        self.counts[type, action.partition(":")[0]] += 1  # the rest of an exec's action is its command
        self._history.append(event)
        for queue in list(self._subscribers):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self._subscribers.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)

    @property
    def listeners(self) -> int:
        """How many subscribers there are."""
        return len(self._subscribers)

    def history(self) -> Sequence[Event]:
        """The newest events, oldest first."""
        return list(self._history)

    @contextmanager
    def subscribe(self) -> Iterator[AsyncIterator[Event]]:
        """Every event published from now on; nothing between the call and the first read is lost."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE)
        self._subscribers.add(queue)
        try:
            yield self._read(queue)
        finally:
            self._subscribers.discard(queue)

    def close(self) -> None:
        """End every subscriber's iterator."""
        for queue in list(self._subscribers):
            self._subscribers.discard(queue)
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    @staticmethod
    async def _read(queue: "asyncio.Queue[Event | None]") -> AsyncIterator[Event]:
        while (event := await queue.get()) is not None:
            yield event
