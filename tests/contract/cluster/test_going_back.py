"""The last manager takes its store back from the one that managers shared; whenever it is killed, nothing is lost."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from shoal.cluster.services import created
from shoal.contracts.cluster.quorum import QuorumMember
from shoal.contracts.cluster.store import ClusterStore, Commit
from shoal.drivers.cluster.sqlite_store import SqliteClusterStore
from shoal.drivers.network.subnets import HostSubnets
from shoal.model.cluster.node import Role
from shoal.simulation.store import SimulatedCluster, SimulatedStore
from shoal.swarm.manager import records
from shoal.swarm.membership.folder import LocalState
from shoal.swarm.membership.managing import SHARED, SINGLE, ManagerPart
from shoal.swarm.membership.near import Near
from shoal.swarm.nodes.tls import Credentials
from tests.support.managers import MANAGER, WORKER, Clock, Ids, node, service_spec

CREDENTIALS = Credentials(certificate="", key="", trusted="")


class Killed(BaseException):
    """The engine has ended here."""


@dataclass
class Shared:
    """The store of all managers, as far as this one has a part in it."""

    cluster: SimulatedCluster | None = field(default_factory=SimulatedCluster)
    others: int = 0
    dies_before_erasing: bool = False
    address: str = "https://own:2378"

    def store(self) -> ClusterStore:
        assert self.cluster is not None
        return SimulatedStore(self.cluster)

    async def trust(self, *texts: str) -> None: ...
    async def resume(self) -> None: ...
    async def wait_ready(self) -> None: ...
    async def release(self) -> None: ...

    async def members(self) -> tuple[QuorumMember, ...]:
        return tuple(QuorumMember(str(i), "", f"https://{i}", True) for i in range(1 + self.others))

    async def erase(self) -> None:
        if self.dies_before_erasing:
            raise Killed
        self.cluster = None


def part(folder: Path, shared: Shared, store: str = SHARED) -> ManagerPart:
    """As an engine that starts makes it."""
    given: dict[str, Any] = dict.fromkeys(Near.__dataclass_fields__)
    given |= {
        "folder": folder,
        "single_store": SqliteClusterStore,
        "quorum": lambda settings: shared,
        "subnets": HostSubnets(folder, folder / "subnets"),
        "now_ns": Clock(),
        "new_id": Ids(),
        "choose": lambda below: 0,
        "random_bytes": os.urandom,
        "publish": lambda *event: None,
    }
    near = Near(**given)
    local = LocalState(
        node_id=MANAGER, cluster_id="c", role=Role.MANAGER, listen="[::]:2377", advertise="a:2377", store=store
    )
    return ManagerPart(near, local, cast(Any, lambda manager: None))


async def filled(shared: Shared, *, second_manager: bool = False) -> dict[str, bytes]:
    """What the shared store has."""
    second = node(WORKER, Role.MANAGER if second_manager else Role.WORKER)
    things = [node(MANAGER, Role.MANAGER), second, created("s1", service_spec(), 1)]
    values = {records.key_of(one): records.encode(one) for one in things} | {"names/services/web": b"s1"}
    store = shared.store()
    await store.open()
    await store.campaign(MANAGER, 1.0)
    await store.commit(Commit(puts=values))
    await store.close()
    return values


async def content(store: ClusterStore) -> tuple[dict[str, bytes], int]:
    """(values, the epoch of who leads next)"""
    await store.open()
    try:
        values = {key: value.data for key, value in (await store.range("")).values.items()}
        return values, await store.campaign(MANAGER, 1.0)
    finally:
        await store.close()


def noted(notes: list[str]) -> Callable[[], None]:
    return lambda: notes.append("single")


async def test_it_has_all_and_the_shared_one_is_gone(tmp_path: Path) -> None:
    shared, notes = Shared(), list[str]()
    values = await filled(shared)
    manager = part(tmp_path, shared)
    assert await manager.go_back(CREDENTIALS, noted(notes))
    assert (manager.kind, notes, shared.cluster) == (SINGLE, ["single"], None)
    found, epoch = await content(SqliteClusterStore(tmp_path / "cluster.db"))
    assert found == values
    assert epoch > 1


async def test_killed_before_it_is_written_down_it_goes_on_with_the_shared_one(tmp_path: Path) -> None:
    def killed() -> None:
        raise Killed

    shared = Shared()
    values = await filled(shared)
    with pytest.raises(Killed):
        await part(tmp_path, shared).go_back(CREDENTIALS, killed)
    assert (await content(shared.store()))[0] == values
    store = shared.store()
    await store.open()
    await store.commit(Commit(puts={"names/services/new": b"s2"}))
    await store.close()
    assert await part(tmp_path, shared).go_back(CREDENTIALS, lambda: None)
    assert (await content(SqliteClusterStore(tmp_path / "cluster.db")))[0] == values | {"names/services/new": b"s2"}


async def test_killed_after_that_it_goes_on_with_its_own_and_clears_up(tmp_path: Path) -> None:
    shared, notes = Shared(dies_before_erasing=True), list[str]()
    values = await filled(shared)
    with pytest.raises(Killed):
        await part(tmp_path, shared).go_back(CREDENTIALS, noted(notes))
    assert notes == ["single"]
    shared.dies_before_erasing = False
    again = part(tmp_path, shared, SINGLE)
    await again.open(os.urandom(32), CREDENTIALS)
    assert again.now is not None
    assert again.now.manager.ledger.view.services.keys() == {"s1"}
    await again.close()
    assert shared.cluster is None
    found, _ = await content(SqliteClusterStore(tmp_path / "cluster.db"))
    assert found.keys() >= values.keys()


@pytest.mark.parametrize(("others", "second_manager"), [(1, False), (0, True)])
async def test_it_stays_shared_while_there_is_another(tmp_path: Path, others: int, second_manager: bool) -> None:
    shared, notes = Shared(others=others), list[str]()
    values = await filled(shared, second_manager=second_manager)
    manager = part(tmp_path, shared)
    assert not await manager.go_back(CREDENTIALS, noted(notes))
    assert (manager.kind, notes) == (SHARED, [])
    assert not (tmp_path / "cluster.db").exists()
    assert (await content(shared.store()))[0] == values
