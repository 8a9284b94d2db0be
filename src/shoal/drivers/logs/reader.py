"""Reads a log from the right place, across its files, and follows it."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO

from shoal.contracts.logs import LogQuery, LogRecord
from shoal.contracts.runtime import STDERR, STDOUT
from shoal.drivers.logs.files import find_tail, find_time, first_time, open_all
from shoal.drivers.logs.lines import TIME, parse_line, time_key
from shoal.drivers.logs.watcher import Changes, DirectoryWatcher

_CHUNK = 256 * 1024


class ConmonLogs:
    """Implements contracts.logs.Logs."""

    def __init__(self) -> None:
        self._watcher = DirectoryWatcher()

    @asynccontextmanager
    async def open(self, path: Path, query: LogQuery) -> AsyncIterator[AsyncIterator[Sequence[LogRecord]]]:
        """The records that `query` asks for, in batches, oldest first."""
        with self._changes(path, query) as changes:
            cursor = await asyncio.to_thread(_Cursor.opened, path, query)
            batches = self._batches(cursor, query, changes)
            try:
                yield batches
            finally:
                await batches.aclose()
                cursor.close()

    async def _batches(
        self, cursor: "_Cursor", query: LogQuery, changes: Changes | None
    ) -> AsyncGenerator[Sequence[LogRecord], None]:
        until = time_key(query.until) if query.until else b""
        while True:
            last = query.follow is None or query.follow.is_set()
            lines = await cursor.lines()
            if records := _records(lines, query, until):
                yield records
                await asyncio.sleep(0)  # a program may write as fast as is read here, and all others would wait for it
            if until and lines and lines[-1][:TIME] >= until:
                return
            if not lines and not cursor.advance():
                if last or changes is None:
                    return
                await changes.wait()

    @contextmanager
    def _changes(self, path: Path, query: LogQuery) -> Iterator[Changes | None]:
        """What wakes a follower: the log, or the end of `query.follow`; None for who does not follow."""
        if query.follow is None:
            yield None
            return
        with self._watcher.watch(path.parent) as changes:
            ending = asyncio.ensure_future(query.follow.wait())
            ending.add_done_callback(lambda _: changes.wake())
            try:
                yield changes
            finally:
                ending.cancel()

    def close(self) -> None:
        """Stop watching."""
        self._watcher.close()


def _records(lines: list[bytes], query: LogQuery, until: bytes) -> list[LogRecord]:
    records = []
    for line in lines:
        if until and line[:TIME] >= until:
            break
        record = parse_line(line)
        if record and (query.stdout if record.stream == STDOUT else query.stderr):
            records.append(record)
    return records


class _Cursor:
    """A place in the log. Files that are newer than the current one wait in `_later`."""

    def __init__(self, path: Path, files: list[BinaryIO], offset: int) -> None:
        self._path = path
        self._later = files
        self._file: BinaryIO | None = files.pop(0) if files else None
        self._offset = offset
        self._rest = b""
        self._behind = True  # more to read than fits into one chunk: read in a thread, disks are slow

    @classmethod
    def opened(cls, path: Path, query: LogQuery) -> "_Cursor":
        """Where `query` begins. Blocking."""
        files = open_all(path)
        try:
            index, offset = _start(files, query)
        except BaseException:
            for file in files:
                file.close()
            raise
        for file in files[:index]:
            file.close()
        return cls(path, files[index:], offset)

    async def lines(self) -> list[bytes]:
        """The next whole lines; [] at the end of this file."""
        if self._file is None and not self.advance():
            return []
        assert self._file is not None
        while True:
            fd, offset = self._file.fileno(), self._offset
            data = (
                await asyncio.to_thread(os.pread, fd, _CHUNK, offset) if self._behind else os.pread(fd, _CHUNK, offset)
            )
            self._behind = len(data) == _CHUNK
            if not data:
                return []
            self._offset += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            if lines:
                return lines

    def advance(self) -> bool:
        """Go on to the next newer file; False when this is the newest. What is left of this one must have been read."""
        if not self._later:
            self._later = self._newer()
        if not self._later:
            return False
        if self._file and self._offset < os.fstat(self._file.fileno()).st_size:
            return True  # its writer added something before it let go of it
        if self._file:
            self._file.close()
        self._file, self._offset, self._rest = self._later.pop(0), 0, b""
        return True

    def _newer(self) -> list[BinaryIO]:
        """The files that came after the current one, oldest first."""
        if self._file is None:
            return open_all(self._path)
        mine = os.fstat(self._file.fileno())
        try:
            newest = os.stat(self._path)
            if (mine.st_dev, mine.st_ino) == (newest.st_dev, newest.st_ino):
                return []
        except FileNotFoundError:
            pass  # renamed, and not there again yet: others may be
        files = open_all(self._path)
        inodes = [os.fstat(file.fileno()).st_ino for file in files]
        if mine.st_ino in inodes:
            known = inodes.index(mine.st_ino) + 1
        else:  # removed by its writer
            began = first_time(self._file)
            known = sum(bool(time := first_time(file)) and time <= began for file in files)
        for file in files[:known]:
            file.close()
        return files[known:]

    def close(self) -> None:
        for file in (*([self._file] if self._file else []), *self._later):
            file.close()
        self._file, self._later = None, []


def _start(files: list[BinaryIO], query: LogQuery) -> tuple[int, int]:
    """(index of the file, offset) of the first record that is wanted."""
    if not files:
        return 0, 0
    sizes = [os.fstat(file.fileno()).st_size for file in files]
    if query.until:
        key = time_key(query.until)
        sizes = [find_time(file, key, size) for file, size in zip(files, sizes, strict=True)]
    return max(_tail_start(files, sizes, query), _since_start(files, sizes, query))


def _since_start(files: list[BinaryIO], sizes: list[int], query: LogQuery) -> tuple[int, int]:
    if not query.since:
        return 0, 0
    key = time_key(query.since)
    for index, (file, size) in enumerate(zip(files, sizes, strict=True)):
        if (offset := find_time(file, key, size)) < size:
            return index, offset
    return len(files) - 1, sizes[-1]


def _tail_start(files: list[BinaryIO], sizes: list[int], query: LogQuery) -> tuple[int, int]:
    if query.tail is None:
        return 0, 0
    last = len(files) - 1
    if query.tail <= 0:
        return last, sizes[last]
    streams = {stream for stream, wanted in ((STDOUT, query.stdout), (STDERR, query.stderr)) if wanted}
    wanted = query.tail
    for index in range(last, -1, -1):
        offset, found = find_tail(files[index], wanted, sizes[index], streams)
        wanted -= found
        if offset > 0 or wanted <= 0:
            return index, offset
    return 0, 0
