"""From one store into another, and through a file."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shoal.contracts.cluster.store import MAX_CHANGES, ClusterStore, Commit
from shoal.drivers.cluster.copying import copy, load, restore, snapshot
from shoal.drivers.cluster.etcd_store import EtcdClusterStore
from shoal.drivers.cluster.sqlite_store import SqliteClusterStore
from shoal.errors import Conflict, DriverError, InvalidArgument
from shoal.simulation.store import SimulatedCluster, SimulatedStore
from tests.support.etcd import EtcdProcess, etcd_processes


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdProcess]:
    with etcd_processes(tmp_path_factory.mktemp("etcd"), 1) as [member]:
        yield member


@asynccontextmanager
async def opened(store: ClusterStore) -> AsyncIterator[ClusterStore]:
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def content(store: ClusterStore) -> dict[str, bytes]:
    return {key: value.data for key, value in (await store.range("")).values.items()}


async def test_one_manager_becomes_several_and_one_again(tmp_path: Path, etcd: EtcdProcess) -> None:
    values = {f"tasks/{number:05}": b"%d" % number * 50 for number in range(MAX_CHANGES + 5)}
    keys = list(values)
    async with (
        opened(SqliteClusterStore(tmp_path / "first.db")) as single,
        opened(EtcdClusterStore([etcd.settings.client_url], "c")) as shared,
        opened(SqliteClusterStore(tmp_path / "second.db")) as again,
    ):
        await single.commit(Commit(puts={key: values[key] for key in keys[:MAX_CHANGES]}))
        await single.commit(Commit(puts={key: values[key] for key in keys[MAX_CHANGES:]}))
        for _ in range(3):
            epoch = await single.campaign("one", 60)
        await copy(single, shared)
        assert await content(shared) == values
        newer = await shared.campaign("one", 60)
        assert newer > epoch
        await shared.commit(Commit(deletes=keys[10:], epoch=newer))
        await copy(shared, again)
        assert await content(again) == {key: values[key] for key in keys[:10]}
        assert await again.leader() == ("", 0)
        assert await again.campaign("one", 60) > newer
        with pytest.raises(Conflict, match="not empty"):
            await copy(single, again)


async def test_a_snapshot_brings_everything_back(tmp_path: Path) -> None:
    values = {"cluster/1": b"\0\xff", "names/web\n": b"", "näme": "☃".encode()}
    path = tmp_path / "backup.shoal"
    async with opened(SqliteClusterStore(tmp_path / "first.db")) as first:
        epoch = await first.campaign("one", 60)
        revision = await first.commit(Commit(puts=values))
        written = await snapshot(first, path)
    assert (written.revision, written.epoch, path.stat().st_mode & 0o777) == (revision, epoch, 0o600)
    async with opened(SimulatedStore(SimulatedCluster())) as other:
        assert await restore(path, other) == load(path) == written
        assert await content(other) == values
        assert await other.campaign("one", 60) == epoch + 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["backup.shoal", "first.db"]


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda whole: whole[:-10], "damaged"),
        (lambda whole: whole.replace(b"nodes", b"moden"), "damaged"),
        (lambda whole: b"", "no snapshot"),
        (lambda whole: b"PK\x03\x04", "no snapshot"),
        (lambda whole: whole.replace(b'"version":1', b'"version":9'), "version 9"),
    ],
    ids=["cut off", "changed", "empty", "another kind", "newer"],
)
async def test_a_file_that_is_not_whole_restores_nothing(tmp_path: Path, damage, text: str) -> None:
    path = tmp_path / "backup"
    async with opened(SimulatedStore(SimulatedCluster())) as store:
        await store.commit(Commit(puts={"nodes/a": b"1"}))
        await snapshot(store, path)
    path.write_bytes(damage(path.read_bytes()))
    async with opened(SimulatedStore(SimulatedCluster())) as store:
        with pytest.raises(InvalidArgument, match=text):
            await restore(path, store)
        assert await content(store) == {}


async def test_files_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    async with opened(SimulatedStore(SimulatedCluster())) as store:
        with pytest.raises(DriverError, match="cannot write the snapshot"):
            await snapshot(store, tmp_path / "nowhere" / "backup")
        with pytest.raises(DriverError, match="cannot read the snapshot"):
            await restore(tmp_path / "nothing", store)
