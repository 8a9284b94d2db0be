"""The runtime with real crun and conmon: what happens to processes, and what the engine is told."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from shoal.contracts.runtime import Exit
from shoal.errors import DriverError, InvalidArgument, NotFound
from tests.support.leftovers import processes
from tests.support.runtime import Box, eventually


async def first_exit(box: Box) -> Exit:
    return await asyncio.wait_for(anext(box.runtime.exits()), 10)


async def test_program_runs_only_after_start_and_its_exit_is_told(box: Box):
    run = await box.create("sh", "-c", "echo out; echo err >&2; exit 3")
    assert Path(f"/proc/{run.pid}").exists() and not run.started
    assert box.log.read_bytes() == b""
    await box.runtime.start(box.id)
    exit = await first_exit(box)
    assert (exit.container_id, exit.exit_status, exit.oom_killed) == (box.id, 3, False)
    assert box.output() in (b"out\nerr\n", b"err\nout\n")
    assert await box.runtime.wait(box.id) == exit


@pytest.mark.parametrize(("signal_number", "status"), [(signal.SIGKILL, 137), (signal.SIGTERM, 143)])
async def test_exit_by_signal(box: Box, signal_number: int, status: int):
    await box.run("sh", "-c", f"trap 'exit {status}' TERM; echo trapped; while :; do sleep 0.02; done")
    await eventually("the trap is set", lambda: b"trapped" in box.log.read_bytes())
    await box.runtime.kill(box.id, signal_number)
    assert (await first_exit(box)).exit_status == status


def _cmdlines(box: Box) -> bytes:
    pids = box.runtime._cgroups.processes(box.runtime.cgroup_of(box.id))
    return b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids if Path(f"/proc/{pid}").exists())


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("nope", 'exec: "nope": executable file not found in $PATH'),
        ("/nope", 'exec: "/nope": stat /nope: no such file or directory'),
        ("/etc", 'exec: "/etc": is a directory'),
        ("/etc/passwd", 'exec: "/etc/passwd": permission denied'),
    ],
)
async def test_program_that_cannot_run_leaves_nothing(box: Box, program: str, words: str):
    with pytest.raises(InvalidArgument) as error:
        await box.create(program)
    assert words in error.value.message and "OCI runtime create failed" in error.value.message
    assert await box.runtime.leftovers() == []
    assert box.runtime._cgroups.processes(box.runtime.cgroup_of(box.id)) == []


@pytest.mark.parametrize("made", ["containers/{}/run.json", "containers/{}/conmon.pid", "crun/{}", "crun/{}/status"])
async def test_a_create_that_is_given_up_leaves_nothing(box: Box, made: str):
    """Its conmon and crun are at work meanwhile. made: the file in the run directory that is waited for"""
    creating = asyncio.ensure_future(box.create("sleep", "1000"))
    while not (box.base / "run" / made.format(box.id)).exists():  # noqa: ASYNC110 - a create takes some ms
        await asyncio.sleep(0)
    creating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creating
    assert processes([box.base]) == [] and await box.runtime.leftovers() == []
    assert box.runtime._cgroups.processes(box.runtime._parent) == []
    await box.run("true")
    assert (await first_exit(box)).exit_status == 0


async def test_missing_conmon_says_what_to_install(box: Box):
    box.runtime._conmon = type(box.runtime._conmon)("/nonexistent/conmon", box.runtime._crun, box.base)
    with pytest.raises(DriverError) as error:
        await box.create("true")
    assert "/nonexistent/conmon" in error.value.message and "conmon" in error.value.hint


async def test_delete_kills_what_runs_and_can_be_repeated(box: Box):
    run = await box.run("sleep", "1000")
    await box.runtime.delete(box.id)
    assert not Path(f"/proc/{run.pid}").exists()
    assert (await first_exit(box)).exit_status == 137
    await box.runtime.delete(box.id)
    with pytest.raises(NotFound):
        await box.runtime.kill(box.id, signal.SIGTERM)


async def test_container_that_was_never_started_is_deleted(box: Box):
    run = await box.create("sleep", "1000")
    await box.runtime.delete(box.id)
    assert not Path(f"/proc/{run.pid}").exists() and await box.runtime.leftovers() == []


async def test_pause_stops_every_process_and_resume_lets_them_run(box: Box):
    await box.run("sh", "-c", "while :; do echo tick; sleep 0.01; done")
    await eventually("it ticks", lambda: box.log.stat().st_size > 200)
    await box.runtime.pause(box.id)
    size = box.log.stat().st_size
    await asyncio.sleep(0.1)
    assert box.log.stat().st_size == size
    assert (adopted := await box.runtime.adopt(box.id)) and adopted.paused
    await box.runtime.resume(box.id)
    await eventually("it ticks again", lambda: box.log.stat().st_size > size)
    await box.runtime.pause(box.id)  # a paused container is deleted as well


async def test_kill_all_reaches_children(box: Box):
    await box.run("sh", "-c", "trap : TERM; sleep 1000 & sleep 1000 & wait; wait; exit 5")
    await eventually("children run", lambda: _cmdlines(box).count(b"sleep\x001000\0") == 2)
    await box.runtime.kill(box.id, signal.SIGTERM, all=True)  # the init catches it, its children end of it
    assert (await first_exit(box)).exit_status == 5


async def test_limits_are_set_and_updated_and_show_in_stats(box: Box):
    await box.run("sleep", "1000", resources={"memory": {"limit": 64 << 20}, "pids": {"limit": 50}})
    usage = await box.runtime.stats(box.id)
    assert usage.memory.limit_bytes == 64 << 20 and usage.memory.usage_bytes > 0
    assert (usage.pids, usage.pids_limit) == (1, 50)
    assert usage.cpu.total_ns > 0 and usage.system_cpu_ns > usage.cpu.total_ns
    await box.runtime.update(box.id, {"memory": {"limit": 32 << 20}, "cpu": {"shares": 512}})
    usage = await box.runtime.stats(box.id)
    assert usage.memory.limit_bytes == 32 << 20
    with pytest.raises(DriverError):
        await box.runtime.update(box.id, {"memory": {"limit": 1}})


async def test_killed_for_memory_is_told(box: Box):
    await box.run(
        "sh", "-c", "x=a; while :; do x=$x$x; done", resources={"memory": {"limit": 8 << 20, "swap": 8 << 20}}
    )
    exit = await first_exit(box)
    assert exit.oom_killed and exit.exit_status == 137


async def test_supervisor_killed_ends_the_container(box: Box):
    run = await box.run("sleep", "1000")
    os.kill(run.supervisor_pid, signal.SIGKILL)
    assert (await first_exit(box)).exit_status == 137
    await eventually("the init is gone", lambda: not Path(f"/proc/{run.pid}").exists())


async def test_wait_for_the_next_run(box: Box):
    with pytest.raises(NotFound):
        await box.runtime.wait(box.id)
    following = asyncio.create_task(box.runtime.wait(box.id, next=True))
    await asyncio.sleep(0)
    await box.run("sh", "-c", "exit 1")
    assert (await asyncio.wait_for(following, 10)).exit_status == 1
    following = asyncio.create_task(box.runtime.wait(box.id, next=True))
    await asyncio.sleep(0)
    await box.runtime.delete(box.id)
    await box.run("sh", "-c", "exit 2")
    assert (await asyncio.wait_for(following, 10)).exit_status == 2


async def test_log_rotation_keeps_the_newest_files(box: Box):
    await box.run("sh", "-c", "seq 1 40000; sleep 1000", log_max_bytes=400_000, log_max_files=3)
    await eventually("rotated", lambda: Path(f"{box.log}.1").exists())
    await eventually("a new file", lambda: box.log.exists())
    assert len(list(box.base.glob("*.log*"))) <= 3
