"""From one store into another."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shoal.contracts.cluster.store import MAX_CHANGES, ClusterStore, Commit
from shoal.drivers.cluster.copying import copy
from shoal.drivers.cluster.etcd_store import EtcdClusterStore
from shoal.drivers.cluster.sqlite_store import SqliteClusterStore
from shoal.errors import Conflict
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
