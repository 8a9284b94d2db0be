"""The state of what is shown on a terminal: a row for each subject, and their text."""

from __future__ import annotations

from dataclasses import dataclass, field

from shoal.cli.compose.show.colours import BLUE, DIM, GREEN, RED, YELLOW, paint
from shoal.cli.units import ellipsis, size_text
from shoal.client.apply.progress import Phase, Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Painter = Callable[[str, str], str]

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BAR = " ⡀⣀⣄⣤⣦⣶⣷⣿"
_MARKS = {Phase.DONE: ("✔", GREEN), Phase.WARNING: ("!", YELLOW), Phase.ERROR: ("✘", RED)}
_STATUS_COLOURS = {Phase.DONE: GREEN, Phase.WARNING: YELLOW, Phase.ERROR: RED}
_BAR_WIDTH, _LEAST_WIDTH = 10, 40


@dataclass(slots=True)
class Row:
    """One subject. parts: {layer id: its last progress}; ended_s: 0 while it works."""

    subject: str
    started_s: float
    status: str = ""
    phase: Phase = Phase.WORKING
    ended_s: float = 0.0
    detail: str = ""
    parts: dict[str, Progress] = field(default_factory=dict)

    def take(self, progress: Progress, now_s: float) -> None:
        """Change with what is told about the subject."""
        if progress.part:
            self.parts[progress.part] = progress
            return
        self.detail = progress.detail
        self.status, self.phase = progress.status, progress.phase
        self.ended_s = 0.0 if progress.phase == Phase.WORKING else now_s


class Rows:
    """All rows, in the order in which their subjects appeared."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._rows: dict[str, Row] = {}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def take(self, progress: Progress, now_s: float) -> None:
        """Change the row of the progress' subject."""
        row = self._rows.get(progress.subject)
        if row is None:
            row = self._rows[progress.subject] = Row(progress.subject, now_s)
        row.take(progress, now_s)

    def lines(self, now_s: float, *, columns: int, height: int, is_coloured: bool) -> list[str]:
        """The text of all rows below their title; the oldest finished ones are left out where `height` is too small."""
        rows = list(self._rows.values())
        done = sum(row.phase != Phase.WORKING for row in rows)
        title = f"[+] {self.title} {done}/{len(rows)}"
        painter = paint if is_coloured else _plain
        if done == len(rows):
            title = painter(title, BLUE)
        width = max((len(row.subject) for row in rows), default=0)
        shown = _fitting(rows, max(1, height - 2))
        return [title, *(_row_text(row, now_s, width, max(columns, _LEAST_WIDTH), painter) for row in shown)]


def _plain(text: str, _colour: str) -> str:
    return text


def _fitting(rows: list[Row], most: int) -> list[Row]:
    surplus = len(rows) - most
    if surplus <= 0:
        return rows
    kept = []
    for row in rows:
        if surplus > 0 and row.phase == Phase.DONE:
            surplus -= 1
        else:
            kept.append(row)
    return kept[-most:]


def _row_text(row: Row, now_s: float, width: int, columns: int, painter: Painter) -> str:
    elapsed_s = (row.ended_s or now_s) - row.started_s
    timer = f"{elapsed_s:.1f}s "
    spinner = (_SPINNER[int(elapsed_s * 10) % len(_SPINNER)], YELLOW)
    mark, mark_colour = _MARKS.get(row.phase, spinner)
    room = columns - 3 - width - 2 - len(timer) - 1
    status = ellipsis(_status_text(row), max(room, 8))
    detail = row.detail if row.phase == Phase.WORKING else ""
    more = ellipsis(detail, max(room - len(status) - 2, 0))
    used = 3 + width + 2 + len(status) + (2 + len(more) if more else 0)
    gap = " " * max(1, columns - used - len(timer))
    shown = painter(status, _STATUS_COLOURS.get(row.phase, "")) + (f"  {painter(more, DIM)}" if more else "")
    return f" {painter(mark, mark_colour)} {row.subject:<{width}}  {shown}{gap}{painter(timer, BLUE)}"


def _status_text(row: Row) -> str:
    if row.phase != Phase.WORKING or not row.parts:
        return row.status
    current = sum(part.total_bytes if part.phase == Phase.DONE else part.current_bytes for part in row.parts.values())
    total = sum(part.total_bytes for part in row.parts.values())
    bar = "".join(_cell(part) for part in list(row.parts.values())[:_BAR_WIDTH])
    amount = f" {size_text(current)}/{size_text(total)}" if total else ""
    return f"[{bar}]{amount} {row.status}"


def _cell(part: Progress) -> str:
    if part.phase == Phase.DONE:
        return _BAR[-1]
    share = part.current_bytes / part.total_bytes if part.total_bytes else 0.0
    return _BAR[min(int(share * len(_BAR)), len(_BAR) - 2)]
