"""Clients that ask a web server all the time, and remember what went wrong."""

import http.client
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from tests.support.deadlines import patient


class Asking:
    """answers: {body: how often}    faults: what went wrong, as text"""

    def __init__(self, port: int, addresses: Sequence[str]) -> None:
        self.port = port
        self.addresses = addresses
        self.answers: Counter[str] = Counter()
        self.faults: list[str] = []
        self._over = threading.Event()
        self._counting = threading.Lock()

    @property
    def count(self) -> int:
        return sum(self.answers.values())

    def run(self, place: Callable[[], AbstractContextManager[object]]) -> None:
        """A fresh connection for each request, until it is over."""
        with place():
            self._run()

    def _run(self) -> None:
        for address in itertools.cycle(self.addresses):
            if self._over.is_set():
                return
            connection = http.client.HTTPConnection(address, self.port, timeout=patient(10))
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                body = response.read().decode().strip()
                with self._counting:
                    self.answers[body] += 1
                    if response.status != 200:
                        self.faults.append(f"status {response.status}")
            except (OSError, http.client.HTTPException) as error:
                with self._counting:
                    self.faults.append(f"{address}: {error!r}")
            finally:
                connection.close()

    def stop(self) -> None:
        self._over.set()


@contextmanager
def asking(
    port: int,
    clients: int = 3,
    *,
    addresses: Sequence[str] = ("127.0.0.1",),
    place: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Iterator[Asking]:
    """Clients at work while the block runs, each asking all addresses in turn. place: where they are"""
    asked = Asking(port, addresses)
    threads = [threading.Thread(target=asked.run, args=(place,)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield asked
    finally:
        asked.stop()
        for thread in threads:
            thread.join()
