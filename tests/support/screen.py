"""A terminal: what a program writes to it is shown as people see it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence

_MOVE = re.compile(r"(\d*)([A-Za-z])")


class Screen:
    """The lines that stand on a terminal after texts with moves up and down (`\\x1b[2A`) and erasures (`\\x1b[2K`)."""

    def __init__(self) -> None:
        self._rows = [""]
        self._row = 0
        self._column = 0

    @property
    def lines(self) -> list[str]:
        return [row.rstrip() for row in self._rows]

    def feed(self, text: str) -> "Screen":
        head, *moves = text.split("\x1b[")
        self._write(head)
        for piece in moves:
            found = _MOVE.match(piece)
            assert found, f"not a move that this terminal knows: {piece[:10]!r}"
            self._move(int(found[1] or 1), found[2])
            self._write(piece[found.end() :])
        return self

    def _move(self, count: int, letter: str) -> None:
        if letter == "K":
            self._rows[self._row] = ""
        elif letter in "AB":
            self._go_to(self._row + (count if letter == "B" else -count))

    def _go_to(self, row: int) -> None:
        self._row = max(row, 0)
        self._rows += [""] * (self._row + 1 - len(self._rows))

    def _write(self, text: str) -> None:
        for char in text:
            if char == "\n":
                self._go_to(self._row + 1)
            elif char == "\r":
                self._column = 0
            else:
                row = self._rows[self._row].ljust(self._column)
                self._rows[self._row] = row[: self._column] + char + row[self._column + 1 :]
                self._column += 1


def on_terminal(argv: Sequence[str], env: Mapping[str, str], *, columns: int = 160, timeout_s: float = 60) -> list[str]:
    """The lines that stand on a terminal after a program has run on it. Raises: AssertionError where it fails"""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen(list(argv), env=env, stdin=side, stdout=side, stderr=side) as process:
        os.close(side)
        data = b""
        guard = threading.Timer(timeout_s, process.kill)
        guard.start()
        try:
            while chunk := os.read(main, 65536):
                data += chunk
        except OSError:
            pass  # Linux's way to say that nobody has the terminal any more
        finally:
            os.close(main)
            status = process.wait()
            guard.cancel()
    text = data.decode()
    assert status == 0, text
    return Screen().feed(text).lines
