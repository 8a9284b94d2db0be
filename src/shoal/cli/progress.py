"""Progress of pulls, pushes, loads and builds as docker shows it: a line a layer on a terminal, else plain lines."""

from __future__ import annotations

import os

from shoal.cli.errors import PlainError
from shoal.cli.units import size_text4

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TextIO

_BAR_WIDTH, _MIN_COLUMNS_FOR_BAR = 50, 110


def show_messages(
    messages: Iterable[Mapping[str, Any]],
    out: TextIO,
    *,
    is_terminal: bool,
    on_aux: Callable[[Any], object] | None = None,
) -> None:
    """Show the engine's progress messages until they end.

    on_aux: called with the "aux" of messages that carry one (the id of a built image, the digest of a pushed one)
    Raises: PlainError with the message of the first one that carries an error
    """
    lines: dict[str, int] = {}
    for message in messages:
        if message.get("error") or message.get("errorDetail"):
            out.flush()
            detail = message.get("errorDetail") or {}
            raise PlainError(str(detail.get("message") or message.get("error")), hint=str(detail.get("hint") or ""))
        if "aux" in message:
            if on_aux is not None:
                on_aux(message["aux"])
            continue
        if is_terminal and message.get("id") and message.get("progressDetail") is not None:
            _show_in_place(message, lines, out)
            continue
        if "stream" not in message and (message.get("progressDetail") or message.get("progress")):
            continue  # a bar is of no use outside a terminal
        if is_terminal and "id" in message and not message.get("stream"):
            lines.clear()  # docker's: a line without progress starts a new block
        out.write(_plain_text(message))
        out.flush()
    out.flush()


def _plain_text(message: Mapping[str, Any]) -> str:
    if "stream" in message:
        return str(message["stream"])
    prefix = f"{message['id']}: " if message.get("id") else ""
    return f"{prefix}{message.get('status', '')}\n"


def _show_in_place(message: Mapping[str, Any], lines: dict[str, int], out: TextIO) -> None:
    name = str(message["id"])
    if name not in lines:
        lines[name] = len(lines)
        out.write("\n")
    up = len(lines) - lines[name]
    bar = progress_bar(message.get("progressDetail") or {}, _columns(out))
    text = f"{name}: {message.get('status', '')} {bar}".rstrip()
    out.write(f"\x1b[{up}A\x1b[2K\r{text}\r\x1b[{up}B")
    out.flush()


def progress_bar(detail: Mapping[str, Any], columns: int) -> str:
    """ "[====>     ]  1.2MB/5MB" of {"current": …, "total": …}; without the bar on narrow terminals."""
    current, total = int(detail.get("current") or 0), int(detail.get("total") or 0)
    if current <= 0 and total <= 0:
        return ""
    if detail.get("units"):
        return f"{current}/{total} {detail['units']}"
    if total <= 0:
        return f"{size_text4(current):>8}"
    filled = min(int(current / total * 100), 100) // 2
    numbers = f"{size_text4(current):>8}/{size_text4(total)}" if current <= total else f"{size_text4(current):>8}"
    if detail.get("hidecounts"):
        numbers = ""
    if columns <= _MIN_COLUMNS_FOR_BAR:
        return numbers.lstrip() if not filled else numbers
    return f"[{'=' * filled}>{' ' * (_BAR_WIDTH - filled)}] {numbers}"


def _columns(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns
    except (OSError, ValueError):
        return 200
