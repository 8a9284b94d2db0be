"""What a manager runs beside what every node runs: its store and the manager on it."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from shoal.contracts.cluster.quorum import Quorum, QuorumSettings
from shoal.contracts.cluster.store import ClusterStore
from shoal.errors import InternalError, Unavailable
from shoal.model.cluster.node import Node, Role
from shoal.swarm.manager import records
from shoal.swarm.manager.control.services import TaskLogs
from shoal.swarm.manager.events import teller
from shoal.swarm.manager.manager import Manager
from shoal.swarm.membership.addresses import split_port
from shoal.swarm.membership.folder import LocalState
from shoal.swarm.membership.near import Near
from shoal.swarm.membership.restoring import write_all
from shoal.swarm.nodes.admission import Admission
from shoal.swarm.nodes.server import Managing
from shoal.swarm.nodes.tls import Credentials
from shoal.swarm.sealing import AesSeal

SINGLE, SHARED = "sqlite", "etcd"
MOVE_TTL_S = 1.0


class ManagerPart:
    """One store and the manager on it. kind: SINGLE | SHARED, of the store that it is on or was last

    task_logs: what a manager reads logs of tasks with
    """

    def __init__(self, near: Near, state: LocalState, task_logs: Callable[[Manager], TaskLogs]) -> None:
        self._near = near
        self._task_logs = task_logs
        self._node_id = state.node_id
        self._single = near.folder / "cluster.db"
        self.quorum: Quorum = near.quorum(_settings(state))
        self.kind = state.store
        self._store: ClusterStore | None = None
        self.now: Managing | None = None  #: None while there is no manager here

    async def open(self, data_key: bytes, credentials: Credentials) -> None:
        """On the store that there is. Raises: DriverError, Unavailable; nothing is left open then"""
        if self.kind == SHARED:
            await self.trust(credentials)
            await self.quorum.resume()
            await self._open(self.quorum.store(), data_key)
        else:
            await self.quorum.erase()  # an engine before this one was killed while it went from one to the other
            await self._open(self._near.single_store(self._single), data_key)

    async def survive(self, data_key: bytes, credentials: Credentials) -> Managing:
        """As `open`, where the other managers are gone for good. Raises: DriverError, Unavailable"""
        if self.kind == SHARED:
            await self.trust(credentials)
            await self.quorum.survive()
        await self.open(data_key, credentials)
        if self.now is None:
            raise InternalError("the manager is not open")
        return self.now

    async def trust(self, credentials: Credentials) -> None:
        """The shared store's member shows this certificate."""
        await self.quorum.trust(credentials.certificate, credentials.key, credentials.trusted)

    async def begin(self, members: str, credentials: Credentials) -> None:
        """A further member of the shared store runs; it has no vote yet. Raises: DriverError"""
        await self.trust(credentials)
        await self.quorum.begin(members)
        self.kind = SHARED

    async def share(self, data_key: bytes, credentials: Credentials) -> None:
        """The manager goes on with a store that others can share; tasks see nothing of it.

        Raises: DriverError, Unavailable; the single store goes on then
        """
        await self.trust(credentials)
        await self.quorum.begin()
        await self.quorum.wait_ready()
        if (before := self.now) is None:
            raise InternalError("there is no manager here")
        # The old manager is still asked for what it knows; what it would write is refused, so nothing gets lost.
        await before.manager.close()
        await self._close_store()
        try:
            values, epoch = await self._last_words()
            await self.quorum.fill(values, epoch)
            self.kind = SHARED
            await self._open(self.quorum.store(), data_key)
        except BaseException:
            self.kind = SINGLE
            await self._open(self._near.single_store(self._single), data_key)
            raise

    async def go_back(self, credentials: Credentials, keep: Callable[[], None]) -> bool:
        """Whether the store is this manager's alone again: it is the only one left. Before `open`.

        keep: writes down that it is. Killed before that, an engine goes on with the shared store, which has all of it;
            after that with the single one, which has it too
        Raises: DriverError, Unavailable; nothing has changed then
        """
        await self.trust(credentials)
        await self.quorum.resume()
        await self.quorum.wait_ready()
        if len(await self.quorum.members()) > 1:
            return False
        values, epoch = await self._shared_content()
        if _managers_in(values) != [self._node_id]:
            return False
        await asyncio.to_thread(_unlink, self._single)
        store = self._near.single_store(self._single)
        await store.open()
        try:
            await write_all(store, values, epoch)
        finally:
            await store.close()
        keep()
        self.kind = SINGLE
        await self.quorum.erase()
        return True

    async def _shared_content(self) -> tuple[Mapping[str, bytes], int]:
        store = self.quorum.store()
        await store.open()
        try:
            found, epoch = await store.range(""), await store.newest_epoch()
        finally:
            await store.close()
        return {key: value.data for key, value in found.values.items()}, epoch

    async def _last_words(self) -> tuple[Mapping[str, bytes], int]:
        """What the single store has in the end, and its newest epoch."""
        store = self._near.single_store(self._single)
        await store.open()
        try:
            found = await store.range("")
            epoch = await store.campaign(self._node_id, MOVE_TTL_S)
        finally:
            await store.close()
        return {key: value.data for key, value in found.values.items()}, epoch

    async def _open(self, store: ClusterStore, data_key: bytes) -> None:
        await store.open()
        manager = Manager(
            store,
            node_id=self._node_id,
            seal=AesSeal(data_key, self._near.random_bytes),
            now_ns=self._near.now_ns,
            new_id=self._near.new_id,
            choose=self._near.choose,
        )
        manager.services.task_logs = self._task_logs(manager)
        manager.networks.subnets = self._near.subnets
        try:
            await manager.open()
            manager.ledger.mirror.listen(teller(self._near.publish))
        except BaseException:
            await store.close()
            raise
        self._store = store
        self.now = Managing(manager, Admission(manager.ledger))

    async def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            await store.close()

    async def close(self) -> None:
        """The manager leads no more, its store is closed; the shared one runs on. Idempotent."""
        managing, self.now = self.now, None
        if managing is not None:
            await managing.manager.close()
        await self._close_store()
        await self.quorum.release()

    async def step_down(self) -> None:
        """No manager is here any more, and another member leads the shared store. It keeps its vote. Idempotent."""
        if self.kind == SHARED and not self.quorum.is_removed:
            # First, as who leads next writes at once, and what is written while the store's lead changes is lost.
            with suppress(Unavailable):  # nobody leads it now, or this member has just been removed
                await self.quorum.hand_over()
        managing, self.now = self.now, None
        if managing is not None:
            await managing.manager.close()
        await self._close_store()

    async def resign(self) -> None:
        """Out of the shared store too, whose other members go on. Raises: Unavailable"""
        await self.step_down()
        if self.kind == SHARED:
            members = await self.quorum.members()
            own = [member.id for member in members if member.address == self.quorum.address]
            if len(members) > 1:
                for member_id in own:
                    await self.quorum.remove(member_id)
        await self.erase()

    async def erase(self) -> None:
        """Nothing of any store is left."""
        await self.quorum.erase()
        self.kind = SINGLE
        await asyncio.to_thread(_unlink, self._single)


def _managers_in(values: Mapping[str, bytes]) -> list[str]:
    """Ids of the nodes that are managers, or are to be."""
    nodes = (records.decode("nodes", data) for key, data in values.items() if key.startswith("nodes/"))
    return [node.id for node in nodes if isinstance(node, Node) and (node.spec.role is Role.MANAGER or node.manager)]


def drop_single(folder: Path) -> None:
    """The single store's file is gone: the shared one has all of it."""
    _unlink(folder / "cluster.db")


def _unlink(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _settings(state: LocalState) -> QuorumSettings:
    """The managers' store has the two ports after the node's own."""
    host, port = split_port(state.advertise)
    return QuorumSettings(
        name=state.node_id,
        cluster_id=state.cluster_id,
        listen=split_port(state.listen)[0],
        advertise=host,
        port=port + 1,
        local_port=port + 2,
    )
