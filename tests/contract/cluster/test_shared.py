"""A manager's member as the membership uses it: begun, filled, adopted, joined, alone, erased."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shoal.contracts.cluster.quorum import QuorumSettings
from shoal.contracts.cluster.store import ClusterStore
from shoal.drivers.cluster import etcd_member
from shoal.drivers.cluster.etcd_quorum import EtcdQuorum
from shoal.errors import Conflict
from tests.support.certificates import Authority
from tests.support.deadlines import patient
from tests.support.ports import free_ports


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def settings_of(name: str) -> QuorumSettings:
    port, local_port = free_ports(2)
    return QuorumSettings(
        name=name, cluster_id="c", listen="127.0.0.1", advertise="127.0.0.1", port=port, local_port=local_port
    )


@asynccontextmanager
async def quorum_of(base: Path, settings: QuorumSettings, authority: Authority) -> AsyncIterator[EtcdQuorum]:
    """Erased in the end."""
    quorum = EtcdQuorum(base / settings.name, base / f"{settings.name}.secrets", settings)
    files = authority.issue(settings.name, "swarm-manager")
    await quorum.trust(files.certificate.read_text(), files.key.read_text(), files.ca.read_text())
    try:
        yield quorum
    finally:
        await quorum.erase()


@asynccontextmanager
async def opened(quorum: EtcdQuorum) -> AsyncIterator[ClusterStore]:
    store = quorum.store()
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def content(quorum: EtcdQuorum) -> dict[str, bytes]:
    async with opened(quorum) as store:
        return {key: value.data for key, value in (await store.range("")).values.items()}


async def test_it_is_filled_once_and_runs_on_without_its_engine(tmp_path: Path, authority: Authority) -> None:
    settings = settings_of("one")
    async with quorum_of(tmp_path, settings, authority) as first:
        await first.begin()
        await first.wait_ready()
        await first.fill({"a": b"1"}, 7)
        with pytest.raises(Conflict):
            await first.fill({"b": b"1"}, 7)
        async with opened(first) as store:
            assert await store.campaign("one", 60) == 8
        pid = etcd_member.find(tmp_path / "one").pid
        await first.release()
        async with quorum_of(tmp_path, settings, authority) as second:
            await second.resume()
            await second.wait_ready()
            assert etcd_member.find(tmp_path / "one").pid == pid
            assert await content(second) == {"a": b"1"}
        assert etcd_member.find(tmp_path / "one") is None
        assert not (tmp_path / "one").exists()
        assert not (tmp_path / "one.secrets").exists()


async def test_of_two_managers_the_one_that_is_left_goes_on_alone(tmp_path: Path, authority: Authority) -> None:
    one, two = settings_of("one"), settings_of("two")
    async with quorum_of(tmp_path, one, authority) as first:
        await first.begin()
        await first.wait_ready()
        await first.fill({"a": b"1"}, 1)
        async with quorum_of(tmp_path, two, authority) as second:
            member_id, members = await first.add("two", second.address)
            await second.begin(members)
            await first.promote(member_id)
            assert {(member.name, member.has_vote) for member in await second.members()} == {
                ("one", True),
                ("two", True),
            }
            assert await content(second) == {"a": b"1"}
        await asyncio.wait_for(first.survive(), 40)
        assert [(member.name, member.address) for member in await first.members()] == [("one", first.address)]
        assert await content(first) == {"a": b"1"}


async def test_who_leads_hands_over_and_who_is_removed_learns_it(tmp_path: Path, authority: Authority) -> None:
    one, two = settings_of("one"), settings_of("two")
    async with quorum_of(tmp_path, one, authority) as first, quorum_of(tmp_path, two, authority) as second:
        await first.begin()
        await first.wait_ready()
        await first.hand_over()  # there is nobody else
        member_id, members = await first.add("two", second.address)
        await second.begin(members)
        await first.promote(member_id)
        own = next(member.id for member in await first.members() if member.name == "one")
        assert await first.leader() == own
        await second.hand_over()  # it does not lead
        await first.hand_over()
        assert await second.leader() == member_id
        assert not first.is_removed
        await second.remove(own)
        await second.remove(own)
        assert [member.name for member in await second.members()] == ["two"]
        async with asyncio.timeout(patient(20)):
            while not first.is_removed:  # noqa: ASYNC110 - another process says so
                await asyncio.sleep(0.05)
        await first.release()
        await first.resume()  # as an engine that starts: it was removed while it was away
        async with asyncio.timeout(patient(20)):
            while not first.is_removed:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
        member_id, members = await second.add("one", first.address)
        await first.begin(members)
        await second.promote(member_id)
        assert not first.is_removed
        pid = etcd_member.find(tmp_path / "one").pid
        os.kill(pid, signal.SIGKILL)  # what it said when it was removed is not taken for this
        async with asyncio.timeout(patient(20)):
            while (again := etcd_member.find(tmp_path / "one")) is None or again.pid == pid:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
        assert not first.is_removed
