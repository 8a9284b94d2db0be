"""`service create` and its like wait until the service has converged; docker's CLI sees the same server do the same."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_engine import Answer, Asked
from tests.support.fake_swarm import SELF, WEB, FakeSwarm, service, task

SHOAL = [sys.executable, "-m", "shoal.cli"]


class Story:
    """A service whose tasks and update go one step further with each look; the last step stays.

    steps: (states of the tasks, UpdateStatus)
    """

    def __init__(self, engine: FakeSwarm, steps: list[tuple[list[str], dict[str, str]]], **more: Any) -> None:
        self.steps = steps
        self.looks = 0
        self.more = more
        self.seen = threading.Event()
        engine.answers[f"GET /services/{WEB}"] = engine.answers["GET /services/web"] = self.service
        engine.answers["GET /tasks"] = self.tasks
        engine.answers[f"POST /services/{WEB}/update"] = self.update

    @property
    def step(self) -> tuple[list[str], dict[str, str]]:
        return self.steps[min(self.looks, len(self.steps) - 1)]

    def service(self, asked: Asked) -> Answer:
        replicas = len(self.steps[-1][0])
        mode = {"Replicated": {"Replicas": replicas}}
        spec = {"UpdateConfig": {"Monitor": 1_000_000, "Parallelism": 1}, "Labels": {}}
        found = service(WEB, "web", self.more.get("mode", mode), Spec=spec, **self.more.get("service", {}))
        if self.step[1]:
            found["UpdateStatus"] = self.step[1]
        return Answer(body=found)

    def update(self, asked: Asked) -> Answer:
        self.looks += 1
        return Answer(body={"Warnings": None})

    def tasks(self, asked: Asked) -> Answer:
        states = self.step[0]
        self.looks += 1
        if self.looks > len(self.steps):
            self.seen.set()
        found = [
            task(f"task{slot}", slot, state, NodeID=SELF, JobIteration={"Index": 0})
            for slot, state in enumerate(states, start=self.more.get("first_slot", 1))
        ]
        for one in found:
            if one["Status"]["State"] == "failed":
                one["Status"]["Err"] = "task: non-zero exit (1)"
        return Answer(body=found)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeSwarm]:
    with FakeSwarm(tmp_path) as engine:
        yield engine


def started(engine: FakeSwarm, program: list[str], *words: str) -> subprocess.Popen[str]:
    env = {**os.environ, "DOCKER_HOST": engine.host, "SHOAL_HOST": engine.host, "DOCKER_CONFIG": "/nonexistent"}
    return subprocess.Popen([*program, *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(engine: FakeSwarm, program: list[str], *words: str) -> tuple[int, list[str], str]:
    """(status, lines of progress, errors); a line that repeats the one before it counts once."""
    out, err = (process := started(engine, program, *words)).communicate(timeout=60)
    lines: list[str] = []
    last: dict[str, str] = {}
    for line in out.splitlines():
        name = line.partition(":")[0]
        if last.get(name) != line:
            lines.append(line)
        last[name] = line
    return process.returncode, lines, err


UP = [(["new", "preparing"], {}), (["running", "starting"], {}), (["running", "running"], {})]
CREATE = ("service", "create", "--no-resolve-image", "--replicas", "2", "img")


def test_create_returns_as_soon_as_all_tasks_run(engine: FakeSwarm) -> None:
    Story(engine, UP)
    assert ended(engine, SHOAL, *CREATE) == (
        0,
        [
            WEB,
            "overall progress: 0 out of 2 tasks",
            "1/2:  ",
            "2/2:  ",
            "overall progress: 1 out of 2 tasks",
            "overall progress: 2 out of 2 tasks",
            "verify: Service converged",
        ],
        "",
    )


@pytest.mark.skipif(shutil.which("docker") is None, reason="the docker CLI is not installed")
@pytest.mark.parametrize(
    "words",
    [CREATE, ("service", "update", "--force", "web"), ("service", "scale", "web=2"), ("service", "rollback", "web")],
)
def test_docker_prints_the_same_lines(engine: FakeSwarm, words: tuple[str, ...]) -> None:
    Story(engine, UP)
    theirs = ended(engine, ["docker"], *words)
    Story(engine, UP)
    ours = ended(engine, SHOAL, *words)
    kept = [re.sub(r"Service \S+ conv", "Service conv", line) for line in theirs[1] if "Waiting" not in line]
    assert (theirs[0], kept, theirs[2]) == ours


def test_an_update_is_waited_for_until_the_manager_says_that_it_is_over(engine: FakeSwarm) -> None:
    before = {"State": "completed", "StartedAt": "2020-01-01T00:00:00Z", "Message": "update completed"}
    updating = {"State": "updating", "StartedAt": "2021-01-01T00:00:00Z", "Message": "update in progress"}
    done = {**updating, "State": "completed", "CompletedAt": "2021-01-01T00:00:09Z", "Message": "update completed"}
    story = Story(
        engine, [(["running"], before), (["starting"], updating), (["running"], updating), (["running"], done)]
    )
    status, lines, err = ended(engine, SHOAL, "service", "update", "--force", "web")
    assert (status, err) == (0, "")
    assert story.looks >= 3 and lines[-1] == "verify: Service converged"


@pytest.mark.skipif(shutil.which("docker") is None, reason="the docker CLI is not installed")
@pytest.mark.parametrize("state", ["paused", "rollback_paused"])
def test_an_update_that_pauses_is_an_error(engine: FakeSwarm, state: str) -> None:
    steps = [(["running"], {}), (["failed"], {"State": state, "Message": "update paused due to failure of task x"})]
    Story(engine, steps)
    theirs = ended(engine, ["docker"], "service", "update", "web")
    Story(engine, steps)
    ours = ended(engine, SHOAL, "service", "update", "web")
    assert ours[0] == theirs[0] == 1 and ours[2] == theirs[2]
    assert ours[2].startswith("service ")


def test_verify_waits_as_long_as_it_is_told(engine: FakeSwarm) -> None:
    Story(engine, [(["new"], {}), (["running"], {}), (["failed"], {}), (["running"], {})])
    _, lines, _ = ended(engine, SHOAL, "service", "scale", "--verify", "300ms", "web=1")
    assert [line for line in lines if line.startswith("verify")] == [
        "verify: Waiting 1 seconds to verify that tasks are stable...",
        "verify: Detected task failure",
        "verify: Waiting 1 seconds to verify that tasks are stable...",
        "verify: Service converged",
    ]


def test_quiet_and_detached_say_only_the_id(engine: FakeSwarm) -> None:
    Story(engine, UP)
    assert ended(engine, SHOAL, "service", "create", "-q", "--no-resolve-image", "img") == (0, [WEB], "")
    engine.asked.clear()
    assert ended(engine, SHOAL, "service", "create", "-d", "--no-resolve-image", "img") == (0, [WEB], "")
    assert engine.asked_lines() == ["POST /services/create"]


def test_interrupted_the_service_goes_on(engine: FakeSwarm) -> None:
    story = Story(engine, [(["starting"], {})])
    process = started(engine, SHOAL, "service", "create", "--no-resolve-image", "img")
    assert story.seen.wait(20)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.endswith(f"Operation continuing in background.\nUse `shoal service ps {WEB}` to check progress.\n")


def test_a_job_ends_when_it_is_complete(engine: FakeSwarm) -> None:
    mode = {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 2}}
    status = {"JobStatus": {"JobIteration": {"Index": 0}}}
    steps = [(["running", "running"], {}), (["complete", "running"], {}), (["complete", "complete"], {})]
    Story(engine, steps, mode=mode, service=status)
    status_code, lines, _ = ended(engine, SHOAL, *CREATE[:2], "--mode", "replicated-job", *CREATE[2:])
    assert status_code == 0 and lines[-1] == "job complete"
    assert "active tasks: 2 out of 2 tasks" in lines and "active tasks: 0 out of 0 tasks" in lines
