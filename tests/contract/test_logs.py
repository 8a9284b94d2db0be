"""Reading logs as conmon writes them: places, followers, changes of files."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shoal.contracts.logs import LogQuery, LogRecord
from shoal.drivers.logs.lines import time_key
from shoal.drivers.logs.reader import ConmonLogs

SECOND = 1_000_000_000
T0 = 1_700_000_000 * SECOND


def line(second: float, text: str, stream: str = "stdout", tag: str = "F") -> bytes:
    return b"%s+00:00 %s %s %s\n" % (time_key(T0 + int(second * SECOND)), stream.encode(), tag.encode(), text.encode())


@pytest.fixture
async def logs() -> AsyncIterator[ConmonLogs]:
    reader = ConmonLogs()
    yield reader
    reader.close()


async def read(logs: ConmonLogs, path: Path, **query: object) -> list[LogRecord]:
    async with logs.open(path, LogQuery(**query)) as batches:  # type: ignore[arg-type]
        return [record async for batch in batches for record in batch]


async def text(logs: ConmonLogs, path: Path, **query: object) -> str:
    return b"".join(record.data for record in await read(logs, path, **query)).decode()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Lines 0 to 9999, ten per second, odd ones on stderr."""
    path = tmp_path / "log"
    path.write_bytes(b"".join(line(i / 10, str(i), "stderr" if i % 2 else "stdout") for i in range(10_000)))
    return path


def numbers(start: int, end: int, step: int = 1) -> str:
    return "".join(f"{i}\n" for i in range(start, end, step))


async def test_all_of_it_and_one_stream(logs: ConmonLogs, log: Path):
    assert await text(logs, log) == numbers(0, 10_000)
    assert await text(logs, log, stderr=False) == numbers(0, 10_000, 2)
    assert await text(logs, log.with_name("none")) == ""


async def test_record_has_the_time_in_utc(logs: ConmonLogs, log: Path):
    assert (await read(logs, log, tail=1))[0] == LogRecord(2, b"2023-11-14T22:29:59.900000000Z", b"9999\n")


@pytest.mark.parametrize("count", [0, 1, 2, 999, 9_999, 10_000, 10_001])
async def test_tail(logs: ConmonLogs, log: Path, count: int):
    assert await text(logs, log, tail=count) == numbers(max(0, 10_000 - count), 10_000)


async def test_tail_counts_the_lines_of_the_wanted_stream(logs: ConmonLogs, log: Path):
    assert await text(logs, log, tail=3, stdout=False) == "9995\n9997\n9999\n"


async def test_since_and_until(logs: ConmonLogs, log: Path):
    assert await text(logs, log, since=T0 + 900 * SECOND) == numbers(9_000, 10_000)
    assert await text(logs, log, until=T0 + 2 * SECOND) == numbers(0, 20)
    assert await text(logs, log, since=T0 + 5 * SECOND, until=T0 + 6 * SECOND) == numbers(50, 60)
    assert await text(logs, log, until=T0 + 2 * SECOND, tail=3) == numbers(17, 20)
    assert await text(logs, log, since=T0 + 5000 * SECOND) == ""
    assert await text(logs, log, since=T0 - 5 * SECOND) == numbers(0, 10_000)


async def test_pieces_of_a_line_are_put_together_and_count_as_one(logs: ConmonLogs, tmp_path: Path):
    log = tmp_path / "log"
    log.write_bytes(
        line(0, "a") + line(1, "b1 ", tag="P") + line(1, "b2 ", tag="P") + line(1, "b3") + line(2, "c", tag="P")
    )
    assert await text(logs, log) == "a\nb1 b2 b3\nc"
    assert await text(logs, log, tail=1) == "c"
    assert await text(logs, log, tail=2) == "b1 b2 b3\nc"


async def test_older_files_belong_to_the_log(logs: ConmonLogs, tmp_path: Path):
    log = tmp_path / "log"
    for number, start in ((2, 0), (1, 10), (0, 20)):
        name = f"log.{number}" if number else "log"
        (tmp_path / name).write_bytes(b"".join(line(i, str(i)) for i in range(start, start + 10)))
    assert await text(logs, log) == numbers(0, 30)
    assert await text(logs, log, tail=15) == numbers(15, 30)
    assert await text(logs, log, tail=20) == numbers(10, 30)
    assert await text(logs, log, since=T0 + 7 * SECOND) == numbers(7, 30)


