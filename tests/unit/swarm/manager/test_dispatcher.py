"""Sessions of nodes with the leader: what they are told, what they tell, and when they are called down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from shoal.errors import Forbidden, NotLeader, Unavailable
from shoal.model.cluster.assignment import AssignmentChange, Report
from shoal.model.cluster.node import NodeDescription, NodeState
from shoal.model.cluster.task import FileReference, TaskState, TaskStatus
from shoal.model.network import NetworkSpec
from shoal.simulation.loop import VirtualLoop
from shoal.simulation.store import SimulatedCluster
from shoal.swarm.manager import Manager
from tests.support.managers import WORKER, manager_on, open_manager, service_spec, task, task_spec

ME = NodeDescription(hostname="host")
#: of no service: nothing is decided about it, so it stays as it is
OWN = {"service_id": "", "node_id": WORKER}


@asynccontextmanager
async def session(manager: Manager, node_id: str = WORKER) -> AsyncIterator[AsyncIterator[AssignmentChange]]:
    async with aclosing(manager.dispatcher.session(node_id, ME)) as changes:  # type: ignore[type-var]
        yield changes


async def soon(changes: AsyncIterator[AssignmentChange]) -> AssignmentChange:
    return await asyncio.wait_for(anext(changes), 5)


async def test_a_session_makes_a_node_ready_and_begins_with_everything() -> None:
    async with open_manager(task("t1", **OWN)) as manager, session(manager) as changes:
        first = await soon(changes)
        assert first.is_full
        assert first.tasks.keys() == {"t1"}
        node = manager.ledger.view.nodes[WORKER]
        assert (node.state, node.description) == (NodeState.READY, ME)
        assert any(network.spec.ingress for network in manager.ledger.view.networks.values())


async def test_then_it_is_told_what_is_different() -> None:
    async with open_manager(task("t1", **OWN)) as manager, session(manager) as changes:
        await soon(changes)
        await manager.ledger.write([task("t2", **OWN)])
        assert (await soon(changes)).tasks.keys() == {"t2"}
        await manager.ledger.write(deletes=["tasks/t1"])
        assert (await soon(changes)).gone == {"tasks": ("t1",)}


async def test_what_a_node_has_told_itself_is_not_told_again() -> None:
    async with open_manager(task("t1", **OWN)) as manager, session(manager) as changes:
        await soon(changes)
        await manager.dispatcher.report(WORKER, Report(statuses={"t1": TaskStatus(state=TaskState.RUNNING)}))
        assert manager.ledger.view.tasks["t1"].status.state is TaskState.RUNNING
        await manager.ledger.write([task("t2", **OWN)])
        assert (await soon(changes)).tasks.keys() == {"t2"}


async def test_values_are_told_to_nodes_whose_tasks_need_them() -> None:
    async with open_manager() as manager:
        secret = await manager.secrets.create("key", b"value", {})
        unused = await manager.secrets.create("other", b"x", {})
        spec = task_spec(files=(FileReference(kind="secrets", id=secret, name="key"),))
        await manager.ledger.write([task("t1", spec=spec, **OWN)])
        async with session(manager) as changes:
            files = (await soon(changes)).files
        assert files == {secret: b"value"}
        assert unused not in files


async def test_a_templated_file_is_the_tasks_own_and_a_bad_one_says_why() -> None:
    async with open_manager() as manager:
        good = await manager.configs.create("good", b"slot {{.Task.Slot}}", {}, template="golang")
        bad = await manager.configs.create("bad", b"{{.Nothing}}", {}, template="golang")
        files = tuple(FileReference(kind="configs", id=i, name=n) for i, n in ((good, "good"), (bad, "bad")))
        await manager.ledger.write([task("t1", spec=task_spec(files=files), slot=7, **OWN)])
        async with session(manager) as changes:
            first = await soon(changes)
        assert [file.id for file in first.tasks["t1"].spec.files] == [f"{good}/t1", f"{bad}/t1"]
        assert first.files[f"{good}/t1"] == b"slot 7"
        assert b"cannot evaluate {{.Nothing}}" in first.files[f"error/{bad}/t1"]


async def test_the_registry_login_goes_with_the_tasks_of_its_service() -> None:
    async with open_manager() as manager:
        identity, _ = await manager.services.create(service_spec(), registry_auth="login")
        async with session(manager) as changes:
            while not (change := await soon(changes)).tasks:
                assert not change.files
            assert change.files == {f"auth/{identity}": b"login"}


async def test_networks_that_anybody_may_use_are_on_every_node() -> None:
    async with open_manager() as manager:
        for name, attachable in (("front", True), ("back", False)):
            await manager.networks.create(NetworkSpec(name=name, driver="overlay", attachable=attachable))
        async with session(manager) as changes:
            networks = (await soon(changes)).networks.values()
        assert {network.spec.name for network in networks} == {"ingress", "front"}


async def test_a_cluster_without_room_for_published_ports_has_nodes_all_the_same() -> None:
    async with open_manager() as manager:
        cluster = manager.ledger.view.cluster
        assert cluster is not None
        await manager.ledger.write([replace(cluster, address_pools=())])
        async with session(manager) as changes:
            assert not (await soon(changes)).networks


async def test_strangers_are_refused() -> None:
    async with open_manager() as manager:
        with pytest.raises(Forbidden):
            async with session(manager, "nobody") as changes:
                await soon(changes)
        with pytest.raises(Forbidden):
            await manager.dispatcher.beat("nobody")


async def test_a_node_that_is_removed_learns_it() -> None:
    async with open_manager() as manager, session(manager) as changes:
        await soon(changes)
        await manager.nodes.remove(WORKER, force=True)
        with pytest.raises(Forbidden):
            await soon(changes)


async def test_a_newer_session_ends_the_one_before() -> None:
    async with open_manager() as manager, session(manager) as older:
        await soon(older)
        async with session(manager) as newer:
            await soon(newer)
            with pytest.raises(Unavailable, match="another session"):
                await soon(older)
            assert await manager.dispatcher.beat(WORKER) == 2.0


async def test_a_beat_needs_a_session() -> None:
    async with open_manager() as manager:
        with pytest.raises(Unavailable, match="no session"):
            await manager.dispatcher.beat(WORKER)


async def test_who_does_not_lead_says_who_does() -> None:
    cluster = SimulatedCluster()
    async with open_manager(cluster=cluster) as leader:
        follower = manager_on(cluster, "second")
        await follower.ledger.store.open()
        await follower.open()
        try:
            async with asyncio.timeout(5):
                while not follower.leader()[0]:  # noqa: ASYNC110
                    await asyncio.sleep(0)
            with pytest.raises(NotLeader) as refused:
                async with session(follower) as changes:
                    await soon(changes)
            assert (refused.value.leader_id, refused.value.address) == ("m", "m:2377")
            assert leader.is_leader
        finally:
            await follower.close()
            await follower.ledger.store.close()


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        ({"state": TaskState.PREPARING}, TaskState.RUNNING),
        ({"state": TaskState.FAILED, "error": "x"}, TaskState.FAILED),
    ],
)
async def test_a_state_only_grows(status: dict[str, Any], kept: TaskState) -> None:
    async with open_manager(task("t1", TaskState.RUNNING, **OWN)) as manager:
        await manager.dispatcher.report(WORKER, Report(statuses={"t1": TaskStatus(**status)}))
        assert manager.ledger.view.tasks["t1"].status.state is kept


async def test_a_node_speaks_of_its_own_tasks_only() -> None:
    async with open_manager(task("t1", TaskState.RUNNING, service_id="", node_id="m")) as manager:
        failed = TaskStatus(state=TaskState.FAILED)
        await manager.dispatcher.report(WORKER, Report(statuses={"t1": failed, "unknown": failed}))
        assert manager.ledger.view.tasks["t1"].status.state is TaskState.RUNNING


def test_tasks_of_a_node_that_is_down_for_a_day_are_given_up() -> None:
    """On a clock that jumps, with the time of day going along."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        cluster = SimulatedCluster()
        manager = manager_on(cluster, now_ns=lambda: int(loop.time() * 1e9))
        async with open_manager(task("t1", TaskState.RUNNING, **OWN), manager=manager):
            async with session(manager) as changes:
                await soon(changes)
            await asyncio.sleep(23 * 3600)
            assert manager.ledger.view.nodes[WORKER].state is NodeState.DOWN
            assert manager.ledger.view.tasks["t1"].status.state is TaskState.RUNNING
            await asyncio.sleep(2 * 3600)
            assert "t1" not in manager.ledger.view.tasks

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


