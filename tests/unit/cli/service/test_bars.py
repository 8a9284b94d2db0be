"""The lines of progress, as they stand on a terminal."""

import io
from typing import Any

from shoal.cli.progress import show_messages
from shoal.cli.service.bars import bars_for, current_by_slot
from tests.support.screen import Screen

FULL = "[==================================================>]"


def shown(messages: list[Any]) -> list[str]:
    out = io.StringIO()
    show_messages(messages, out, is_terminal=True)
    return Screen().feed(out.getvalue()).lines


def service(**mode: Any) -> dict[str, Any]:
    return {"ID": "s", "Spec": {"Name": "web", "Mode": mode}}


def task(slot: int, state: str, *, wanted: str = "running", node: str = "n", error: str = "") -> dict[str, Any]:
    status = {"State": state, "Err": error}
    return {"ID": f"{slot}{state}", "Slot": slot, "NodeID": node, "DesiredState": wanted, "Status": status}


def test_a_scale_to_five_stands_there_as_docker_prints_it() -> None:
    bars, wanted = bars_for(service(Replicated={"Replicas": 5})), service(Replicated={"Replicas": 5})
    told = list(bars.lines(wanted, [task(1, "running"), task(2, "preparing")], {"n"}, False))
    assert not bars.is_converged
    assert shown(told)[:3] == [
        "overall progress: 1 out of 5 tasks",
        f"1/5: running   {FULL}",
        "2/5: preparing [=================================>                 ]",
    ]
    told += bars.lines(wanted, [task(slot, "running") for slot in range(1, 6)], {"n"}, False)
    assert bars.is_converged
    assert shown(told) == [
        "overall progress: 5 out of 5 tasks",
        *(f"{place}/5: running   {FULL}" for place in range(1, 6)),
        "",
    ]


def test_a_task_that_waits_says_why() -> None:
    bars = bars_for(service(Replicated={"Replicas": 1}))
    waits = "no suitable node (scheduling constraints not satisfied on 2 nodes)"
    told = bars.lines(service(Replicated={"Replicas": 1}), [task(1, "pending", node="", error=waits)], {"n"}, False)
    assert shown(list(told))[1] == f"1/1: {waits}"


def test_more_tasks_than_lines_are_only_summed_up() -> None:
    bars = bars_for(service(Replicated={"Replicas": 21}))
    told = list(bars.lines(service(Replicated={"Replicas": 21}), [task(1, "running")], {"n"}, False))
    assert {one["id"] for one in told} == {"overall progress"}


def test_one_task_less_after_convergence_takes_it_back() -> None:
    wanted = service(Replicated={"Replicas": 1})
    bars = bars_for(wanted)
    list(bars.lines(wanted, [task(1, "running")], {"n"}, False))
    assert bars.is_converged
    list(bars.lines(wanted, [task(1, "failed", wanted="shutdown")], {"n"}, False))
    assert not bars.is_converged


def test_a_slot_shows_the_task_that_is_to_be_there() -> None:
    old, new = task(1, "running", wanted="shutdown"), task(1, "starting")
    lost = task(2, "running", node="lost")
    assert current_by_slot([old, new, lost], {"n"}) == {1: new}


def test_zero_replicas_have_converged_at_once() -> None:
    wanted = service(Replicated={"Replicas": 0})
    bars = bars_for(wanted)
    assert shown(list(bars.lines(wanted, [], {"n"}, False)))[0] == "overall progress: 0 out of 0 tasks"
    assert bars.is_converged


def test_a_global_service_waits_for_its_tasks_and_then_for_every_node() -> None:
    wanted = service(Global={})
    bars = bars_for(wanted)
    told = list(bars.lines(wanted, [], {"a", "b"}, False))
    assert shown(told)[0] == "overall progress: waiting for new tasks" and not bars.is_converged
    told += bars.lines(wanted, [task(0, "running", node="a"), task(0, "starting", node="b")], {"a", "b"}, False)
    assert shown(told)[0] == "overall progress: 1 out of 2 tasks" and not bars.is_converged
    list(bars.lines(wanted, [task(0, "running", node="a"), task(0, "running", node="b")], {"a", "b"}, False))
    assert bars.is_converged


def test_a_rollback_says_so() -> None:
    wanted = service(Replicated={"Replicas": 2})
    told = list(bars_for(wanted).lines(wanted, [task(1, "running")], {"n"}, True))
    assert shown(told)[0] == "overall progress: rolling back update: 1 out of 2 tasks"


def test_a_job_counts_what_is_complete() -> None:
    job = {**service(ReplicatedJob={"TotalCompletions": 10, "MaxConcurrent": 2}), "JobStatus": {}}
    bars = bars_for(job)
    tasks = [task(1, "complete", wanted="complete"), task(2, "running", wanted="complete")]
    lines = shown(list(bars.lines(job, tasks, {"n"}, False)))
    assert lines[:4] == [
        "job progress:  1 out of 10 complete [=====>                                             ]",
        "active tasks: 1 out of 2 tasks",
        f"1/10: complete  {FULL}",
        "2/10: running   [=============================================>     ]",
    ]
    list(bars.lines(job, [task(slot, "complete", wanted="complete") for slot in range(1, 11)], {"n"}, False))
    assert bars.is_converged
