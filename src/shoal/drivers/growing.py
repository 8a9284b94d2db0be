"""A file that one thread writes and others read from its beginning meanwhile.

The disk is the buffer between them: a slow reader costs no memory and never holds the writer up.
"""

import os
import threading

from shoal.errors import DriverError

READ_BYTES = 256 << 10  #: at once: what was just written is still near the CPU, and stays there


class Growth:
    """How far a new blob has come."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._size_bytes = 0
        self._is_ended = False
        self.digest = ""

    def advance(self, size_bytes: int) -> None:
        """So much more is in the file."""
        with self._changed:
            self._size_bytes += size_bytes
            self._changed.notify_all()

    def end(self, digest: str) -> None:
        """Nothing more comes: the blob is whole, or was given up ("")."""
        with self._changed:
            self._is_ended, self.digest = True, digest
            self._changed.notify_all()

    def wait_beyond(self, at: int) -> int:
        """How many bytes there are after the first `at`; 0 at the end of a whole blob. Raises: DriverError"""
        with self._changed:
            while self._size_bytes <= at and not self._is_ended:
                self._changed.wait()
            if self._is_ended and not self.digest:
                raise DriverError("the blob broke off while it was read")
            return self._size_bytes - at


class GrowingFile:
    """`contracts.blobs.IncomingBlob` on the file that a sink writes."""

    def __init__(self, path: str, growth: Growth) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._growth = growth
        self._at = 0

    @property
    def digest(self) -> str:
        """Of the whole; "" while it is not whole."""
        return self._growth.digest

    def read(self, size: int = -1, /) -> bytes:
        """See the contract."""
        there = self._growth.wait_beyond(self._at)
        data = os.read(self._fd, min(there, size if size >= 0 else there, READ_BYTES))
        self._at += len(data)
        return data

    def close(self) -> None:
        """Read no more."""
        os.close(self._fd)
