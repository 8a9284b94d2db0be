"""Services through the control API: what is written, what is refused and how."""

from dataclasses import replace

import pytest

from shoal.errors import Conflict, InvalidArgument, NotFound, NotSupported, Unavailable, VersionConflict
from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.cluster.service import EndpointSpec, PortConfig, Service, ServiceMode, ServiceSpec
from shoal.model.cluster.task import Attachment, FileReference, Placement, TaskState
from shoal.model.container import ContainerSpec
from shoal.model.network import NetworkSpec
from tests.support.managers import open_manager, service_spec, task


async def test_a_service_is_there_when_its_creation_is_answered() -> None:
    async with open_manager() as manager:
        identity, _ = await manager.services.create(service_spec(), registry_auth="login")
        found = await manager.services.resolve("web")
        assert found.record.id == identity
        assert found.version > 0
        assert found.record.registry_auth == b"sealed:login"


async def test_a_name_is_taken_once() -> None:
    async with open_manager() as manager:
        await manager.services.create(service_spec())
        with pytest.raises(Conflict, match="name conflicts with an existing object: service web already exists"):
            await manager.services.create(service_spec(replicas=2))
        await manager.services.remove("web")
        await manager.services.create(service_spec())


async def test_an_update_of_an_old_version_is_out_of_sequence() -> None:
    async with open_manager() as manager:
        await manager.services.create(service_spec())
        first = await manager.services.resolve("web")
        await manager.services.update("web", first.version, service_spec(image="nginx"))
        with pytest.raises(VersionConflict, match="update out of sequence"):
            await manager.services.update("web", first.version, service_spec(image="redis"))
        now = (await manager.services.resolve("web")).record
        assert (now.spec.task.container.image, now.spec_version) == ("nginx", first.record.spec_version + 1)


async def test_a_rollback_takes_the_previous_spec() -> None:
    async with open_manager() as manager:
        await manager.services.create(service_spec(), registry_auth="old")
        first = await manager.services.resolve("web")
        with pytest.raises(InvalidArgument, match="does not have a previous spec"):
            await manager.services.update("web", first.version, service_spec(), rollback=True)
        await manager.services.update("web", first.version, service_spec(image="nginx"), registry_auth="new")
        second = await manager.services.resolve("web")
        await manager.services.update("web", second.version, second.record.spec, rollback=True)
        now = (await manager.services.resolve("web")).record
        assert now.spec.task.container.image == "busybox"
        assert now.registry_auth == b"sealed:old"
        assert now.update_status is not None
        assert now.update_status.state == "rollback_started"


async def test_name_and_mode_stay() -> None:
    async with open_manager() as manager:
        await manager.services.create(service_spec())
        version = (await manager.services.resolve("web")).version
        with pytest.raises(NotSupported, match="renaming services is not supported"):
            await manager.services.update("web", version, service_spec("other"))
        changed = service_spec()
        object.__setattr__(changed, "mode", ServiceMode.GLOBAL)
        with pytest.raises(NotSupported, match="service mode change is not allowed"):
            await manager.services.update("web", version, changed)


async def test_references_by_name_are_kept_as_ids() -> None:
    network = ClusterNetwork(id="net1", spec=NetworkSpec(name="front", driver="overlay"), created_at=1)
    async with open_manager(network) as manager:
        secret = await manager.secrets.create("key", b"x", {})
        files = (FileReference(kind="secrets", id=secret, name="key"),)
        await manager.services.create(service_spec(networks=(Attachment(target="front"),), files=files))
        spec = (await manager.services.resolve("web")).record.spec
        assert [item.target for item in spec.task.networks] == ["net1"]
        with pytest.raises(NotFound, match="network back not found"):
            await manager.services.create(service_spec("b", networks=(Attachment(target="back"),)))
        with pytest.raises(InvalidArgument, match="secret"):
            await manager.services.create(service_spec("c", files=(FileReference(kind="secrets", id="no", name="k"),)))


async def test_what_cannot_be_in_this_cluster_is_refused() -> None:
    ingress = ClusterNetwork(id="i", spec=NetworkSpec(name="ingress", driver="overlay", ingress=True), created_at=1)

    def published(port: PortConfig, name: str = "web") -> ServiceSpec:
        return replace(service_spec(name), endpoint=EndpointSpec(ports=(port,)))

    port = PortConfig(target=1, published=80)
    has_port = Service(id="other", spec=published(port, "other"), created_at=1, updated_at=1, ports=(port,))

    async with open_manager(ingress, has_port) as manager:
        create = manager.services.create
        with pytest.raises(InvalidArgument, match="port '80' is already in use by service 'other'"):
            await create(published(PortConfig(target=5, published=80)))
        with pytest.raises(InvalidArgument, match="cannot be explicitly attached to the ingress network"):
            await create(service_spec(networks=(Attachment(target="ingress"),)))
        with pytest.raises(InvalidArgument, match="constraint expected one operator"):
            await create(service_spec(placement=Placement(constraints=("node.role",))))
        with pytest.raises(InvalidArgument, match=r"Task\.Colour"):
            await create(service_spec(container=ContainerSpec(image="i", env=("A={{.Task.Colour}}",))))
        _, warnings = await create(service_spec(placement=Placement(constraints=("node.labels.disk==ssd",))))
        assert warnings == ("no node of the cluster meets node.labels.disk==ssd: tasks wait until one does",)
        await create(published(PortConfig(target=5, published=80, protocol="udp"), "udp"))


async def test_lists_take_dockers_filters() -> None:
    async with open_manager() as manager:
        for name in ("web", "worker", "db"):
            await manager.services.create(service_spec(name))
        found = await manager.services.list({"name": ["w"]})
        assert [item.record.spec.name for item in found] == ["web", "worker"]
        with pytest.raises(InvalidArgument, match="invalid filter 'colour'"):
            await manager.services.list({"colour": ["red"]})


async def test_tasks_are_found_by_service_node_and_wish() -> None:
    async with open_manager() as manager:
        identity, _ = await manager.services.create(service_spec(replicas=0))
        await manager.ledger.write(
            [
                task("t1", TaskState.RUNNING, service_id=identity, node_id="gone", created_at=1),
                task("t2", TaskState.SHUTDOWN, service_id=identity, desired=TaskState.SHUTDOWN, created_at=2),
            ]
        )
        ask = manager.services.tasks
        assert "t1" in [item.record.id for item in await ask({"service": ["web"]})]
        assert [item.record.id for item in await ask({"desired-state": ["shutdown"], "node": ["w"]})] == ["t2"]
        with pytest.raises(NotFound, match="service nothing not found"):
            await ask({"service": ["nothing"]})
        with pytest.raises(InvalidArgument, match="invalid filter 'desired-state=maybe'"):
            await ask({"desired-state": ["maybe"]})


async def test_logs_need_somebody_who_fetches_them() -> None:
    async with open_manager() as manager:
        with pytest.raises(Unavailable):
            manager.services.logs(task(), {})
