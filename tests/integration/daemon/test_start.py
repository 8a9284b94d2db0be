"""How a start goes before other work."""

import os
import subprocess
import sys
from pathlib import Path

from shoal.daemon.priority import AHEAD_NICE
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
