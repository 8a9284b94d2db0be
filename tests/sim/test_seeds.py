"""Simulated clusters hold their properties; a seed is the same story each time; what is broken is noticed."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from shoal.cluster.decide import decide
from shoal.cluster.plan import Plan, Put
from shoal.model.cluster.task import Task, TaskState
from shoal.simulation.run import run
from shoal.simulation.workload import Workload
from shoal.simulation.world import Size
from shoal.swarm.manager import tick

SEEDS = 500
A_PART = 100


def simulate(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shoal.simulation", *flags]
    return subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True)


@pytest.mark.parametrize("first", range(1, SEEDS, A_PART))
def test_every_property_holds_whatever_fails(first: int) -> None:
    done = simulate("--first", str(first), "--seeds", str(A_PART), "--jobs", "2")
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    assert f"{A_PART} seeds, 0 failed" in done.stdout


def test_a_seed_is_the_same_story_each_time() -> None:
    first, again, other = simulate("--seed", "7"), simulate("--seed", "7"), simulate("--seed", "8")
    assert first.stdout == again.stdout
    assert first.stdout != other.stdout
    assert len(first.stdout.splitlines()) > 50


def _changed(change: Callable[[Task], Task]) -> Callable[..., Plan]:
    def wrong(*args: object, **others: object) -> Plan:
        plan = decide(*args, **others)  # type: ignore[arg-type]
        changes = tuple(
            replace(each, record=change(each.record))
            if isinstance(each, Put) and isinstance(each.record, Task)
            else each
            for each in plan.changes
        )
        return replace(plan, changes=changes)

    return wrong


def _same_address(task: Task) -> Task:
    return replace(task, addresses=tuple(replace(address, ipv4="10.0.0.77") for address in task.addresses))


def _never_stopped(task: Task) -> Task:
    return replace(task, desired=TaskState.RUNNING) if task.desired >= TaskState.SHUTDOWN else task


def _moved(task: Task) -> Task:
    return replace(task, node_id="w1") if task.status.state >= TaskState.RUNNING and task.node_id else task


@pytest.mark.parametrize("bug", [_same_address, _never_stopped, _moved])
def test_a_planted_bug_is_found(bug: Callable[[Task], Task], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tick, "decide", _changed(bug))
    problems = [run(seed, size=Size(managers=1, workers=3), chaos_s=20).problem for seed in range(1, 6)]
    assert any(problems)


async def _never_waits(workload: Workload) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0)


def test_a_loop_that_never_waits_is_a_failed_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workload, "run", _never_waits)
    outcome = run(1, size=Size(managers=1, workers=1), chaos_s=20)
    assert "again and again, without waiting" in outcome.problem
    assert outcome.story[-1].endswith(f"FAILED: {outcome.problem}")
