"""Clients that ask a web server all the time, and remember what went wrong."""

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.deadlines import patient


class Asking:
    """answers: {body: how often}    faults: what went wrong, as text"""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: Counter[str] = Counter()
        self.faults: list[str] = []
        self._over = threading.Event()
        self._counting = threading.Lock()

    @property
    def count(self) -> int:
        return sum(self.answers.values())

    def run(self) -> None:
        """A fresh connection for each request, until it is over."""
        while not self._over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patient(10))
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
                    self.faults.append(repr(error))
            finally:
                connection.close()

    def stop(self) -> None:
        self._over.set()


@contextmanager
def asking(port: int, clients: int = 3) -> Iterator[Asking]:
    """Clients at work while the block runs."""
    asked = Asking(port)
    threads = [threading.Thread(target=asked.run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield asked
    finally:
        asked.stop()
        for thread in threads:
            thread.join()
