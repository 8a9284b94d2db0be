"""Output of several containers, line by line, each with the name of the one that wrote it: `web-1  | hello`."""

from __future__ import annotations

import threading

from shoal.cli.compose.show.colours import paint, rainbow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO


class LogLines:
    """Writes whole lines; may be used by several threads.

    names: known from the start; their longest sets the width, a longer one that comes later widens it
    """

    def __init__(
        self, out: TextIO, err: TextIO, names: Iterable[str] = (), *, has_prefix: bool = True, is_coloured: bool = False
    ) -> None:
        self._streams = {1: out, 2: err}
        self._has_prefix = has_prefix
        self._is_coloured = is_coloured
        self._colours: dict[str, str] = {}
        self._rainbow = rainbow()
        self._rest: dict[tuple[str, int], bytes] = {}
        self._width = 0
        self._lock = threading.Lock()
        for name in names:
            self._know(name)

    def write(self, name: str, stream: int, data: bytes) -> None:
        """Write the lines that `data` completes. stream: 1 or 2."""
        with self._lock:
            *lines, rest = (self._rest.pop((name, stream), b"") + data).split(b"\n")
            if rest:
                self._rest[name, stream] = rest
            self._write_lines(name, stream, lines)

    def end(self, name: str) -> None:
        """Write what `name` has written since its last line end."""
        with self._lock:
            for stream in (1, 2):
                rest = self._rest.pop((name, stream), b"")
                if rest:
                    self._write_lines(name, stream, [rest])

    def say(self, name: str, text: str) -> None:
        """Write a line about `name`, in its colour: `web-1 exited with code 0`."""
        with self._lock:
            self._know(name)
            line = f"{name} {text}"
            self._streams[1].write((paint(line, self._colours[name]) if self._is_coloured else line) + "\n")
            self._streams[1].flush()

    def _write_lines(self, name: str, stream: int, lines: list[bytes]) -> None:
        if not lines:
            return
        prefix = self._prefix(name)
        target = self._streams[stream if stream in self._streams else 1]
        target.write("".join(f"{prefix}{line.decode('utf-8', 'replace')}\n" for line in lines))
        target.flush()

    def _prefix(self, name: str) -> str:
        if not self._has_prefix:
            return ""
        self._know(name)
        # one more than the longest name: so do Compose's columns
        text = f"{name:<{self._width + 1}} | "
        return paint(text, self._colours[name]) if self._is_coloured else text

    def _know(self, name: str) -> None:
        if name not in self._colours:
            self._colours[name] = next(self._rainbow)
            self._width = max(self._width, len(name))
