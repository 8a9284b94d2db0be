"""How a start goes before other work."""

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path, PurePosixPath

import pytest

from shoal.daemon.host import lock_root
from shoal.daemon.priority import AHEAD_NICE
from shoal.errors import Conflict
from shoal.model.settings import Settings
from tests.support.engine import engine_with_busybox, wait_for

POOL = ("--address-pool", "10.79.0.0/16:24")


def nice(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


def test_only_the_first_thread_goes_ahead_and_not_for_long() -> None:
    with engine_with_busybox(*POOL) as engine:
        engine.stop()
        engine.start()
        assert engine.process is not None
        pid = engine.process.pid
        engine.shoal("run", "-d", "--name", "one", "busybox", "sleep", "100")
        container = engine.call("GET", "/containers/one/json")[1]["State"]["Pid"]
        supervisor = int(Path(f"/proc/{container}/stat").read_text().rpartition(")")[2].split()[1])
        others = [int(name) for name in os.listdir(f"/proc/{pid}/task") if int(name) != pid]
        assert {nice(one) for one in (container, supervisor, *others)} == {0}
        wait_for("it queues as others do", lambda: nice(pid) == 0, 15)
        assert os.sched_getscheduler(pid) == os.SCHED_OTHER


def test_it_goes_ahead_unless_somebody_has_chosen_a_priority() -> None:
    code = (
        "import os; from shoal.daemon.priority import *; go_ahead(); print(os.getpriority(os.PRIO_PROCESS, 0));"
        "print(os.waitstatus_to_exitcode(os.system('exit $(nice)')));"
        "queue_again(); print(os.getpriority(os.PRIO_PROCESS, 0))"
    )
    for before, expected in ((0, [AHEAD_NICE, 0, 0]), (5, [5, 5, 5])):
        argv = ["nice", "-n", str(before), sys.executable, "-c", code]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        assert [int(line) for line in done.stdout.split()] == expected


def test_a_root_that_only_a_child_of_a_killed_engine_holds_is_waited_for(tmp_path: Path) -> None:
    """The child shares its parent's lock until it has become another program."""
    settings = Settings(root=PurePosixPath(tmp_path), run=PurePosixPath(tmp_path / "run"))
    dead = subprocess.Popen(["true"])
    dead.wait()
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        with pytest.raises(Conflict, match=f"pid {os.getpid()}"):
            lock_root(settings)
        lock.seek(0)
        lock.truncate()
        lock.write(f"{dead.pid}\n")
        lock.flush()
        threading.Timer(0.2, fcntl.flock, (lock.fileno(), fcntl.LOCK_UN)).start()
        descriptor = lock_root(settings)
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    os.close(descriptor)