def test_silence_calls_a_node_down_and_a_session_brings_it_back() -> None:
    """On a clock that jumps."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        async with open_manager() as manager:
            async with session(manager) as changes:
                await soon(changes)
                for _ in range(10):
                    await asyncio.sleep(await manager.dispatcher.beat(WORKER))
                assert manager.ledger.view.nodes[WORKER].state is NodeState.READY
                heard_at = loop.time() - 2.0
                with pytest.raises(Unavailable, match="nothing was heard"):
                    await anext(changes)
            await asyncio.sleep(0.01)
            assert loop.time() - heard_at < 8
            assert manager.ledger.view.nodes[WORKER].state is NodeState.DOWN
            assert manager.ledger.view.nodes[WORKER].message == "heartbeat failure"
            async with session(manager) as changes:
                await soon(changes)
                assert manager.ledger.view.nodes[WORKER].state is NodeState.READY

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


def test_a_new_leader_gives_nodes_the_time_to_come() -> None:
    async def story() -> None:
        cluster = SimulatedCluster()
        async with open_manager(cluster=cluster) as first, session(first) as changes:
            await soon(changes)
        second = manager_on(cluster, "second")
        await second.ledger.store.open()
        await second.open()
        try:
            await asyncio.sleep(5)
            assert second.is_leader
            assert second.ledger.view.nodes[WORKER].state is NodeState.READY
            await asyncio.sleep(5)
            assert second.ledger.view.nodes[WORKER].state is NodeState.DOWN
        finally:
            await second.close()
            await second.ledger.store.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())
