"""The noun: this node's way into, through and out of a cluster. Implements contracts.cluster.control.Membership."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import cast

from shoal.contracts.cluster.attachments import Attachments
from shoal.contracts.cluster.control import (
    ClusterNetworks,
    Clusters,
    Control,
    Files,
    Nodes,
    Services,
    SwarmInit,
    SwarmJoin,
    SwarmRestore,
    SwarmState,
    Versioned,
)
from shoal.contracts.registry import FetchedManifest
from shoal.errors import NotFound, ShoalError, Unavailable
from shoal.model.cluster.node import NodeState, Role
from shoal.model.registry import RegistryAuth
from shoal.oci.manifest import Descriptor
from shoal.oci.reference import Reference
from shoal.swarm.manager.manager import Manager
from shoal.swarm.membership import messages
from shoal.swarm.membership.addresses import advertise_address, split_port
from shoal.swarm.membership.backup import PASSPHRASE, UNLOCK_KEY, content_of, pack, unpack
from shoal.swarm.membership.folder import Folder, Keys, LocalState, Locked
from shoal.swarm.membership.founding import Founded, found
from shoal.swarm.membership.joining import Joining
from shoal.swarm.membership.near import Near
from shoal.swarm.membership.restoring import Restored, check_lost, restored
from shoal.swarm.membership.running import Running
from shoal.swarm.nodes.admission import trusted
from shoal.swarm.pki.certificates import identity_in, validity_of
from shoal.swarm.pki.tokens import parse_unlock

log = logging.getLogger("shoal.cluster.membership")

JOIN_S = 20.0  #: that `join` waits for; Docker's
RETRY_S = 1.0


class Membership:
    """`open` before any use, `close` at the end: containers run on, and the next `open` goes on."""

    def __init__(self, near: Near) -> None:
        self._near = near
        self._folder = Folder(near.folder, near.random_bytes)
        self._state: LocalState | None = None
        self._running: Running | None = None
        self._joining: asyncio.Task[None] | None = None
        self._attempt: Joining | None = None  #: what `_joining` tries
        self._starting: asyncio.Task[None] | None = None
        self._is_locked = False
        self._error = ""
        self._turn = asyncio.Lock()  #: one of init, join, leave, unlock at a time

    # -- with the engine -----------------------------------------------------------

    async def open(self) -> None:
        """Go on where the last engine stopped. An error is told by `state`, it stops no engine."""
        try:
            self._state = self._folder.load_state()
            join = self._folder.load_join()
            attempt = Joining(join, self._near) if self._state is None and join is not None else None
        except ShoalError as error:
            log.error("%s", error.message)
            self._error = error.message
            return
        if self._state is not None:
            await self._resume()
        elif attempt is not None:
            self._joining = asyncio.create_task(self._join(attempt), name="join")

    async def close(self) -> None:
        """Let go; containers run on."""
        for work in (self._joining, self._starting):
            if work is not None:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        if self._running is not None:
            await self._running.stop()
            self._running = None

    async def _resume(self, unlock_key: bytes = b"") -> None:
        assert self._state is not None
        try:
            keys = self._folder.load_keys(unlock_key)
        except Locked:
            self._is_locked = True
            return
        except ShoalError as error:
            log.error("%s", error.message)
            self._error = error.message
            return
        self._is_locked = False
        if validity_of(keys.certificate).ends <= self._near.now_ns():
            self._error = messages.EXPIRED
            log.error("%s", self._error)
            return
        await self._go_on(Running(self._folder, self._near, self._state, keys, unlock_key))

    async def _go_on(self, running: Running) -> None:
        """Start; again and again where that does not work yet."""
        try:
            await self._start(running)
        except ShoalError as error:
            self._error = error.message
            log.error("cannot take part in the cluster yet: %s", error.message)
            self._starting = asyncio.create_task(self._start_later(running), name="start again")

    async def _start(self, running: Running) -> None:
        await running.start()
        self._running, self._error = running, ""

    async def _start_later(self, running: Running) -> None:
        while self._running is None:
            await asyncio.sleep(RETRY_S)
            try:
                await self._start(running)
            except ShoalError as error:
                self._error = error.message

    # -- the contract ---------------------------------------------------------------

    def state(self) -> SwarmState:
        """See the contract."""
        running = self._running
        local = running.state if running is not None else self._state
        if local is None:
            if self._joining is not None and not self._joining.done():
                return SwarmState(state="pending", error=self._attempt.error if self._attempt is not None else "")
            return SwarmState(state="error" if self._error else "inactive", error=self._error)
        known = SwarmState(
            state="locked" if self._is_locked else "error" if self._error else "active",
            node_id=local.node_id,
            node_address=split_port(local.advertise)[0],
            error=self._error,
            managers=local.managers,
        )
        return _as_it_runs(known, running) if running is not None else known

    async def init(self, request: SwarmInit) -> str:
        """See the contract."""
        async with self._turn:
            if self._is_member():
                if request.force_new_cluster and self._state is not None and self._state.role is Role.MANAGER:
                    return await self._survive(request)
                raise messages.swarm_exists()
            return await self._begin(found(request, self._near))

    async def _begin(self, new: Founded | Restored) -> str:
        """The only manager of a cluster that was not here before; nothing is left where that fails."""
        self._folder.make()
        try:
            self._folder.save_keys(new.keys, new.unlock_key)
            self._folder.save_trusted(trusted(new.cluster))
            store = self._near.single_store(self._folder.path / "cluster.db")
            await store.open()
            try:
                await new.write_down(store)
            finally:
                await store.close()
            running = Running(self._folder, self._near, new.state, new.keys, new.unlock_key)
            await self._start(running)
            self._folder.save_state(new.state)
            self._state = new.state
        except BaseException:
            await self._undo()
            raise
        await running.wait_ready()
        return new.state.node_id

    async def backup(self, passphrase: str = "") -> bytes:
        """See the contract."""
        manager, running = self._manager(), self._running
        assert running is not None
        data_key = self._folder.load_keys(running.unlock_key).data_key
        content = await content_of(manager.ledger.store, running.state, data_key)
        sealed_with = PASSPHRASE
        if not passphrase and (unlock_key := await manager.clusters.unlock_key()):
            passphrase, sealed_with = unlock_key, UNLOCK_KEY
        pack_now = partial(pack, content, self._near.random_bytes, passphrase=passphrase, sealed_with=sealed_with)
        return await asyncio.to_thread(pack_now)

    async def restore(self, request: SwarmRestore) -> str:
        """See the contract."""
        async with self._turn:
            if self._is_member():
                raise messages.swarm_exists()
            unpack_now = partial(unpack, request.backup, self._near.random_bytes, passphrase=request.passphrase)
            new = restored(await asyncio.to_thread(unpack_now), request, self._near)
            if not request.force:
                await check_lost(new)
            log.info("the cluster %s is restored from a backup", new.cluster.id)
            return await self._begin(new)

    async def _survive(self, request: SwarmInit) -> str:
        """This manager is the only one from now on, with all that it knows; identities and tokens stay."""
        if self._is_locked:
            raise messages.locked()
        before, self._running = self._running, None
        unlock_key = before.unlock_key if before is not None else b""
        if before is not None:
            await before.stop()
        assert self._state is not None
        state = before.state if before is not None else self._state
        known = self._near.addresses()
        if request.advertise:
            listen = split_port(state.listen)
            state = replace(state, advertise=advertise_address(request.advertise, listen, known))
        state = replace(state, managers=((state.node_id, state.advertise),))
        self._folder.save_state(state)
        self._state = state
        running = Running(self._folder, self._near, state, self._folder.load_keys(unlock_key), unlock_key)
        try:
            await running.survive()
        except BaseException:
            await self._go_on(running)
            raise
        self._running, self._error = running, ""
        await running.wait_ready()
        return state.node_id

    async def join(self, request: SwarmJoin) -> None:
        """See the contract. After some seconds without an answer of a manager it goes on in the background."""
        async with self._turn:
            if self._is_member():
                raise messages.swarm_exists()
            joining = Joining(request, self._near)
            self._folder.make()
            self._folder.save_join(request)
            work = self._joining = asyncio.create_task(self._join(joining), name="join")
            try:
                await asyncio.wait_for(asyncio.shield(work), JOIN_S)
            except TimeoutError:
                raise Unavailable(messages.JOIN_TIMEOUT, hint=joining.error) from None

    async def leave(self, *, force: bool) -> None:
        """See the contract."""
        async with self._turn:
            if not self._is_member():
                raise messages.no_swarm()
            running = self._running
            if running is not None and running.managing is not None and not force:
                raise _refusal(running.managing.manager)
            if self._is_locked and not force:
                raise messages.locked()
            await self._undo()

    async def unlock(self, key: str) -> None:
        """See the contract."""
        async with self._turn:
            if not self._is_member():
                raise messages.no_swarm()
            if not self._is_locked:
                raise messages.not_locked()
            await self._resume(parse_unlock(key))
            if self._is_locked:
                raise messages.wrong_unlock_key()
            if self._error:
                raise Unavailable(self._error)
            if self._running is not None:
                await self._running.wait_ready()

    async def manifest(self, reference: Reference, auth: RegistryAuth | None = None) -> FetchedManifest:
        """Of an image that another node has: this object is a contracts.registry.Source. Raises: NotFound, …"""
        if self._running is None:
            raise NotFound(f"this node is in no cluster that could have {reference.familiar}")
        return await self._running.images.manifest(reference, auth)

    def blob(
        self, reference: Reference, descriptor: Descriptor, offset: int, auth: RegistryAuth | None = None
    ) -> AsyncIterator[bytes]:
        """See contracts.registry."""
        if self._running is None:
            raise NotFound(f"this node is in no cluster that could have {reference.familiar}")
        return self._running.images.blob(reference, descriptor, offset, auth)

    def attachments(self) -> Attachments:
        """Of this node. Raises: Unavailable while it takes no part in a cluster"""
        if self._running is None:
            raise Unavailable(self._error or messages.NO_SWARM)
        return self._running.attachments

    def control(self) -> Control:
        """The control API; its parts raise Unavailable while this node is no manager."""

        def part(find: Callable[[Manager], object]) -> object:
            return _Part(lambda: find(self._manager()))

        return Control(
            membership=self,
            clusters=cast(Clusters, part(lambda manager: manager.clusters)),
            services=cast(Services, part(lambda manager: manager.services)),
            nodes=cast(Nodes, part(lambda manager: manager.nodes)),
            secrets=cast(Files, part(lambda manager: manager.secrets)),
            configs=cast(Files, part(lambda manager: manager.configs)),
            networks=cast(ClusterNetworks, part(lambda manager: manager.networks)),
        )

    # -- inside -----------------------------------------------------------------------

    def _is_member(self) -> bool:
        """Also where what was kept can't be read: a new cluster must not take its place."""
        return self._state is not None or bool(self._error) or (self._joining is not None and not self._joining.done())

    async def _join(self, joining: Joining) -> None:
        """Raises: what makes it hopeless; nothing is left then"""
        self._attempt = joining
        try:
            joined = await joining.run()
            self._folder.save_keys(joined.keys)
            self._folder.save_trusted(joined.trusted)
            self._folder.save_state(joined.state)
            self._folder.save_join(None)
            running = Running(self._folder, self._near, joined.state, joined.keys)
            await self._start(running)
            self._state = joined.state
        except ShoalError as error:
            self._error = ""
            log.error("cannot join the cluster: %s", error.message)
            self._folder.erase()
            raise
        await running.wait_ready()
        if identity_in(joined.keys.certificate).role is Role.MANAGER:
            await running.wait_manager()

    async def _undo(self) -> None:
        """In no cluster any more."""
        for work in (self._joining, self._starting):
            if work is not None:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        running, self._running = self._running, None
        if running is None and self._state is not None:  # locked, expired, …: what it has left here goes all the same
            running = Running(self._folder, self._near, self._state, Keys("", ""))
        self._state, self._is_locked, self._error = None, False, ""
        if running is not None:
            await running.leave()
        self._folder.erase()

    def _manager(self) -> Manager:
        """Raises: Unavailable on a node that is none"""
        running = self._running
        if running is not None and running.managing is not None:
            return running.managing.manager
        if running is not None and running.manager_error:
            raise Unavailable(running.manager_error)
        if self._is_locked:
            raise messages.locked()
        if self._error:
            raise Unavailable(self._error)
        is_worker = running is not None and running.state.role is Role.WORKER
        raise Unavailable(messages.WORKER if is_worker else messages.NOT_MANAGER)


class _Part:
    """A part of the control API, looked up at every use: who is a manager changes."""

    def __init__(self, find: Callable[[], object]) -> None:
        self._find = find

    def __getattr__(self, name: str) -> object:
        return getattr(self._find(), name)


def _as_it_runs(known: SwarmState, running: Running) -> SwarmState:
    if running.error:
        known = replace(known, state="error", error=running.error)
    if running.managing is None:
        return known
    has_quorum = running.managing.manager.has_quorum
    if not has_quorum and not known.error:
        known = replace(known, error=messages.NO_QUORUM)
    view = running.managing.manager.ledger.view
    revision = view.revisions.get("cluster/cluster", 0)
    return replace(
        known,
        is_manager=True,
        has_quorum=has_quorum,
        nodes=len(view.nodes),
        manager_count=sum(node.spec.role is Role.MANAGER for node in view.nodes.values()),
        cluster=Versioned(view.cluster, revision) if view.cluster is not None else None,
    )


def _refusal(manager: Manager) -> Unavailable:
    managers = [node for node in manager.ledger.view.nodes.values() if node.spec.role is Role.MANAGER]
    reachable = sum(node.state is not NodeState.DOWN for node in managers)
    return messages.leaves_managers(len(managers), reachable)
