"""The leader's tick and the mirror: what a decision asks for is written, whoever writes besides."""

import asyncio
from collections.abc import Callable

import pytest

from shoal.cluster.plan import Delete
from shoal.contracts.cluster.store import Changes
from shoal.errors import NotLeader
from shoal.model.cluster.node import NodeDescription, NodeState
from shoal.model.cluster.task import Attachment, TaskState
from shoal.model.network import Ipam, NetworkSpec, Pool
from shoal.simulation.loop import VirtualLoop
from shoal.simulation.store import SimulatedCluster, Weather
from shoal.swarm.manager import Manager
from shoal.swarm.manager.leader import TTL_S
from shoal.swarm.manager.tick import COMMIT_CHANGES, parts
from tests.support.managers import WORKER, manager_on, node, open_manager, service_spec


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def ready(node_id: str = "r") -> object:
    record = node(node_id)
    object.__setattr__(record, "state", NodeState.READY)
    return record


def assigned(manager: Manager) -> list[str]:
    tasks = manager.ledger.view.tasks.values()
    return [task.id for task in tasks if task.node_id and task.status.state >= TaskState.ASSIGNED]


async def test_a_service_gets_its_tasks() -> None:
    async with open_manager(ready()) as manager:
        await manager.services.create(service_spec(replicas=3))
        await until(lambda: len(assigned(manager)) == 3)


async def test_others_may_write_at_any_time() -> None:
    async with open_manager(ready()) as manager:
        await manager.services.create(service_spec(replicas=1))
        for replicas in range(2, 12):
            found = await manager.services.resolve("web")
            await manager.services.update("web", found.version, service_spec(replicas=replicas))
        await until(lambda: len(assigned(manager)) == 11)


async def test_why_a_task_waits_is_in_its_status() -> None:
    async with open_manager() as manager:  # no node is ready
        await manager.services.create(service_spec())
        await until(lambda: [t for t in manager.ledger.view.tasks.values() if t.status.error])
        assert not assigned(manager)


def test_a_follower_leads_when_the_leader_has_gone() -> None:
    async def story() -> None:
        cluster = SimulatedCluster()
        second = manager_on(cluster, "second")
        async with open_manager(ready(), cluster=cluster) as first:
            await second.ledger.store.open()
            await second.open()
            await second.services.create(service_spec(replicas=2))
            await until(lambda: len(assigned(first)) == 2)
            assert not second.is_leader
        try:
            await asyncio.sleep(2)
            assert second.is_leader
            await second.nodes.update(WORKER, second.ledger.view.revisions[f"nodes/{WORKER}"], node(WORKER).spec)
            found = await second.services.resolve("web")
            await second.services.update("web", found.version, service_spec(replicas=3))
            await asyncio.sleep(1)
            assert len(second.ledger.view.tasks) == 3
        finally:
            await second.close()
            await second.ledger.store.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


def test_a_new_leader_says_and_decides_nothing_before_it_has_seen_all() -> None:
    """Told from an old view, nodes would end tasks that are wanted, and addresses would be given twice."""

    async def story() -> None:
        cluster = SimulatedCluster()
        second = manager_on(cluster, "second")
        held: list[Changes] = []
        async with open_manager(ready(), cluster=cluster) as first:
            await second.ledger.store.open()
            await second.open()
            mirror = second.ledger.mirror
            apply, mirror._apply = mirror._apply, held.append  # type: ignore[method-assign]
            await first.services.create(service_spec(replicas=2))
            await until(lambda: len(assigned(first)) == 2)
        try:
            await asyncio.sleep(30)
            assert second.is_leader
            with pytest.raises(NotLeader):
                await anext(aiter(second.dispatcher.session("r", NodeDescription())))
            assert len(cluster.table.range("tasks/").values) == 2
            mirror._apply = apply  # type: ignore[method-assign]
            for changes in list(held):
                apply(changes)
            await asyncio.sleep(1)
            told = await anext(aiter(second.dispatcher.session("r", NodeDescription())))
            assert len(told.tasks) == 2
        finally:
            await second.close()
            await second.ledger.store.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


def test_a_leader_that_was_stopped_for_a_while_tells_nobody_anything() -> None:
    """Another one may lead since; what it would write is refused, what it would tell must not be told."""

    async def story() -> None:
        async with open_manager(ready()) as manager:
            await until(lambda: manager.dispatcher.leads)
            session = aiter(manager.dispatcher.session("r", NodeDescription()))
            await anext(session)
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.pass_time(TTL_S + 1)
            assert not manager.is_leader
            with pytest.raises(NotLeader):
                await anext(aiter(manager.dispatcher.session("r", NodeDescription())))
            manager.dispatcher._sessions.mark(manager.ledger.view, manager.ledger.view, None)
            with pytest.raises(NotLeader):
                await anext(session)
            await until(lambda: manager.dispatcher.leads)  # nobody else did

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


def test_managers_without_a_quorum_know_it() -> None:
    """Who leads as well as who follows, until the others are back."""
    there = True

    async def story() -> None:
        nonlocal there
        cluster, weather = SimulatedCluster(), Weather(has_quorum=lambda: there)
        managers = [manager_on(cluster, name, weather=weather) for name in ("first", "second")]
        for manager in managers:
            await manager.ledger.store.open()
            await manager.open()
        try:
            await asyncio.sleep(2)
            assert [manager.is_leader for manager in managers] == [True, False]
            assert all(manager.has_quorum for manager in managers)
            there = False
            await asyncio.sleep(TTL_S + 0.1)
            assert not managers[0].dispatcher.leads, "another one may lead by now"
            await asyncio.sleep(20)
            assert [(manager.has_quorum, manager.is_leader) for manager in managers] == [(False, False)] * 2
            there = True
            await asyncio.sleep(10)
            assert all(manager.has_quorum for manager in managers)
        finally:
            there = True
            for manager in managers:
                await manager.close()
                await manager.ledger.store.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


async def test_addresses_of_attachable_networks_are_of_the_lower_half() -> None:
    """The upper half is given by the nodes, to containers that are attached by hand."""
    pool = Pool(subnet="10.9.0.0/26", gateway="10.9.0.1")
    network = NetworkSpec(name="front", driver="overlay", attachable=True, ipam=Ipam(config=(pool,)))
    async with open_manager(ready()) as manager:
        await manager.networks.create(network)
        await manager.services.create(service_spec(replicas=40, networks=(Attachment(target="front"),)))
        await until(lambda: len(assigned(manager)) >= 25)
        tasks = manager.ledger.view.tasks.values()
        given = sorted(int(address.ipv4.rpartition(".")[2]) for task in tasks for address in task.addresses)
        assert given[-1] == 31
        assert len(given) == len(set(given))


async def test_the_view_survives_a_store_that_forgets() -> None:
    cluster = SimulatedCluster()
    async with open_manager(ready(), cluster=cluster) as manager:
        for number in range(5):
            await manager.services.create(service_spec(f"s{number}", replicas=0))
            await manager.ledger.store.compact(manager.ledger.view.version)
        assert len(await manager.services.list({})) == 5


def test_a_plan_that_is_too_large_is_written_in_parts() -> None:
    changes = [Delete(kind="tasks", id=str(number), cause="") for number in range(COMMIT_CHANGES * 2 + 1)]
    split = parts(changes)
    assert [len(part) for part in split] == [COMMIT_CHANGES, COMMIT_CHANGES, 1]
    assert [change for part in split for change in part] == changes
