"""Writers of progress: on a terminal rows that change in place, else a line for each change, or JSON, or nothing."""

from __future__ import annotations

import os
import threading
import time

from shoal.cli.compose.show.rows import Rows
from shoal.client.apply.progress import Phase, Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self, TextIO

MODES = ("auto", "tty", "plain", "json", "quiet")
_REDRAW_S = 0.1


class Writer:
    """Shows nothing; the others are made of it. A context manager: the end of the block is the end of the show."""

    def report(self, progress: Progress) -> None:
        """Show one step; called by several threads."""

    def close(self) -> None:
        """Show the end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class PlainWriter(Writer):
    """A line for each change, as Compose writes them to a file: ` Network app_default  Creating`."""

    def __init__(self, stream: TextIO, prefix: str = "") -> None:
        self._stream = stream
        self._prefix = prefix
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str], str] = {}

    def report(self, progress: Progress) -> None:
        with self._lock:
            text = self._changed(progress)
            if text:
                self._stream.write(f"{self._prefix} {text}\n")
                self._stream.flush()

    def _changed(self, progress: Progress) -> str:
        """The line, "" where the same was said before (a transfer tells its bytes many times a second)."""
        if progress.detail:
            return f"{progress.subject}  {progress.detail.rstrip()}"
        key = (progress.subject, progress.part)
        if self._last.get(key) == progress.status:
            return ""
        self._last[key] = progress.status
        warning = "Warning " if progress.phase == Phase.WARNING else ""
        return f"{progress.part or progress.subject} {'' if progress.part else ' '}{warning}{progress.status}"


class JsonWriter(Writer):
    """A JSON value a line: `{"id":"Network app_default","status":"Creating"}`."""

    def __init__(self, stream: TextIO, *, dry_run: bool = False) -> None:
        self._stream = stream
        self._dry_run = dry_run
        self._lock = threading.Lock()

    def report(self, progress: Progress) -> None:
        import json

        value: dict[str, object] = {"dry-run": True} if self._dry_run else {}
        value["id"] = progress.part or progress.subject
        if progress.part:
            value["parent_id"] = progress.subject
        if progress.phase == Phase.ERROR:
            value["error"] = True
        value["status"] = progress.status
        if progress.detail:
            value["text"] = progress.detail
        if progress.total_bytes:
            value.update(current=progress.current_bytes, total=progress.total_bytes)
        with self._lock:
            self._stream.write(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n")
            self._stream.flush()


class TtyWriter(Writer):
    """Rows on a terminal, drawn anew ten times a second while something works, and once at the end."""

    def __init__(self, stream: TextIO, title: str, *, is_coloured: bool = True) -> None:
        self._stream = stream
        self._rows = Rows(title)
        self._is_coloured = is_coloured
        self._lock = threading.Lock()
        self._drawn = 0
        self._is_closed = False
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    def report(self, progress: Progress) -> None:
        with self._lock:
            self._rows.take(progress, time.monotonic())
            if self._ticker is None:
                self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
                self._ticker.start()

    def close(self) -> None:
        self._stop.set()
        if self._ticker is not None:
            self._ticker.join()
            self._ticker = None
        if self._rows and not self._is_closed:
            self._draw()
        self._is_closed = True

    def _tick(self) -> None:
        while not self._stop.wait(_REDRAW_S):
            self._draw()

    def _draw(self) -> None:
        columns, height = _terminal_size(self._stream)
        with self._lock:
            now_s = time.monotonic()
            lines = self._rows.lines(now_s, columns=columns, height=height, is_coloured=self._is_coloured)
            back = f"\x1b[{self._drawn}A" if self._drawn else ""
            # the cursor is hidden while it jumps; what a shorter picture leaves behind is cleared
            self._stream.write(
                "\x1b[?25l" + back + "\r" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J\x1b[?25h"
            )
            self._stream.flush()
            self._drawn = len(lines)


def _terminal_size(stream: TextIO) -> tuple[int, int]:
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return 80, 24
    return size.columns or 80, size.lines or 24


def make_writer(mode: str, stream: TextIO, title: str, *, is_coloured: bool, dry_run: bool = False) -> Writer:
    """The writer for a mode that is not auto."""
    if mode == "quiet":
        return Writer()
    if mode == "json":
        return JsonWriter(stream, dry_run=dry_run)
    if mode == "tty":
        return TtyWriter(stream, title, is_coloured=is_coloured)
    return PlainWriter(stream, " DRY-RUN MODE - " if dry_run else "")
