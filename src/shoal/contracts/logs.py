"""Containers' logs: written by each run's supervisor, read by the engine.

A log is a file that a container's runs append to, with older files beside it (`log.1` is newer than `log.2`). The
writer goes on when the engine dies, so a reader that starts anew finds every line. A **record** is what was written of
one line: all of it, or a piece of a line that was not ended (yet) or is very long; pieces of a line follow each other
within their stream. A reader sees every record once, in order of writing, across a change of files.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol


class LogRecord(NamedTuple):
    """stream: STDOUT or STDERR; time: RFC 3339 in UTC with nanoseconds; data: with its newline where the line ends"""

    stream: int
    time: bytes
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which records are wanted.

    since, until: ns since the epoch, UTC; 0 = from the beginning, to the end
    tail: at most that many lines of those that are there; None = all; 0 = only what is yet to come
    follow: read on until this is set and all is read that was written by then; None = stop at the end
    """

    stdout: bool = True
    stderr: bool = True
    since: int = 0
    until: int = 0
    tail: int | None = None
    follow: asyncio.Event | None = None


class Logs(Protocol):
    """Reads logs."""

    def open(self, path: Path, query: LogQuery) -> AbstractAsyncContextManager[AsyncIterator[Sequence[LogRecord]]]:
        """The records that `query` asks for, in batches, oldest first; none where there is no log.

        Where it begins is settled when the context is entered.
        """
        ...
