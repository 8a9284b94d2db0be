"""The process table of this machine."""

import asyncio
import os
import subprocess
from collections.abc import Iterator

import pytest

from shoal.drivers.process_table import HostProcessTable
from shoal.errors import InvalidArgument


@pytest.fixture
def sleeper() -> Iterator[int]:
    process = subprocess.Popen(["sleep", "1234"])
    yield process.pid
    process.kill()
    process.wait()


@pytest.mark.parametrize("ps_args", ["", "-ef", "aux", "-o pid,args"])
async def test_the_rows_of_those_asked_for(sleeper: int, ps_args: str) -> None:
    titles, rows = await HostProcessTable().describe([sleeper, os.getpid()], ps_args)
    at = list(titles).index("PID")
    assert sorted(int(row[at]) for row in rows) == sorted([sleeper, os.getpid()])
    (row,) = [row for row in rows if row[at] == str(sleeper)]
    assert row[-1] == "sleep 1234" and len(row) == len(titles)


async def test_those_that_have_ended_are_left_out(sleeper: int) -> None:
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()
    _, rows = await HostProcessTable().describe([sleeper, process.pid], "")
    assert len(rows) == 1


@pytest.mark.parametrize("ps_args", ["--nonsense", "-o args="])
async def test_what_ps_refuses_or_what_shows_no_pid(sleeper: int, ps_args: str) -> None:
    with pytest.raises(InvalidArgument):
        await HostProcessTable().describe([sleeper], ps_args)
