"""The user's terminal while a container's process owns it: raw mode, window size, detach keys, signals."""

from __future__ import annotations

import os
import signal
import sys

from shoal.cli.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, TracebackType
    from typing import Any

    from shoal.client.streams import Hijacked

DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q"
_PROXIED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCONT")
_CONTROL = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}
_INPUT_CHUNK_BYTES = 32768
_PATIENCE = 3


class RawTerminal:
    """Standard input in raw mode while the block runs."""

    def __enter__(self) -> RawTerminal:
        import termios
        import tty

        self._before = termios.tcgetattr(0)
        tty.setraw(0, termios.TCSADRAIN)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        import termios

        termios.tcsetattr(0, termios.TCSADRAIN, self._before)


def terminal_size() -> tuple[int, int]:
    """(rows, columns) of the terminal; (0, 0) where there is none."""
    for descriptor in (1, 0, 2):
        try:
            size = os.get_terminal_size(descriptor)
        except OSError:
            continue
        return size.lines, size.columns
    return 0, 0


def follow_size(resize: Callable[[int, int], object], *, is_redrawn: bool = False) -> None:
    """Call `resize` with rows and columns now, and again whenever the window changes.

    is_redrawn: another size first, so that the program in the container notices a change and draws itself anew
    """
    import threading

    from shoal.errors import ShoalError

    def tell(more_rows: int = 0) -> None:
        rows, columns = terminal_size()
        if rows and columns:
            try:
                resize(rows + more_rows, columns)
            except ShoalError:
                return  # the process has ended meanwhile: nothing to size

    def on_change(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=tell, daemon=True).start()

    signal.signal(signal.SIGWINCH, on_change)
    if is_redrawn:
        tell(more_rows=1)
    tell()


def proxy_signals(kill: Callable[[str], object]) -> None:
    """Hand the signals that this program gets to the container; `kill` is called with a name such as "SIGTERM".

    Whoever asks three times for an end gets one, of this program alone: the process may not listen to signals.
    """
    from shoal.errors import ShoalError

    def send(name: str) -> None:
        try:
            kill(name)
        except ShoalError as error:
            sys.stderr.write(f"error sending {name}: {error}\n")

    asked = 0

    def on_signal(number: int, frame: FrameType | None) -> None:
        import threading  # 3 ms that most commands do without

        nonlocal asked
        asked += number in (signal.SIGINT, signal.SIGTERM)
        if asked == _PATIENCE:
            write_all(2, f"\ngot {_PATIENCE} SIGTERM/SIGINTs, forcefully exiting\n".encode())
            os._exit(1)
        threading.Thread(target=send, args=(signal.Signals(number).name,), daemon=True).start()

    for name in _PROXIED:
        signal.signal(getattr(signal, name), on_signal)


def parse_detach_keys(text: str) -> bytes:
    """The bytes that "ctrl-p,ctrl-q" stands for. Raises: UsageError."""
    keys = bytearray()
    for key in (text or DEFAULT_DETACH_KEYS).split(","):
        if len(key) == 1 and key.isascii():
            keys.append(ord(key))
        elif key.startswith("ctrl-") and len(key) == 6:
            letter = key[5]
            if "a" <= letter <= "z":
                keys.append(ord(letter) - ord("a") + 1)
            elif letter in _CONTROL:
                keys.append(_CONTROL[letter])
            else:
                raise UsageError(f"invalid detach keys ({text}) provided")
        else:
            raise UsageError(f"invalid detach keys ({text}) provided")
    return bytes(keys)


class KeyWatch:
    """Finds the detach keys in what is typed; keys that begin the sequence are held back until it is clear."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._matched = 0

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """(bytes to send on, whether the sequence is complete)."""
        out = bytearray()
        for byte in data:
            if byte == self._keys[self._matched]:
                self._matched += 1
                if self._matched == len(self._keys):
                    return bytes(out), True
                continue
            out += self._keys[: self._matched]
            self._matched = 1 if byte == self._keys[0] else 0
            if not self._matched:
                out.append(byte)
        return bytes(out), False


class Session:
    """Standard streams connected to a container's.

    has_input: standard input is sent, and its end half-closes the connection
    detach_keys: that end the session while the container runs on; b"" = none
    """

    def __init__(self, stream: Hijacked, *, has_input: bool, detach_keys: bytes = b"") -> None:
        self._stream = stream
        self._has_input = has_input
        self._watch = KeyWatch(detach_keys) if detach_keys else None
        self.is_detached = False

    def run(self) -> None:
        """Copy until the container's output ends, or the detach keys are typed."""
        if self._has_input:
            import threading

            threading.Thread(target=self._copy_input, daemon=True).start()
        copy_frames(self._stream.frames())
        self._stream.close()

    def _copy_input(self) -> None:
        try:
            while data := os.read(0, _INPUT_CHUNK_BYTES):
                is_end = False
                if self._watch is not None:
                    data, is_end = self._watch.feed(data)
                if data:
                    self._stream.write(data)
                if is_end:
                    self.is_detached = True
                    self._stream.close()
                    return
            self._stream.close_write()
        except OSError:
            return  # the container's side is closed: its output ends the session


def copy_frames(frames: Iterator[tuple[int, bytes]]) -> None:
    """Write (1 | 2, bytes) to standard output and error."""
    for stream, data in frames:
        write_all(2 if stream == 2 else 1, data)


def write_all(descriptor: int, data: bytes) -> None:
    """Write `data` whole, also where the descriptor does not block."""
    view: Any = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            import select

            select.select((), (descriptor,), ())
