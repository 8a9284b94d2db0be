"""One task on a node: in which order what is done, and what the managers hear of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from shoal.errors import NotFound
from shoal.model.cluster.assignment import OverlayState, Peer
from shoal.model.cluster.task import Address, Task, TaskState, TaskStatus
from shoal.model.container import ContainerSpec
from shoal.swarm.agent.overlays import Overlays
from shoal.swarm.agent.worker import Tools, Worker
from tests.support.fake_executor import FakeExecutor, FakeOverlay
from tests.support.managers import Clock, task, task_spec

S = TaskState


class Desk:
    """A worker with everything that it uses."""

    def __init__(self) -> None:
        self.executor = FakeExecutor()
        self.overlay = FakeOverlay()
        self.told: list[TaskStatus] = []
        self.overlays = Overlays(self.overlay)
        self.worker: Worker
        self._news = asyncio.Condition()

    async def _values(self, of: Task) -> Mapping[str, bytes]:
        return {}

    def _report(self, task_id: str, status: TaskStatus) -> None:
        self.told.append(status)

    @property
    def states(self) -> list[TaskState]:
        return [status.state for status in self.told]

    @property
    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.executor.calls]

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(0)

    def wish(self, desired: TaskState) -> None:
        self.worker.update(replace(self.worker.task, desired=desired))


@asynccontextmanager
async def working(
    of: Task, found: TaskStatus | None = None, setup: Callable[[Desk], Any] | None = None
) -> AsyncIterator[Desk]:
    desk = Desk()
    if setup is not None:
        setup(desk)
    await desk.overlays.want(OverlayState(own=Peer(node_id="w", number=1, address="")))
    tools = Tools(
        executor=desk.executor, overlays=desk.overlays, now_ns=Clock(), values=desk._values, report=desk._report
    )
    desk.worker = Worker(of, found, tools)
    work = [asyncio.create_task(desk.worker.run()), asyncio.create_task(desk.overlays.run())]
    work.append(asyncio.create_task(_observe(desk)))
    try:
        yield desk
        assert not work[0].done() or work[0].exception() is None
    finally:
        for item in work:
            item.cancel()
        await asyncio.gather(*work, return_exceptions=True)


async def _observe(desk: Desk) -> None:
    async for _, status in desk.executor.observe():
        desk.worker.observed(status)


async def test_a_task_goes_all_the_way_to_running() -> None:
    async with working(task()) as desk:
        await desk.until(lambda: desk.worker.status.state is S.RUNNING)
        assert desk.states == [S.ACCEPTED, S.PREPARING, S.READY, S.STARTING, S.RUNNING]
        assert desk.verbs == ["prepare", "start"]


async def test_a_task_that_is_to_be_ready_waits_to_be_wanted() -> None:
    async with working(task(desired=S.READY)) as desk:
        await desk.until(lambda: desk.worker.status.state is S.READY)
        assert desk.verbs == ["prepare"]
        desk.wish(S.RUNNING)
        await desk.until(lambda: desk.worker.status.state is S.RUNNING)


async def test_what_cannot_be_prepared_is_rejected_with_the_reason() -> None:
    def setup(desk: Desk) -> None:
        desk.executor.fails["prepare", "t1"] = NotFound("No such image: x")

    async with working(task(), setup=setup) as desk:
        await desk.until(lambda: desk.worker.status.state is S.REJECTED)
        assert desk.told[-1].error == "No such image: x"
        assert "start" not in desk.verbs


async def test_what_cannot_be_started_has_failed() -> None:
    def setup(desk: Desk) -> None:
        desk.executor.fails["start", "t1"] = NotFound("executable file not found")

    async with working(task(), setup=setup) as desk:
        await desk.until(lambda: desk.worker.status.state is S.FAILED)
        assert desk.told[-1].error == "executable file not found"


@pytest.mark.parametrize("verb", ["prepare", "start"])
async def test_an_error_that_nobody_thought_of_fails_the_task_alone(verb: str) -> None:
    def setup(desk: Desk) -> None:
        desk.executor.fails[verb, "t1"] = OSError(28, "No space left on device")

    async with working(task(), setup=setup) as desk:
        await desk.until(lambda: desk.worker.status.state is S.FAILED)
        assert desk.told[-1].error == f"{verb} failed: [Errno 28] No space left on device"


async def test_with_a_health_check_it_runs_when_it_is_healthy() -> None:
    async with working(task(), setup=lambda desk: desk.executor.health.add("t1")) as desk:
        await desk.until(lambda: "t1" in desk.executor.here and desk.executor.here["t1"].state is S.STARTING)
        assert desk.states[-1] is S.STARTING
        desk.executor.tell("t1", TaskStatus(state=S.RUNNING))
        await desk.until(lambda: desk.states[-1] is S.RUNNING)


async def test_an_unhealthy_one_is_told_of_and_stopped() -> None:
    async with working(task()) as desk:
        await desk.until(lambda: desk.worker.status.state is S.RUNNING)
        desk.executor.tell("t1", TaskStatus(state=S.FAILED, error="task: unhealthy container"))
        await desk.until(lambda: "stop" in desk.verbs)
        assert desk.told[-1].error == "task: unhealthy container"


async def test_a_preparation_is_given_up_when_nobody_wants_it() -> None:
    async with working(task(), setup=lambda desk: desk.executor.holds["prepare", "t1"].clear()) as desk:
        await desk.until(lambda: desk.verbs == ["prepare"])
        desk.wish(S.SHUTDOWN)
        await desk.until(lambda: desk.worker.status.state is S.SHUTDOWN)
        assert desk.verbs == ["prepare"]


async def test_it_is_told_to_end_when_nobody_is_connected_any_more() -> None:
    on_network = task(addresses=(Address(network_id="n", ipv4="10.1.0.2"),))
    async with working(on_network, setup=lambda desk: desk.overlay.idle["t1"].clear()) as desk:
        await desk.until(lambda: desk.worker.status.state is S.RUNNING)
        desk.wish(S.SHUTDOWN)
        await desk.until(lambda: desk.overlay.drained_tasks == ["t1"])
        assert "stop" not in desk.verbs
        desk.overlay.idle["t1"].set()
        await desk.until(lambda: desk.worker.status.state is S.SHUTDOWN)
        assert desk.verbs[-1] == "stop"


async def test_its_own_end_while_it_drains_counts() -> None:
    on_network = task(addresses=(Address(network_id="n", ipv4="10.1.0.2"),))
    async with working(on_network, setup=lambda desk: desk.overlay.idle["t1"].clear()) as desk:
        await desk.until(lambda: desk.worker.status.state is S.RUNNING)
        desk.wish(S.SHUTDOWN)
        await desk.until(lambda: desk.overlay.drained_tasks)
        desk.executor.tell("t1", TaskStatus(state=S.FAILED, exit_code=3))
        await desk.until(lambda: desk.worker.status.state is S.FAILED)
        assert desk.worker.status.exit_code == 3


async def test_draining_ends_with_the_time_to_stop() -> None:
    spec = task_spec(container=ContainerSpec(image="busybox", stop_timeout_s=0))
    on_network = task(spec=spec, addresses=(Address(network_id="n", ipv4="10.1.0.2"),))
    async with working(on_network, setup=lambda desk: desk.overlay.idle["t1"].clear()) as desk:
        await desk.until(lambda: desk.worker.status.state is S.RUNNING)
        desk.wish(S.SHUTDOWN)
        await desk.until(lambda: desk.worker.status.state is S.SHUTDOWN)


async def test_how_it_ends_when_it_was_stopped_says_nothing() -> None:
    async with working(task()) as desk:
        await desk.until(lambda: desk.worker.status.state is S.RUNNING)
        desk.wish(S.SHUTDOWN)
        await desk.until(lambda: desk.worker.status.state is S.SHUTDOWN)
        assert S.FAILED not in desk.states


async def test_a_forgotten_task_is_stopped_and_removed_and_its_worker_ends() -> None:
    async with working(task()) as desk:
        await desk.until(lambda: desk.worker.status.state is S.RUNNING)
        told = len(desk.told)
        desk.worker.forget()
        await desk.until(lambda: desk.verbs[-1] == "remove")
        assert desk.verbs[-2:] == ["stop", "remove"]
        assert len(desk.told) == told  # nobody wants to know


@pytest.mark.parametrize(
    ("last", "desired", "found", "first"),
    [
        (S.ASSIGNED, S.RUNNING, None, S.ASSIGNED),
        (S.READY, S.RUNNING, None, S.ACCEPTED),
        (S.RUNNING, S.RUNNING, None, S.FAILED),
        (S.RUNNING, S.RUNNING, S.RUNNING, S.RUNNING),
        (S.RUNNING, S.RUNNING, S.COMPLETE, S.COMPLETE),
        (S.READY, S.RUNNING, S.READY, S.PREPARING),
        (S.ASSIGNED, S.RUNNING, S.RUNNING, S.RUNNING),
        (S.SHUTDOWN, S.SHUTDOWN, S.FAILED, S.SHUTDOWN),
    ],
)
async def test_where_an_engine_that_starts_again_begins(
    last: TaskState, desired: TaskState, found: TaskState | None, first: TaskState
) -> None:
    desk = Desk()
    tools = Tools(
        executor=desk.executor, overlays=desk.overlays, now_ns=Clock(), values=desk._values, report=desk._report
    )
    here = None if found is None else TaskStatus(state=found)
    assert Worker(task(state=last, desired=desired), here, tools).status.state is first
