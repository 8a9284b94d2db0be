"""Jobs, schedules, and services that wait for others."""

from datetime import UTC, datetime

import pytest

from shoal.cluster.reconcile.cron import next_fire
from shoal.errors import InvalidArgument
from shoal.model.cluster.node import Availability, NodeState
from shoal.model.cluster.service import Schedule, ServiceMode, UpdateConfig
from shoal.model.cluster.task import RestartCondition, RestartPolicy
from shoal.model.cluster.task import TaskState as S
from tests.support.cluster_world import SECOND, World, a_node, service_spec, task_spec

MINUTE = 60 * SECOND


def job(name: str = "job", **fields: object) -> object:
    return service_spec(name, **{"mode": ServiceMode.REPLICATED_JOB, **fields})


def complete(world: World, service_id: str) -> int:
    """How many of its tasks ended well just now."""
    running = world.running(service_id)
    for task in running:
        world.end(task, S.COMPLETE, "")
    return len(running)


def done(world: World, service_id: str) -> list[int]:
    return [task.slot for task in world.tasks(service_id) if task.status.state == S.COMPLETE]


def test_a_replicated_job_runs_a_few_at_a_time_until_all_are_complete() -> None:
    world = World(nodes=2)
    batch = world.create(job(replicas=5, max_concurrent=2))  # type: ignore[arg-type]
    counts = []
    while True:
        world.settle()
        if not (ended := complete(world, batch)):
            break
        counts.append(ended)
    assert counts == [2, 2, 1]
    assert done(world, batch) == [1, 2, 3, 4, 5]
    assert {task.desired for task in world.tasks(batch)} == {S.COMPLETE}
    assert world.decide().changes == ()


def test_a_failed_task_of_a_job_is_tried_again_as_often_as_the_policy_says() -> None:
    world = World(nodes=1)
    policy = RestartPolicy(condition=RestartCondition.ON_FAILURE, max_attempts=2, delay_s=1.0)
    batch = world.create(job(task=task_spec(restart=policy)))  # type: ignore[arg-type]
    world.settle(seconds=60, fails=lambda task: True)
    assert [task.status.state for task in world.tasks(batch)] == [S.FAILED] * 3


def test_force_begins_the_next_iteration_and_forgets_the_one_before() -> None:
    world = World(nodes=1)
    batch = world.create(job(replicas=2))  # type: ignore[arg-type]
    world.settle()
    complete(world, batch)
    world.settle()
    first = {task.id for task in world.tasks(batch)}
    world.change(batch, task=task_spec(force=1))
    world.settle()
    assert [task.iteration for task in world.tasks(batch)] == [2, 2]
    assert not first & {task.id for task in world.tasks(batch)}
    assert world.service(batch).update_status is None


def test_a_changed_setting_that_tasks_do_not_see_runs_no_job_again() -> None:
    world = World(nodes=1)
    batch = world.create(job())  # type: ignore[arg-type]
    world.settle()
    complete(world, batch)
    world.settle()
    world.change(batch, labels={"a": "b"}, update=UpdateConfig(parallelism=3))
    world.settle()
    assert [(task.iteration, task.status.state) for task in world.tasks(batch)] == [(1, S.COMPLETE)]


def test_a_job_on_a_lost_or_draining_node_is_begun_again_elsewhere() -> None:
    for change in ({"state": NodeState.DOWN}, {"availability": Availability.DRAIN}):
        world = World(nodes=2)
        batch = world.create(job(replicas=2))  # type: ignore[arg-type]
        world.settle()
        world.set_node("node2", **change)  # type: ignore[arg-type]
        world.settle()
        running = [task for task in world.running(batch) if task.desired == S.COMPLETE]
        assert [(task.slot, task.node_id) for task in running] == [(1, "node1"), (2, "node1")]


def test_a_global_job_runs_once_on_every_node_also_on_those_that_join() -> None:
    world = World(nodes=2)
    batch = world.create(job(mode=ServiceMode.GLOBAL_JOB))  # type: ignore[arg-type]
    world.settle()
    complete(world, batch)
    world.put(a_node(3))
    world.settle()
    complete(world, batch)
    world.settle()
    assert [task.node_id for task in world.tasks(batch)] == ["node1", "node2", "node3"]
    assert {task.status.state for task in world.tasks(batch)} == {S.COMPLETE}


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("*/5 * * * *", "UTC", "2026-03-01T10:01:30", "2026-03-01T10:05:00"),
        ("0 3 * * *", "Europe/Madrid", "2026-03-01T10:00:00", "2026-03-02T02:00:00"),
        ("0 3 * * *", "Europe/Madrid", "2026-07-01T10:00:00", "2026-07-02T01:00:00"),
        # 02:30 does not exist on the night in which clocks go forward.
        ("30 2 * * *", "Europe/Madrid", "2026-03-28T12:00:00", "2026-03-29T01:00:00"),
        ("0 0 30 2 *", "UTC", "2026-03-01T10:00:00", ""),
    ],
)
def test_the_next_moment_of_a_schedule(cron: str, zone: str, after: str, expected: str) -> None:
    at = int(datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()) * SECOND
    if not expected:
        with pytest.raises(InvalidArgument):
            next_fire(Schedule(cron=cron, timezone=zone), at)
        return
    found = next_fire(Schedule(cron=cron, timezone=zone), at)
    assert datetime.fromtimestamp(found / SECOND, tz=UTC).isoformat() == f"{expected}+00:00"


