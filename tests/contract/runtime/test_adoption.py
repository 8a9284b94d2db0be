"""The engine's process dies by SIGKILL; what it ran goes on, and the next one takes it over."""

import asyncio
import fcntl
import subprocess
import sys
import time

import pytest

from shoal.drivers.runtime.processes import is_zombie
from tests.support.runtime import Box, eventually, new_runtime

DRIVER = """
import asyncio, fcntl, sys
from pathlib import Path
from tests.support.runtime import Box, new_runtime

lock = open(Path(sys.argv[1]) / "lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)  # as an engine locks its root

async def main(base, container_id, step, program):
    box = Box(new_runtime(base), base)
    box.id, box.log = container_id, base / "log"
    await box.create("sh", "-c", program)
    if step == "start":
        await box.runtime.start(box.id)
    print("ready", flush=True)
    await asyncio.sleep(1000)

asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
"""


def crashed_driver(box: Box, program: str, step: str = "start", *, script: str = DRIVER, delay_s: float = 0) -> None:
    """Another process creates (and starts) the container, and is killed `delay_s` after it said "ready"."""
    box.log = box.base / "log"
    argv = [sys.executable, "-c", script, str(box.base), box.id, step, program]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    time.sleep(delay_s)
    process.kill()
    process.wait()
    process.stdout.close()


async def next_engine(box: Box) -> None:
    """It begins once it has the lock, which a child that is about to become conmon still shares."""
    with (box.base / "lock").open() as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
    await box.runtime.close()
    box.runtime = new_runtime(box.base)


async def test_running_container_is_adopted_and_its_log_has_no_gap(box: Box):
    crashed_driver(box, "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); sleep 0.003; done; exit 9")
    await next_engine(box)
    assert await box.runtime.leftovers() == [box.id]
    run = await box.runtime.adopt(box.id)
    assert run and run.started and not run.exited and run.pid > 0
    assert await box.runtime.leftovers() == []
    assert (await box.exec("sh", "-c", "exit 4"))[0] == 4
    exit = await asyncio.wait_for(anext(box.runtime.exits()), 20)
    assert exit.exit_status == 9
    assert box.output() == b"".join(b"%d\n" % i for i in range(300))


async def test_exit_while_no_engine_was_there_is_told_with_its_time(box: Box):
    crashed_driver(box, "sleep 0.2; exit 6")
    exit_file = box.base / "run/exits" / box.id
    await eventually("it has exited", exit_file.exists)
    await next_engine(box)
    before = time.time_ns()
    run = await box.runtime.adopt(box.id)
    assert run and run.exited
    exit = await asyncio.wait_for(anext(box.runtime.exits()), 5)
    assert exit.exit_status == 6 and exit.at < before


async def test_created_container_can_be_started_by_the_next_engine(box: Box):
    crashed_driver(box, "exit 8", step="create")
    await next_engine(box)
    run = await box.runtime.adopt(box.id)
    assert run and not run.started
    await box.runtime.start(box.id)
    assert (await asyncio.wait_for(anext(box.runtime.exits()), 5)).exit_status == 8


async def test_nothing_is_adopted_where_nothing_was(box: Box):
    assert await box.runtime.adopt(box.id) is None


@pytest.mark.parametrize("delay_s", [0.0, 0.001, 0.003, 0.008, 0.015, 0.03])
async def test_killed_in_the_middle_of_create(box: Box, delay_s: float):
    """Whatever is there then, adopt and delete leave nothing behind."""
    script = DRIVER.replace('await box.create("sh"', 'print("ready", flush=True); await box.create("sh"')
    crashed_driver(box, "sleep 1000", "create", script=script, delay_s=delay_s)
    await next_engine(box)
    run = await box.runtime.adopt(box.id)
    pid = run.pid if run else 0
    await box.runtime.delete(box.id)
    assert not pid or is_zombie(pid)
    assert await box.runtime.leftovers() == []
    assert box.runtime._cgroups.processes(box.runtime.cgroup_of(box.id)) == []


async def test_a_pid_that_was_reused_is_not_taken_for_the_container(box: Box):
    run = await box.run("sleep", "1000")
    status = box.base / "run/crun" / box.id / "status"
    text = status.read_text()
    await box.runtime.close()
    box.runtime = new_runtime(box.base)
    ticks = text.split('"process-start-time": ')[1].split(",")[0]
    status.write_text(text.replace(ticks, "1"))
    adopted = await box.runtime.adopt(box.id)
    assert adopted and adopted.pid == 0
    status.write_text(text)
    await box.runtime.close()
    box.runtime = new_runtime(box.base)
    adopted = await box.runtime.adopt(box.id)
    assert adopted and adopted.pid == run.pid