class Follower:
    """Collects what a follower sees."""

    def __init__(self, logs: ConmonLogs, path: Path, **query: object) -> None:
        self.ended = asyncio.Event()
        self.seen = ""
        self.entered = asyncio.Event()
        self.task = asyncio.create_task(self._run(logs, path, LogQuery(follow=self.ended, **query)))  # type: ignore[arg-type]

    async def _run(self, logs: ConmonLogs, path: Path, query: LogQuery) -> None:
        async with logs.open(path, query) as batches:
            self.entered.set()
            async for batch in batches:
                self.seen += b"".join(record.data for record in batch).decode()

    async def sees(self, wanted: str) -> None:
        async with asyncio.timeout(5):
            while self.seen != wanted:  # noqa: ASYNC110 - lines come from outside
                await asyncio.sleep(0.002)

    async def end(self) -> None:
        self.ended.set()
        await asyncio.wait_for(self.task, 5)


async def test_follower_sees_new_lines_whole_and_the_end(logs: ConmonLogs, tmp_path: Path):
    log = tmp_path / "log"
    follower = Follower(logs, log)
    await follower.entered.wait()
    with open(log, "ab", buffering=0) as file:
        file.write(line(0, "one"))
        await follower.sees("one\n")
        whole = line(1, "two")
        file.write(whole[:20])
        await asyncio.sleep(0.02)
        file.write(whole[20:] + line(2, "three"))
        await follower.sees("one\ntwo\nthree\n")
        file.write(line(3, "last"))
        await follower.end()
    assert follower.seen == "one\ntwo\nthree\nlast\n"


async def test_follower_of_what_is_yet_to_come(logs: ConmonLogs, log: Path):
    follower = Follower(logs, log, tail=0)
    await follower.entered.wait()
    with open(log, "ab", buffering=0) as file:
        file.write(line(10_000, "new"))
    await follower.sees("new\n")
    await follower.end()


async def test_follower_crosses_changes_of_files_without_gap_or_repetition(logs: ConmonLogs, tmp_path: Path):
    log = tmp_path / "log"
    file = open(log, "ab", buffering=0)  # noqa: SIM115
    follower = Follower(logs, log)
    await follower.entered.wait()
    for number in range(300):
        file.write(line(number, str(number)))
        if number % 50 == 49:
            if number > 100:
                os.rename(tmp_path / "log.2", tmp_path / "log.3")
            if number > 50:
                os.rename(tmp_path / "log.1", tmp_path / "log.2")
            os.rename(log, tmp_path / "log.1")
            file.write(line(number, f"{number} late"))  # as conmon does until it has opened the new one
            await asyncio.sleep(0.005)
            file.close()
            file = open(log, "ab", buffering=0)  # noqa: SIM115
    await follower.end()
    file.close()
    wanted = "".join(f"{i}\n" + (f"{i} late\n" if i % 50 == 49 else "") for i in range(300))
    assert follower.seen == wanted


async def test_follower_of_a_log_that_conmon_emptied(logs: ConmonLogs, tmp_path: Path):
    log = tmp_path / "log"
    (tmp_path / "log.1").write_bytes(line(0, "older"))
    log.write_bytes(line(1, "old"))
    follower = Follower(logs, log)
    await follower.sees("older\nold\n")
    (tmp_path / "log.tmp").write_bytes(line(2, "new"))
    os.rename(tmp_path / "log.tmp", log)
    await follower.sees("older\nold\nnew\n")
    await follower.end()


async def test_followers_without_inotify_are_served_too(
    logs: ConmonLogs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "not yet"
    follower = Follower(logs, folder / "log")
    await follower.entered.wait()
    folder.mkdir()
    (folder / "log").write_bytes(line(0, "here"))
    await follower.sees("here\n")
    await follower.end()


async def test_a_hundred_followers_share_one_descriptor(logs: ConmonLogs, log: Path):
    followers = [Follower(logs, log, tail=0) for _ in range(100)]
    await asyncio.gather(*(follower.entered.wait() for follower in followers))
    assert sum("inotify" in os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _open(fd)) == 1
    with open(log, "ab", buffering=0) as file:
        file.write(line(10_000, "new"))
    await asyncio.gather(*(follower.sees("new\n") for follower in followers))
    await asyncio.gather(*(follower.end() for follower in followers))


def _open(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")
