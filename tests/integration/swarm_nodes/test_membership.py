"""Memberships side by side: certificates that are renewed, calls that are refused, what is kept over a restart."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shoal.contracts.cluster.control import SwarmInit, SwarmJoin
from shoal.contracts.registry import FetchedManifest
from shoal.daemon.swarm import KEY_PROGRAM
from shoal.drivers.cluster.node_keys import KeyProgram
from shoal.drivers.cluster.sqlite_store import SqliteClusterStore
from shoal.drivers.network.subnets import HostSubnets
from shoal.errors import Forbidden, InvalidArgument, NotFound, Unavailable
from shoal.model.cluster.assignment import Attached, OverlayState
from shoal.model.cluster.cluster import ClusterSpec
from shoal.model.cluster.node import NodeDescription, NodeState, Role
from shoal.model.cluster.task import Task, TaskStatus
from shoal.swarm.membership.addresses import HostAddress
from shoal.swarm.membership.folder import Folder
from shoal.swarm.membership.membership import Membership
from shoal.swarm.membership.near import Near
from shoal.swarm.pki.certificates import identity_in, validity_of
from tests.support.deadlines import patient
from tests.support.ports import free_port

DAY_NS = 86400 * 10**9
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class NoTasks:
    """An executor without containers."""

    async def describe(self) -> NodeDescription:
        return NodeDescription(hostname="test")

    async def prepare(self, task: Task, files: Mapping[str, bytes]) -> None: ...
    async def start(self, task: Task) -> None: ...
    async def stop(self, task: Task) -> None: ...
    async def remove(self, task_id: str) -> None: ...
    async def known(self) -> Mapping[str, TaskStatus]:
        return {}

    async def observe(self) -> AsyncIterator[tuple[str, TaskStatus]]:
        await asyncio.Event().wait()
        yield "", TaskStatus()


class NoNetworks:
    """An overlay without networks."""

    async def apply(self, state: OverlayState) -> None: ...
    def attached(self) -> tuple[Attached, ...]:
        return ()

    async def drained(self, task_id: str, deadline_s: float) -> bool:
        return True

    async def leave(self) -> None: ...


class OneImage:
    """Images of a node that has one manifest and one blob."""

    def __init__(self, folder: Path) -> None:
        self._blob = folder / "blob"
        self._blob.write_bytes(b"x" * 1000)

    def manifest(self, reference: str) -> FetchedManifest:
        if reference != "mine:1":
            raise NotFound(reference)
        return FetchedManifest(digest="sha256:1", media_type="application/json", body=b"{}")

    def blob(self, digest: str) -> Path:
        return self._blob


class NoLogs:
    def open(self, container_id: str, query: Mapping[str, str]) -> Any:
        raise NotFound(container_id)


class Side:
    """One node. behind_ns: its clock is that much behind when certificates are made"""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder / "swarm"
        self.address = f"127.0.0.1:{free_port(3)}"  # the next two are of etcd
        self.behind_ns = 0
        self._images = OneImage(folder)
        self.membership = self.made()

    def made(self) -> Membership:
        return Membership(
            Near(
                folder=self.folder,
                executor=NoTasks(),
                overlay=NoNetworks(),
                logs=NoLogs(),
                images=self._images,
                publish=lambda *event: None,
                single_store=SqliteClusterStore,
                quorum=lambda settings: Lonely(),  # type: ignore[arg-type, return-value]
                addresses=lambda: [HostAddress("lo", "127.0.0.1")],
                subnets=HostSubnets(self.folder),
                new_key=KeyProgram(KEY_PROGRAM),
                now_ns=lambda: time.time_ns() - self.behind_ns,
                new_id=lambda: "".join(secrets.choice(DIGITS) for _ in range(25)),
                choose=secrets.randbelow,
                random_bytes=os.urandom,
            )
        )

    async def init(self, spec: ClusterSpec | None = None) -> None:
        request = SwarmInit(listen=self.address, advertise=self.address)
        await self.membership.init(replace(request, spec=spec) if spec is not None else request)

    async def join(self, manager: "Side", role: str = "worker") -> None:
        token = (await manager.membership.control().clusters.inspect()).tokens[role]
        request = SwarmJoin(remotes=(manager.address,), token=token, listen=self.address, advertise=self.address)
        await self.membership.join(request)

    async def restart(self) -> None:
        await self.membership.close()
        self.membership = self.made()
        await self.membership.open()

    @property
    def certificate(self) -> str:
        return Folder(self.folder, os.urandom).load_keys().certificate


class Lonely:
    """The part of a shared store that a single manager never uses."""

    address = "https://127.0.0.1:1"
    is_removed = False

    async def release(self) -> None: ...
    async def erase(self) -> None: ...


@asynccontextmanager
async def sides(tmp_path: Path, *names: str) -> AsyncIterator[list[Side]]:
    made = [Side(tmp_path / name) for name in names]
    try:
        yield made
    finally:
        for side in made:
            await side.membership.close()


async def comes(check: Callable[[], Any], what: str, seconds: float = 10) -> None:
    """Asked again until it is true."""
    async with asyncio.timeout(patient(seconds)):
        while not check():  # noqa: ASYNC110 - the condition is anybody's
            await asyncio.sleep(0.02)
    assert check(), what


async def states(manager: Side) -> dict[str, NodeState]:
    nodes = await manager.membership.control().nodes.list({})
    return {node.record.address + node.record.spec.role.value: node.record.state for node in nodes}


async def test_certificates_past_half_of_their_life_are_renewed_and_nobody_is_cut_off(tmp_path: Path):
    async with sides(tmp_path, "one", "two") as (one, two):
        one.behind_ns = 50 * DAY_NS  # the manager signs as it was 50 days ago
        await one.init()
        await two.join(one)
        old = [one.certificate, two.certificate]
        for side in (one, two):
            assert validity_of(side.certificate).renew_at < time.time_ns()
        one.behind_ns = 0
        await two.restart()
        await comes(lambda: two.certificate != old[1], "the worker has a new certificate")
        await one.restart()
        await comes(lambda: one.certificate != old[0], "the manager has a new certificate")
        for side, before in ((one, old[0]), (two, old[1])):
            assert validity_of(side.certificate).renew_at > time.time_ns() + 40 * DAY_NS
            assert identity_in(side.certificate) == identity_in(before)
        await comes(lambda: two.membership.state().state == "active" and not two.membership.state().error, "it is in")
        found = await states(one)
        assert NodeState.READY in found.values()


async def test_a_locked_manager_starts_with_its_key_only_and_a_restart_keeps_the_cluster(tmp_path: Path):
    async with sides(tmp_path, "one") as (one,):
        await one.init(ClusterSpec(autolock=True))
        before = await one.membership.control().clusters.inspect()
        key = await one.membership.control().clusters.unlock_key()
        await one.restart()
        assert one.membership.state().state == "locked"
        with pytest.raises(Unavailable, match="Swarm is encrypted and needs to be unlocked"):
            await one.membership.control().clusters.inspect()
        with pytest.raises(InvalidArgument, match="invalid key"):
            await one.membership.unlock("nonsense")
        await one.membership.unlock(key)
        after = await one.membership.control().clusters.inspect()
        assert (after.cluster.record.id, after.tokens) == (before.cluster.record.id, before.tokens)
        await one.membership.leave(force=True)
        assert not one.folder.exists()


async def test_a_locked_manager_leaves_by_force_and_nothing_is_left(tmp_path: Path):
    async with sides(tmp_path, "one") as (one,):
        await one.init(ClusterSpec(autolock=True))
        await one.restart()
        with pytest.raises(Unavailable, match="Swarm is encrypted"):
            await one.membership.leave(force=False)
        await one.membership.leave(force=True)
        assert not one.folder.exists()
        assert one.membership.state().state == "inactive"
        await one.init()


async def test_what_can_not_be_read_is_told_and_never_overwritten(tmp_path: Path):
    async with sides(tmp_path, "one") as (one,):
        await one.init()
        await one.membership.close()
        (one.folder / "state.json").write_bytes(b"{")
        await one.restart()
        assert one.membership.state().state == "error" and "can't be read" in one.membership.state().error
        with pytest.raises(Unavailable, match="already part of a swarm"):
            await one.init()
        assert (one.folder / "cluster.db").exists()
        await one.membership.leave(force=True)
        await one.init()


async def test_a_removed_node_is_refused_and_says_so(tmp_path: Path):
    async with sides(tmp_path, "one", "two") as (one, two):
        await one.init()
        await two.join(one)
        identity = two.membership.state().node_id
        await one.membership.control().nodes.remove(identity, force=True)
        await comes(lambda: two.membership.state().state == "error", "it knows")
        assert "not a member" in two.membership.state().error
        await two.membership.leave(force=False)
        assert two.membership.state().state == "inactive"


async def test_images_are_given_to_members_and_come_whole(tmp_path: Path):
    from shoal.oci.manifest import Descriptor
    from shoal.oci.reference import parse_reference

    async with sides(tmp_path, "one", "two") as (one, two):
        await one.init()
        await two.join(one)
        reference = parse_reference("mine:1")
        assert (await two.membership.manifest(reference)).digest == "sha256:1"
        blob = Descriptor(media_type="x", digest="sha256:1", size_bytes=1000)
        for offset in (0, 400):
            pieces = [piece async for piece in two.membership.blob(reference, blob, offset)]
            assert b"".join(pieces) == b"x" * (1000 - offset)
        with pytest.raises(NotFound):
            await two.membership.manifest(parse_reference("other:1"))


async def test_a_worker_gets_no_store_and_no_cluster_s_key(tmp_path: Path):
    async with sides(tmp_path, "one", "two") as (one, two):
        await one.init()
        await two.join(one)
        running = two.membership._running
        assert running is not None
        for path in ("/v1/managers", "/v1/managers/ready"):
            with pytest.raises(Forbidden, match="is no manager"):
                await running.client.call("POST", one.address, path, b"{}")
        assert identity_in(two.certificate).role is Role.WORKER
        assert Folder(two.folder, os.urandom).load_keys().data_key == b""
