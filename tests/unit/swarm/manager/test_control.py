"""Nodes, secrets, configs, networks and the cluster through the control API."""

from dataclasses import replace

import pytest

from shoal.errors import Conflict, Forbidden, InvalidArgument, NotFound, VersionConflict
from shoal.model.cluster.node import NodeSpec, NodeState, Role
from shoal.model.cluster.task import Address, FileReference, TaskState
from shoal.model.network import Ipam, NetworkSpec, Pool
from tests.support.managers import MANAGER, WORKER, node, open_manager, service_spec, task


async def test_a_secret_is_sealed_and_never_told() -> None:
    async with open_manager() as manager:
        await manager.secrets.create("key", b"value", {"a": "b"})
        record = (await manager.secrets.resolve("key")).record
        assert record.value == b"sealed:value"
        assert record.size_bytes == 5
        with pytest.raises(Conflict, match="secret key already exists"):
            await manager.secrets.create("key", b"other", {})


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("", b"x", "name must be provided"),
        ("a b", b"x", "invalid name"),
        ("a", b"", "secret data must be larger than 0"),
        ("a", b"x" * 512_000, "less than 512000 bytes"),
    ],
)
async def test_secrets_that_cannot_be(name: str, data: bytes, said: str) -> None:
    async with open_manager() as manager:
        with pytest.raises(InvalidArgument, match=said):
            await manager.secrets.create(name, data, {})


async def test_a_service_without_a_name_gets_one_of_its_own() -> None:
    async with open_manager() as manager:
        names = set()
        for _ in range(3):
            created, _ = await manager.services.create(replace(service_spec(), name=""))
            names.add((await manager.services.resolve(created)).record.spec.name)
        assert len(names) == 3
        assert "" not in names


async def test_a_service_of_an_image_that_can_have_no_such_name_is_refused() -> None:
    async with open_manager() as manager:
        spec = service_spec()
        container = replace(spec.task.container, image="UPPER")
        with pytest.raises(InvalidArgument, match='ContainerSpec: "UPPER" is not a valid repository/tag'):
            await manager.services.create(replace(spec, task=replace(spec.task, container=container)))
        assert not await manager.services.list({})


async def test_what_is_in_use_stays() -> None:
    async with open_manager() as manager:
        secret = await manager.secrets.create("key", b"v", {})
        await manager.services.create(service_spec(files=(FileReference(kind="secrets", id=secret, name="key"),)))
        with pytest.raises(InvalidArgument, match="secret 'key' is in use by the following service: web"):
            await manager.secrets.remove("key")
        await manager.services.remove("web")
        await manager.secrets.remove("key")
        with pytest.raises(NotFound, match="secret key not found"):
            await manager.secrets.resolve("key")


async def test_a_configs_value_is_shown_and_only_labels_change() -> None:
    async with open_manager() as manager:
        await manager.configs.create("conf", b"text", {})
        before = await manager.configs.resolve("conf")
        await manager.configs.update("conf", before.version, {"new": "1"})
        with pytest.raises(VersionConflict):
            await manager.configs.update("conf", before.version, {})
        assert await manager.configs.data("conf") == b"text"
        assert [item.record.labels for item in await manager.configs.list({"name": ["con"]})] == [{"new": "1"}]


async def test_networks_have_names_and_subnets_of_their_own() -> None:
    spec = NetworkSpec(name="front", driver="overlay", ipam=Ipam(config=(Pool(subnet="10.9.0.0/16"),)))
    async with open_manager() as manager:
        await manager.networks.create(spec)
        with pytest.raises(Forbidden, match="Pool overlaps with other one on this address space"):
            await manager.networks.create(replace(spec, name="back"))
        with pytest.raises(Conflict, match="network with name front already exists"):
            await manager.networks.create(replace(spec, ipam=Ipam()))
        await manager.networks.remove("front")
        assert "front" not in [item.record.spec.name for item in await manager.networks.list()]


async def test_a_network_stays_while_a_container_is_attached_but_not_for_tasks_of_a_service_that_is_gone() -> None:
    async with open_manager() as manager:
        network_id = await manager.networks.create(NetworkSpec(name="front", driver="overlay"))
        addresses = (Address(network_id=network_id, ipv4="10.9.0.2"),)
        ending = task("t1", TaskState.RUNNING, service_id="gone", addresses=addresses)
        attached = task("t2", TaskState.RUNNING, service_id="", addresses=addresses)
        await manager.ledger.write([ending, attached])
        with pytest.raises(InvalidArgument, match="is in use by task t2"):
            await manager.networks.remove("front")
        await manager.ledger.write(deletes=["tasks/t2"])
        await manager.networks.remove("front")


async def test_a_node_is_self_and_the_leader() -> None:
    async with open_manager() as manager:
        found = (await manager.nodes.resolve("self")).record
        assert found.id == MANAGER
        assert found.manager is not None
        assert found.manager.is_leader
        assert [item.record.id for item in await manager.nodes.list({"role": ["worker"]})] == [WORKER]


async def test_the_last_manager_stays_one() -> None:
    async with open_manager() as manager:
        version = (await manager.nodes.resolve("self")).version
        with pytest.raises(InvalidArgument, match="attempting to demote the last manager of the swarm"):
            await manager.nodes.update("self", version, NodeSpec(role=Role.WORKER))


async def test_no_manager_is_demoted_that_the_others_need() -> None:
    async with open_manager() as manager:
        for name, state in (("m2", NodeState.READY), ("m3", NodeState.DOWN)):
            await manager.ledger.write([replace(node(name, Role.MANAGER), state=state)])
        demoted = NodeSpec(role=Role.WORKER)
        with pytest.raises(InvalidArgument, match="this would result in a loss of quorum"):
            await manager.nodes.update("m2", (await manager.nodes.resolve("m2")).version, demoted)
        await manager.nodes.update("m3", (await manager.nodes.resolve("m3")).version, demoted)
        await manager.nodes.update("m2", (await manager.nodes.resolve("m2")).version, demoted)


async def test_a_node_that_is_up_goes_by_force_only_and_orphans_its_tasks() -> None:
    running = task("t1", TaskState.RUNNING, service_id="", node_id=WORKER)
    async with open_manager(running) as manager:
        worker = (await manager.nodes.resolve(WORKER)).record
        await manager.ledger.write([replace(worker, state=NodeState.READY)])
        with pytest.raises(InvalidArgument, match=f"node {WORKER} is not down and can't be removed"):
            await manager.nodes.remove(WORKER, force=False)
        with pytest.raises(InvalidArgument, match="It must be demoted to worker before removal"):
            await manager.nodes.remove(MANAGER, force=True)
        await manager.nodes.remove(WORKER, force=True)
        assert WORKER not in manager.ledger.view.nodes
        left = manager.ledger.view.tasks.get("t1")
        assert left is None or left.status.state is TaskState.ORPHANED


async def test_the_unlock_key_comes_and_goes_with_the_lock() -> None:
    async with open_manager() as manager:
        cluster = manager.ledger.view.cluster
        assert cluster is not None
        version = manager.ledger.view.revisions["cluster/cluster"]
        await manager.clusters.update(version, replace(cluster.spec, autolock=True))
        assert (await manager.clusters.unlock_key()).startswith("SWMKEY-1-")
        with pytest.raises(VersionConflict):
            await manager.clusters.update(version, cluster.spec)
        version = manager.ledger.view.revisions["cluster/cluster"]
        await manager.clusters.update(version, cluster.spec)
        assert await manager.clusters.unlock_key() == ""
