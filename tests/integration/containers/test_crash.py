"""The engine is away for a while, killed or stopped: containers run on, and it knows what happened meanwhile.

For `kill -9` in the middle of an operation see tests/integration/crash.
"""

import os
import signal
from pathlib import Path

import pytest

from shoal.drivers.runtime.processes import is_zombie
from tests.support.engine import EngineProcess, wait_for
from tests.support.running import Node


def test_containers_run_on_while_the_engine_is_away(engine: EngineProcess) -> None:
    """Running ones are adopted; one that ended meanwhile has its true exit code and time; policies are followed."""
    node = Node(engine)
    lives = node.run("sleep", "1000", name="lives")
    ends = node.run("sh", "-c", "sleep 0.5; exit 6", name="ends")
    again = node.run("sh", "-c", "sleep 0.5", name="again", host={"RestartPolicy": {"Name": "always"}})
    auto = node.run("sleep", "0.5", name="auto", host={"AutoRemove": True})
    before = node.inspect(lives)
    pids = {c: node.state(c)["Pid"] for c in (ends, again, auto)}
    engine.kill()
    for pid in pids.values():
        wait_for("it has ended", lambda pid=pid: not Path(f"/proc/{pid}").exists())
    engine.start()
    after = node.inspect(lives)
    assert after["State"]["Pid"] == before["State"]["Pid"]
    assert after["NetworkSettings"]["Networks"] == before["NetworkSettings"]["Networks"]
    state = node.wait_state(ends, Status="exited")
    assert state["ExitCode"] == 6 and state["StartedAt"] < state["FinishedAt"]
    wait_for("it runs again", lambda: node.inspect(again)["RestartCount"] >= 1)
    wait_for("it is removed", lambda: engine.call("GET", f"/containers/{auto}/json")[0] == 404)
    node.post(lives, "stop", t=0)
    assert node.state(lives)["ExitCode"] == 137


def test_health_checks_go_on_after_a_crash(engine: EngineProcess) -> None:
    node = Node(engine)
    check = {"Test": ["CMD", "test", "-e", "/ok"], "Interval": 100_000_000, "Retries": 1}
    container = node.run("sleep", "1000", Healthcheck=check)
    wait_for("unhealthy", lambda: node.state(container)["Health"]["Status"] == "unhealthy")
    engine.kill()
    engine.start()
    assert node.state(container)["Health"]["Status"] == "unhealthy"
    engine.docker("exec", container, "touch", "/ok")
    wait_for("healthy", lambda: node.state(container)["Health"]["Status"] == "healthy")


def test_paused_ones_stay_paused(engine: EngineProcess) -> None:
    node = Node(engine)
    container = node.run("sleep", "1000")
    node.post(container, "pause")
    engine.kill()
    engine.start()
    assert node.state(container)["Status"] == "paused"
    node.post(container, "unpause")


def test_a_clean_stop_leaves_them_running_too(engine: EngineProcess) -> None:
    node = Node(engine)
    container = node.run("sleep", "1000")
    pid = node.state(container)["Pid"]
    assert engine.stop() == 0
    assert Path(f"/proc/{pid}").exists()
    engine.start()
    assert node.state(container)["Pid"] == pid


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("paused", [False, True])
def test_a_container_whose_supervisor_was_killed_is_ended_whole(
    engine: EngineProcess, away: bool, paused: bool
) -> None:
    """Also a frozen one, which no signal reaches; the engine starts, others run on, the name can be used again."""
    node = Node(engine)
    other = node.run("sleep", "1000")
    node.run("sleep", "1000", name="web")
    pid = node.state("web")["Pid"]
    if paused:
        node.post("web", "pause")
    if away:
        engine.kill()
    os.kill(int(Path(f"/proc/{pid}/stat").read_text().split()[3]), signal.SIGKILL)
    if away:
        engine.start()
    state = node.wait_state("web", Status="exited")
    assert state["ExitCode"] == 137
    wait_for("the process has ended", lambda: is_zombie(pid))
    node.post("web", "start")
    node.delete("web", force=1)
    assert node.state(other)["Running"]
