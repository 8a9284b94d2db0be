"""The files of one log, and finding places in them. Blocking."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from shoal.drivers.logs.lines import TIME, ends_line, stream_of

_BLOCK = 64 * 1024
_MAX_FILES = 1000


def newest_first(path: Path) -> Iterator[Path]:
    """The log's files that exist: path, path.1, path.2, …"""
    if path.exists():
        yield path
    for number in range(1, _MAX_FILES):
        older = path.with_name(f"{path.name}.{number}")
        if not older.exists():
            # while files are renamed there is a hole for a moment
            if not path.with_name(f"{path.name}.{number + 1}").exists():
                return
            continue
        yield older


def open_all(path: Path) -> list[BinaryIO]:
    """The log's files opened, oldest first; each once, though they are renamed meanwhile."""
    files: dict[tuple[int, int], BinaryIO] = {}
    for name in newest_first(path):
        try:
            file = open(name, "rb", buffering=0)  # noqa: SIM115 - the caller closes it
        except FileNotFoundError:
            continue
        stat = os.fstat(file.fileno())
        if (stat.st_dev, stat.st_ino) in files:
            file.close()
        else:
            files[(stat.st_dev, stat.st_ino)] = file
    return list(reversed(files.values()))


def first_time(file: BinaryIO) -> bytes:
    """The time of a file's first record, by which files sort; b"" while it is empty."""
    return os.pread(file.fileno(), TIME, 0)


def find_time(file: BinaryIO, key: bytes, end: int) -> int:
    """Offset of the first record at or after `key`, by bisection; `end` where there is none. Cost: log of the size"""
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        start, line = _line_at(file, middle, end)
        if line is None or line[:TIME] >= key:
            high = middle
        else:
            low = start + len(line)
    return _line_at(file, low, end)[0] if low < end else end


def _line_at(file: BinaryIO, offset: int, end: int) -> tuple[int, bytes | None]:
    """The first whole line that begins at or after `offset`, with its newline; (end, None) where there is none."""
    position, block = (offset - 1, b"") if offset else (0, b"")
    begin = -1 if offset else 0
    while True:
        more = os.pread(file.fileno(), _BLOCK, position + len(block))
        block += more
        if begin < 0 and (found := block.find(b"\n")) >= 0:
            begin = found + 1
        if begin >= 0 and (stop := block.find(b"\n", begin)) >= 0:
            return position + begin, block[begin : stop + 1]
        if not more or position + len(block) > end + _BLOCK:
            return end, None


def find_tail(file: BinaryIO, lines: int, end: int, streams: set[int]) -> tuple[int, int]:
    """(offset, lines found) so that at most `lines` lines of `streams` follow the offset up to `end`.

    Cost: what follows the offset
    """
    found, open_streams = 0, set[int]()
    for start, line in _lines_backwards(file, end):
        stream = stream_of(line)
        if stream not in streams:
            continue
        if ends_line(line) or stream not in open_streams:
            if found == lines:
                return start + len(line) + 1, found
            found += 1
            open_streams.add(stream)
    return 0, found


def _lines_backwards(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """(offset, line without newline) from the last whole line to the first."""
    rest, position = b"", end
    first = True
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        block = os.pread(file.fileno(), size, position) + rest
        lines = block.split(b"\n")
        rest = lines[0]
        offset = position + len(block)
        for line in reversed(lines[1:]):
            offset -= len(line)
            if not first:  # what follows the last newline is not a whole line yet
                yield offset, line
            first = False
            offset -= 1
    if not first:
        yield 0, rest
