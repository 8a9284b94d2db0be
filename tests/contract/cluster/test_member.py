"""A manager's etcd: supervised, adopted, joined by others, alone again; over mutual TLS."""

import asyncio
import os
import signal
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from shoal.contracts.cluster.store import Commit
from shoal.drivers.cluster import etcd_member
from shoal.drivers.cluster.etcd_client import TlsFiles
from shoal.drivers.cluster.etcd_member import EtcdMember, MemberSettings
from shoal.drivers.cluster.etcd_members import EtcdMembers
from shoal.drivers.cluster.etcd_messages import Member
from shoal.drivers.cluster.etcd_store import EtcdClusterStore
from shoal.errors import Conflict, DriverError, Unavailable
from tests.support.certificates import Authority
from tests.support.deadlines import patient
from tests.support.etcd import EtcdProcess, member_settings


@asynccontextmanager
async def running(
    settings: MemberSettings, initial: str = "", *, is_existing: bool = False
) -> AsyncIterator[EtcdMember]:
    member = EtcdMember(settings)
    await member.start(initial, is_existing=is_existing)
    try:
        await member.wait_ready()
        yield member
    finally:
        await member.stop()


@asynccontextmanager
async def opened(settings: MemberSettings) -> AsyncIterator[EtcdClusterStore]:
    store = EtcdClusterStore([settings.client_url], settings.cluster_id, settings.tls)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def until_another_runs(member: EtcdMember, pid: int) -> None:
    async with asyncio.timeout(patient(20)):
        while member.pid in (0, pid):  # noqa: ASYNC110 - a process is waited for
            await asyncio.sleep(0.02)


async def test_it_is_started_again_when_it_ends_and_keeps_what_it_had(tmp_path: Path) -> None:
    settings = member_settings(tmp_path)
    async with running(settings) as member, opened(settings) as store:
        await store.commit(Commit(puts={"a": b"1"}))
        os.kill(pid := member.pid, signal.SIGKILL)
        await until_another_runs(member, pid)
        assert list((await store.range("")).values) == ["a"]
        last = member.pid
    assert not Path(f"/proc/{last}").exists()
    assert (settings.data.stat().st_mode & 0o077, member.pid) == (0, 0)


async def test_what_a_killed_engine_left_is_adopted_and_watched(tmp_path: Path) -> None:
    settings = member_settings(tmp_path)
    left = EtcdProcess(settings)
    left.start()
    await asyncio.to_thread(left.wait_ready)
    pid = left.pid
    async with running(settings) as second:
        assert second.pid == pid
        os.kill(pid, signal.SIGKILL)
        await until_another_runs(second, pid)
        await second.wait_ready()
        left.end()
    assert etcd_member.find(settings.data) is None


async def test_one_with_other_settings_is_ended_first_another_ones_never(tmp_path: Path) -> None:
    settings, others = member_settings(tmp_path), member_settings(tmp_path, "others")
    left = EtcdProcess(settings)
    left.start()
    async with running(others) as other:
        changed = replace(settings, client_url=member_settings(tmp_path).client_url)
        async with running(changed) as second:
            left.end()
            assert etcd_member.find(settings.data).pid == second.pid
        await etcd_member.end_leftover(settings.data)
        assert etcd_member.find(others.data).pid == other.pid


async def test_without_etcd_the_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="cannot find") as raised:
        await EtcdMember(replace(member_settings(tmp_path), binary="no-such-etcd")).start()
    assert raised.value.hint == "apt-get install etcd-server"


async def test_one_that_does_not_start_says_why(tmp_path: Path) -> None:
    settings = member_settings(tmp_path)
    async with running(settings):
        member = EtcdMember(replace(member_settings(tmp_path, "two"), listen_peer=settings.listen_peer))
        await member.start()
        with pytest.raises(Unavailable, match="address already in use"):
            await member.wait_ready(patient(1.5))
        await member.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def secure_settings(tmp_path: Path, authority: Authority, name: str, cluster_id: str = "c") -> MemberSettings:
    settings = member_settings(tmp_path, name, "https")
    tls = authority.issue(name, "swarm-manager")
    return replace(settings, tls=tls, allowed_name="swarm-manager", cluster_id=cluster_id)