def scheduled(**fields: str) -> Schedule:
    return Schedule(cron="* * * * *", **fields)


def run_for(world: World, service_id: str, minutes: int, lasts_s: int) -> list[int]:
    """The minutes in which runs began, when each of them lasts so long."""
    origin, began = world.now, []
    while world.now < origin + minutes * MINUTE:
        world.settle()
        for task in world.running(service_id):
            if world.now - task.running_at >= lasts_s * SECOND:
                world.end(task, S.COMPLETE, "")
        iteration_at = world.service(service_id).iteration_at
        if iteration_at and iteration_at not in began:
            began.append(iteration_at)
        world.now += 5 * SECOND
    return [(at - origin) // MINUTE for at in began]


@pytest.mark.parametrize(
    ("concurrency", "lasts_s", "expected"),
    [
        ("forbid", 10, [0, 1, 2, 3, 4]),
        ("forbid", 90, [0, 2, 4]),
        ("queue", 90, [0, 1, 3, 4]),
        ("allow", 90, [0, 1, 2, 3, 4]),
    ],
)
def test_a_run_that_is_due_while_one_is_under_way(concurrency: str, lasts_s: int, expected: list[int]) -> None:
    world = World(nodes=1)
    world.now += 40 * SECOND  # START is 20 s past a minute: now the next one begins
    backup = world.create(job(schedule=scheduled(concurrency=concurrency)))  # type: ignore[arg-type]
    assert run_for(world, backup, 6, lasts_s)[: len(expected)] == [minute + 1 for minute in expected]


def test_a_scheduled_job_does_not_run_before_its_time_and_says_when_it_will() -> None:
    world = World(nodes=1)
    backup = world.create(job(schedule=scheduled()))  # type: ignore[arg-type]
    plan = world.decide()
    assert world.tasks(backup) == []
    assert plan.wake_at == START_OF_NEXT_MINUTE


START_OF_NEXT_MINUTE = (World().now // MINUTE + 1) * MINUTE


@pytest.mark.parametrize(("missed_fires", "runs"), [("skip", 0), ("one", 1)])
def test_moments_that_nobody_looked_at_are_skipped_or_made_up_for_once(missed_fires: str, runs: int) -> None:
    world = World(nodes=1)
    backup = world.create(job(schedule=scheduled(missed_fires=missed_fires)))  # type: ignore[arg-type]
    world.decide()
    world.now = START_OF_NEXT_MINUTE + 10 * MINUTE + 45 * SECOND
    world.settle()
    assert len(world.tasks(backup)) == runs
    assert world.plan.wake_at == START_OF_NEXT_MINUTE + 11 * MINUTE


def test_ended_runs_of_a_schedule_are_kept_as_history() -> None:
    world = World(nodes=1, history=3)
    backup = world.create(job(schedule=scheduled()))  # type: ignore[arg-type]
    run_for(world, backup, 8, 1)
    world.settle()
    assert [task.status.state for task in world.tasks(backup)] == [S.COMPLETE] * 3


def test_a_service_waits_for_those_that_it_depends_on() -> None:
    world = World(nodes=1)
    depends = {"db": "service_healthy", "migrate": "service_completed_successfully"}
    web = world.create(service_spec("web", replicas=2, depends_on=depends))

    def holds() -> set[str]:
        return {task.hold for task in world.tasks(web)}

    world.settle()
    assert holds() == {"waits for service db, which does not exist"}
    world.create(service_spec("db"))
    migrate = world.create(job("migrate", depends_on={"db": "service_healthy"}))  # type: ignore[arg-type]
    world.decide()
    assert holds() == {"waits for service db to be healthy"}
    assert {task.desired for task in world.tasks(web)} == {S.READY}
    world.settle()
    assert holds() == {"waits for service migrate to be completed successfully"}
    assert {task.status.state for task in world.tasks(web)} == {S.READY}  # made, not started
    complete(world, migrate)
    world.settle()
    assert len(world.running(web)) == 2
    assert holds() == {""}


def test_an_update_waits_for_the_next_run_of_a_migration_and_keeps_what_runs() -> None:
    world = World(nodes=1)
    migrate = world.create(job("migrate"))  # type: ignore[arg-type]
    web = world.create(service_spec("web", depends_on={"migrate": "service_completed_successfully"}))
    world.settle()
    complete(world, migrate)
    world.settle()
    world.change(migrate, task=task_spec("migrate:2"))
    world.change(web, task=task_spec("nginx:2"))
    world.settle()
    assert [task.spec.container.image for task in world.running(web)] == ["nginx"]
    complete(world, migrate)
    world.settle(seconds=10)
    assert [task.spec.container.image for task in world.running(web)] == ["nginx:2"]


def test_a_task_that_failed_does_not_complete_a_job() -> None:
    world = World(nodes=1)
    policy = RestartPolicy(condition=RestartCondition.NONE)
    migrate = world.create(job("migrate", task=task_spec(restart=policy)))  # type: ignore[arg-type]
    web = world.create(service_spec("web", depends_on={"migrate": "service_completed_successfully"}))
    world.settle()

    world.end(world.running(migrate)[0])
    world.settle(seconds=100)
    assert [task.status.state for task in world.tasks(web)] == [S.READY]
