"""Containers outside services: addresses that nobody else has, for as long as their node says that they are there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from shoal.cluster.assignments import assignment
from shoal.errors import Forbidden, NotFound, NotLeader
from shoal.model.cluster.assignment import Attached, Report
from shoal.model.network import Ipam, NetworkSpec, Pool
from shoal.swarm.manager import Manager
from tests.support.managers import MANAGER, WORKER, open_manager, task

SPEC = NetworkSpec(name="ov", driver="overlay", attachable=True, ipam=Ipam(config=(Pool(subnet="10.9.0.0/24"),)))


@asynccontextmanager
async def opened(spec: NetworkSpec = SPEC) -> AsyncIterator[tuple[Manager, str]]:
    """(manager, id of the network)"""
    async with open_manager() as manager:
        yield manager, await manager.networks.create(spec)


def wish(network_id: str, container: str = "c1", ipv4: str = "") -> Attached:
    return Attached(container_id=container, network_id=network_id, name=container, ipv4=ipv4, names=(container,))


async def report(manager: Manager, *attached: Attached, node_id: str = WORKER) -> None:
    await manager.dispatcher.report(node_id, Report(attached=attached))


def known(manager: Manager) -> dict[str, str]:
    """{container: address}"""
    tasks = manager.ledger.view.tasks_of.get("", {}).values()
    return {one.status.container_id: one.addresses[0].ipv4 for one in tasks if one.addresses}


async def test_each_has_an_address_of_its_own_and_the_same_one_when_it_asks_again() -> None:
    async with opened() as (manager, ov):
        first = await manager.dispatcher.attach(WORKER, wish(ov))
        second = await manager.dispatcher.attach(MANAGER, wish(ov, "c2"))
        assert first.ipv4 != second.ipv4
        assert await manager.dispatcher.attach(WORKER, wish(ov)) == first
        assert known(manager) == {"c1": first.ipv4, "c2": second.ipv4}


async def test_a_leader_whose_time_is_over_sends_the_node_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as (manager, ov):
        monkeypatch.setattr(manager.dispatcher, "_epoch", 7)  # of a lead that has ended, which it does not know yet
        with pytest.raises(NotLeader):
            await manager.dispatcher.attach(WORKER, wish(ov))
        assert known(manager) == {}


async def test_every_node_knows_where_it_is_and_none_is_told_to_make_it() -> None:
    async with opened() as (manager, ov):
        found = await manager.dispatcher.attach(WORKER, wish(ov))
        for node_id in (MANAGER, WORKER):
            told = assignment(manager.ledger.view, node_id)
            assert told.overlay is not None
            (endpoint,) = told.overlay.endpoints.values()
            assert (endpoint.node_id, endpoint.addresses[0].ipv4, endpoint.takes_new) == (WORKER, found.ipv4, True)
            assert not told.tasks
        assert not await manager.services.tasks({})


async def test_of_two_nodes_that_want_one_address_at_once_one_gets_it() -> None:
    async with opened() as (manager, ov):
        wishes = [(WORKER, "c1"), (MANAGER, "c2")]
        asked = [manager.dispatcher.attach(node, wish(ov, name, "10.9.0.200")) for node, name in wishes]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        (error,) = (answer for answer in answers if isinstance(answer, BaseException))
        assert isinstance(error, Forbidden)
        assert error.message == "Address already in use"
        assert list(known(manager).values()) == ["10.9.0.200"]
        assert len(manager.ledger.view.tasks_of[""]) == 1


@pytest.mark.parametrize("address", ["10.9.0.0", "10.9.0.1", "10.9.0.255", "10.10.0.5", "10.9.0.9"])
async def test_nobody_gets_an_address_that_is_no_endpoints_to_have(address: str) -> None:
    async with opened() as (manager, ov):
        await manager.dispatcher.attach(WORKER, wish(ov, "c0", "10.9.0.9"))
        with pytest.raises(Forbidden, match="Address already in use"):
            await manager.dispatcher.attach(MANAGER, wish(ov, "c1", address))
        assert known(manager) == {"c0": "10.9.0.9"}


async def test_only_attachable_networks_that_are_there() -> None:
    async with opened(replace(SPEC, attachable=False)) as (manager, ov):
        with pytest.raises(Forbidden, match="network ov not manually attachable"):
            await manager.dispatcher.attach(WORKER, wish(ov))
        with pytest.raises(NotFound, match="network nowhere not found"):
            await manager.dispatcher.find_network(WORKER, "nowhere")
        assert await manager.dispatcher.find_network(WORKER, "ov") == ov


async def test_what_a_node_does_not_list_is_forgotten_and_what_only_it_knows_is_learnt() -> None:
    async with opened() as (manager, ov):
        first = await manager.dispatcher.attach(WORKER, wish(ov))
        other = await manager.dispatcher.attach(MANAGER, wish(ov, "other"))
        await report(manager, wish(ov), wish(ov, "alone", "10.9.0.250"), wish("gone", "alone", "10.8.0.250"))
        await manager.ledger.mirror.catch_up()
        async with asyncio.timeout(5):
            while len(known(manager)) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert known(manager) == {"c1": first.ipv4, "other": other.ipv4, "alone": "10.9.0.250"}
        await report(manager)
        assert known(manager) == {"other": other.ipv4}


async def test_a_container_that_is_renamed_is_found_by_its_new_name() -> None:
    async with opened() as (manager, ov):
        found = await manager.dispatcher.attach(WORKER, wish(ov))
        await report(manager, replace(found, name="new", names=("new",)))
        (one,) = manager.ledger.view.tasks_of[""].values()
        assert one.addresses[0].aliases == ("new",)
        assert one.addresses[0].ipv4 == found.ipv4


async def test_those_of_a_node_that_is_removed_are_forgotten() -> None:
    async with opened() as (manager, ov):
        await manager.dispatcher.attach(WORKER, wish(ov))
        await manager.ledger.write([task("t1", service_id="s", node_id=MANAGER)], deletes=[f"nodes/{WORKER}"])
        async with asyncio.timeout(5):
            while known(manager):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