async def test_managers_join_one_by_one_and_the_last_one_recovers_alone(tmp_path: Path, authority: Authority) -> None:
    one, two, three = (secure_settings(tmp_path, authority, name) for name in ("one", "two", "three"))
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running(one))
        store = await stack.enter_async_context(opened(one))
        await store.commit(Commit(puts={"a": b"1"}))
        epoch = await store.campaign("one", 60)
        members = EtcdMembers([one.client_url], one.tls)
        await members.open()
        stack.push_async_callback(members.close)

        joined: list[EtcdMember] = []
        for settings in (two, three):
            member_id, initial = await members.add(settings.name, settings.peer_url)
            assert await members.add(settings.name, settings.peer_url) == (member_id, initial)
            # Not started yet: the others go on without it.
            await store.commit(Commit(puts={"b": b"1"}, epoch=epoch))
            joined.append(await stack.enter_async_context(running(settings, initial, is_existing=True)))
            await members.promote(member_id)
            await members.promote(member_id)
            async with opened(settings) as other:
                assert list((await other.range("")).values) == ["a", "b"]
                assert await other.leader() == ("one", epoch)
        assert {(m.name, m.is_learner) for m in await members.list()} == {
            ("one", False),
            ("two", False),
            ("three", False),
        }

        ids = {member.name: member.id for member in await members.list()}
        await members.remove(ids["three"])
        await members.remove(ids["three"])
        await joined[1].stop()
        assert {member.name for member in await members.list()} == {"one", "two"}

        await joined[0].stop()
        with pytest.raises(Unavailable):
            await store.commit(Commit(puts={"c": b"1"}))
        await first.force_new_cluster()
        assert [member.name for member in await members.list()] == ["one"]
        assert list((await store.range("")).values) == ["a", "b"]
        assert await store.campaign("one", 60) > epoch
        await store.commit(Commit(puts={"c": b"1"}))

        # It stays so, and another one can join.
        os.kill(pid := first.pid, signal.SIGKILL)
        await until_another_runs(first, pid)
        await first.wait_ready()
        again = secure_settings(tmp_path, authority, "four")
        member_id, initial = await members.add(again.name, again.peer_url)
        async with running(again, initial, is_existing=True):
            await members.promote(member_id)
            async with opened(again) as other:
                assert list((await other.range("")).values) == ["a", "b", "c"]


async def test_one_that_has_not_come_yet_keeps_the_next_one_waiting_but_not_the_cluster(tmp_path: Path) -> None:
    one, two, three = (member_settings(tmp_path, name) for name in ("one", "two", "three"))
    members = EtcdMembers([one.client_url])
    async with running(one), opened(one) as store:
        await members.open()
        member_id, _ = await members.add("two", two.peer_url)
        with pytest.raises(Conflict, match="learner"):
            await members.add("three", three.peer_url)
        with pytest.raises(Unavailable, match="has not caught up"):
            await members.promote(member_id, 0.5)
        await store.commit(Commit(puts={"a": b"1"}))
        await members.remove(member_id)
        assert (await members.add("three", three.peer_url))[0] != member_id
        await members.close()


async def test_only_managers_of_this_cluster_are_let_in(tmp_path: Path, authority: Authority) -> None:
    settings = secure_settings(tmp_path, authority, "one")
    stranger = Authority(tmp_path / "other-ca").issue("one", "swarm-manager")
    worker = authority.issue("worker", "swarm-worker")
    async with running(settings), opened(settings) as store:
        await store.commit(Commit(puts={"a": b"1"}))
        own_ca = replace(stranger, ca=settings.tls.ca)
        callers = (own_ca, stranger, None)
        refused = await asyncio.gather(*(listed(settings, tls) for tls in callers), return_exceptions=True)
        assert [type(answer) for answer in refused] == [Unavailable] * 3
        assert await peer_version(settings, settings.tls) == 200
        for tls in (worker, own_ca):
            with pytest.raises(aiohttp.ClientError):
                await peer_version(settings, tls)


async def listed(settings: MemberSettings, tls: TlsFiles | None) -> Sequence[Member]:
    members = EtcdMembers([settings.client_url], tls)
    await members.open()
    try:
        return await members.list()
    finally:
        await members.close()


async def peer_version(settings: MemberSettings, tls: TlsFiles) -> int:
    """The status that the port of the peers answers with."""
    context = ssl.create_default_context(cafile=settings.tls.ca)
    context.load_cert_chain(tls.certificate, tls.key)
    async with aiohttp.ClientSession() as session, session.get(f"{settings.peer_url}/version", ssl=context) as answer:
        return answer.status


async def test_certificates_that_are_replaced_are_taken_without_a_restart(tmp_path: Path, authority: Authority) -> None:
    settings = secure_settings(tmp_path, authority, "one")
    async with running(settings) as member, opened(settings) as store:
        pid = member.pid
        before = settings.tls.certificate.read_bytes()
        assert authority.issue("one", "swarm-manager") == settings.tls
        assert settings.tls.certificate.read_bytes() != before
        await store.commit(Commit(puts={"a": b"1"}))
        async with opened(settings) as other:
            assert list((await other.range("")).values) == ["a"]
        assert member.pid == pid
