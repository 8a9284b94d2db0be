"""An agent and a manager, without a machine: sessions break, engines start again, nodes are cut off."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from shoal.errors import Unavailable
from shoal.model.cluster.assignment import AssignmentChange, Attached, Report
from shoal.model.cluster.node import NodeDescription
from shoal.model.cluster.task import FileReference, Task, TaskState, TaskStatus
from shoal.model.network import NetworkSpec
from shoal.simulation.loop import VirtualLoop
from shoal.swarm.agent import Agent
from shoal.swarm.manager import Manager
from tests.support.fake_executor import FakeExecutor, FakeOverlay
from tests.support.managers import WORKER, Clock, open_manager, task, task_spec

S = TaskState


class Memory:
    """A record that a test can look into."""

    def __init__(self) -> None:
        self.data = b""

    async def load(self) -> bytes:
        return self.data

    async def save(self, data: bytes) -> None:
        self.data = data


class Wire:
    """The way to a manager, that can be cut."""

    def __init__(self, manager: Manager | None) -> None:
        self.manager = manager
        self.sessions = 0
        self._cut = asyncio.Event()

    def cut(self) -> None:
        self.manager, before = None, self._cut
        self._cut = asyncio.Event()
        before.set()

    def _there(self) -> Manager:
        if self.manager is None:
            raise Unavailable("no manager answers")
        return self.manager

    async def session(self, node_id: str, description: NodeDescription) -> AsyncIterator[AssignmentChange]:
        manager, cut = self._there(), asyncio.ensure_future(self._cut.wait())
        changes = manager.dispatcher.session(node_id, description)
        coming = cut
        self.sessions += 1
        try:
            while True:
                coming = asyncio.ensure_future(anext(changes))  # type: ignore[arg-type]
                await asyncio.wait([coming, cut], return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    raise Unavailable("the line is cut")
                yield coming.result()  # type: ignore[misc]
        finally:
            for item in (cut, coming):
                item.cancel()
            await asyncio.gather(cut, coming, return_exceptions=True)
            await changes.aclose()  # type: ignore[attr-defined]

    async def beat(self, node_id: str) -> float:
        return await self._there().dispatcher.beat(node_id)

    async def report(self, node_id: str, report: Report) -> None:
        await self._there().dispatcher.report(node_id, report)

    async def attach(self, node_id: str, wish: Attached) -> Attached:
        return await self._there().dispatcher.attach(node_id, wish)

    async def find_network(self, node_id: str, reference: str) -> str:
        return await self._there().dispatcher.find_network(node_id, reference)


class Node:
    """One node: what outlives its engine, and its agent."""

    def __init__(self, manager: Manager | None) -> None:
        self.executor = FakeExecutor()
        self.record = Memory()
        self.wire = Wire(manager)
        self.overlay = FakeOverlay()
        self.agent: Agent

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[Agent]:
        overlay = self.overlay = FakeOverlay()
        agent = self.agent = Agent(WORKER, self.executor, overlay, self.wire, now_ns=Clock(), record=self.record)
        running = asyncio.create_task(agent.run())
        try:
            yield agent
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def state(self, manager: Manager, task_id: str) -> TaskState | None:
        found = manager.ledger.view.tasks.get(task_id)
        return found.status.state if found else None


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def own(task_id: str = "t1", **changes: object) -> Task:
    return task(task_id, **({"service_id": "", "node_id": WORKER} | changes))


async def test_a_task_that_is_assigned_runs_and_the_manager_knows() -> None:
    async with open_manager(own()) as manager:
        node = Node(manager)
        async with node.engine():
            await until(lambda: node.state(manager, "t1") is S.RUNNING)


async def test_what_happened_without_a_line_is_told_afterwards() -> None:
    async with open_manager(own()) as manager:
        node = Node(manager)
        async with node.engine() as agent:
            await until(lambda: node.state(manager, "t1") is S.RUNNING)
            node.wire.cut()
            await until(lambda: not agent.is_connected)
            node.executor.tell("t1", TaskStatus(state=S.FAILED, error="task: non-zero exit (1)"))
            await until(lambda: agent.error == "no manager answers")
            assert node.state(manager, "t1") is S.RUNNING
            node.wire.manager = manager
            await until(lambda: node.state(manager, "t1") is S.FAILED)
            assert agent.is_connected


async def test_what_was_replaced_meanwhile_is_stopped_on_return() -> None:
    async with open_manager(own("t1"), own("t2")) as manager:
        node = Node(manager)
        async with node.engine() as agent:
            await until(lambda: node.state(manager, "t2") is S.RUNNING)
            node.wire.cut()
            await until(lambda: not agent.is_connected)
            gone = manager.ledger.view.tasks["t1"]
            object.__setattr__(gone, "desired", S.SHUTDOWN)
            await manager.ledger.write([gone], deletes=["tasks/t2"])
            assert node.executor.here.keys() == {"t1", "t2"}
            node.wire.manager = manager
            await until(lambda: "t2" not in node.executor.here and ("stop", "t1") in node.executor.calls)


async def test_a_task_that_is_told_again_while_it_is_removed_is_known_to_be_lost() -> None:
    async with open_manager(own()) as manager:
        node = Node(manager)
        async with node.engine():
            await until(lambda: node.state(manager, "t1") is S.RUNNING)
            wanted = manager.ledger.view.tasks["t1"]
            node.executor.holds["stop", "t1"].clear()
            await manager.ledger.write(deletes=["tasks/t1"])
            await until(lambda: ("stop", "t1") in node.executor.calls)
            await manager.ledger.write([wanted])
            await until(lambda: "t1" in node.agent.assignment.tasks)
            node.executor.holds["stop", "t1"].set()
            await until(lambda: node.state(manager, "t1") is S.FAILED)
            assert node.executor.here == {}


async def test_an_engine_that_finds_no_manager_goes_on_with_what_it_was_told() -> None:
    async with open_manager(own()) as manager:
        node = Node(manager)
        async with node.engine() as agent:
            await until(lambda: node.state(manager, "t1") is S.RUNNING and b'"t1"' in node.record.data)
        node.wire.cut()
        calls = list(node.executor.calls)
        async with node.engine() as agent:
            await until(lambda: agent.error)
            assert agent.assignment.tasks.keys() == {"t1"}
            assert node.executor.calls == calls  # nothing was started, stopped or removed
            node.wire.manager = manager
            await until(lambda: agent.is_connected)
            await asyncio.sleep(0.05)
            assert node.executor.calls == calls
        assert node.state(manager, "t1") is S.RUNNING


def attached_there(manager: Manager) -> dict[str, str]:
    """{container: address} of containers outside services that the manager knows."""
    tasks = manager.ledger.view.tasks_of.get("", {}).values()
    return {one.status.container_id: one.addresses[0].ipv4 for one in tasks if one.is_attachment and one.addresses}


async def test_what_managers_think_is_attached_and_is_not_is_forgotten() -> None:
    async with open_manager() as manager:
        node = Node(manager)
        network_id = await manager.networks.create(NetworkSpec(name="ov", driver="overlay", attachable=True))
        async with node.engine() as agent:
            await until(lambda: agent.is_connected)
            # Asked by somebody who heard no answer: this node has no such container.
            await manager.dispatcher.attach(WORKER, Attached(container_id="c1", network_id=network_id, name="c1"))
            await until(lambda: not attached_there(manager))


def test_networks_on_record_are_applied_only_where_no_manager_says_what_is_right() -> None:
    """What the kernel has is newer than the record of an engine that was killed. On a clock that jumps."""

    async def story() -> None:
        async with open_manager(own()) as manager:
            node = Node(manager)
            async with node.engine():
                await until(lambda: node.state(manager, "t1") is S.RUNNING and b'"t1"' in node.record.data)
                await asyncio.sleep(1)
            old = node.record.data
            await manager.networks.create(NetworkSpec(name="newer", driver="overlay", attachable=True))
            node.record.data = old
            async with node.engine() as agent:
                await until(lambda: agent.is_connected and node.overlay.applied)
                await asyncio.sleep(10)
                assert [len(state.networks) for state in node.overlay.applied] == [2]
            node.record.data = old
            node.wire.cut()
            async with node.engine():
                await asyncio.sleep(1)
                assert not node.overlay.applied
                await until(lambda: node.overlay.applied)
                assert len(node.overlay.applied[0].networks) == 1

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


async def test_values_are_never_written_down_and_a_task_waits_for_them() -> None:
    async with open_manager() as manager:
        secret = await manager.secrets.create("key", b"very secret", {})
        spec = task_spec(files=(FileReference(kind="secrets", id=secret, name="key"),))
        await manager.ledger.write([own(spec=spec)])
        node = Node(manager)
        async with node.engine():
            await until(lambda: node.state(manager, "t1") is S.RUNNING and b'"t1"' in node.record.data)
            assert node.executor.files["t1"] == {secret: b"very secret"}
        assert b"very secret" not in node.record.data
        assert b"dmVyeSBzZWNyZXQ" not in node.record.data  # base64


async def test_containers_of_tasks_that_nobody_knows_are_removed() -> None:
    async with open_manager() as manager:
        node = Node(manager)
        node.executor.here["old"] = TaskStatus(state=S.RUNNING)
        async with node.engine():
            await until(lambda: not node.executor.here)


async def test_a_record_that_cannot_be_read_is_as_none() -> None:
    async with open_manager(own()) as manager:
        node = Node(manager)
        node.record.data = b"{broken"
        async with node.engine():
            await until(lambda: node.state(manager, "t1") is S.RUNNING)


@pytest.mark.parametrize("removed_first", [True, False])
async def test_a_node_that_was_removed_knows_it(removed_first: bool) -> None:
    async with open_manager() as manager:
        node = Node(manager)
        if removed_first:
            await manager.nodes.remove(WORKER, force=True)
        async with node.engine() as agent:
            if not removed_first:
                await until(lambda: agent.is_connected)
                await manager.nodes.remove(WORKER, force=True)
            await until(lambda: agent.is_removed)
            assert "is not a member of this cluster" in agent.error
