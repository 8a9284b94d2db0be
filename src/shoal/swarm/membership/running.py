"""All that runs on a node while it is a member: server, agent, and on a manager its store and manager."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from functools import partial

from shoal.contracts.cluster.attachments import Attachments
from shoal.contracts.cluster.dispatcher import Dispatcher
from shoal.contracts.cluster.quorum import Quorum
from shoal.errors import NotLeader, ShoalError, Unavailable
from shoal.model.cluster.node import ManagerStatus, Node, NodeState, Role
from shoal.swarm.agent.agent import Agent
from shoal.swarm.agent.record import FileRecord
from shoal.swarm.manager.manager import Manager
from shoal.swarm.membership.addresses import split_port
from shoal.swarm.membership.duties import Duties
from shoal.swarm.membership.folder import Folder, Keys, LocalState
from shoal.swarm.membership.managing import SHARED, SINGLE, ManagerPart, drop_single
from shoal.swarm.membership.near import Near
from shoal.swarm.nodes.admission import serving
from shoal.swarm.nodes.client import CALL_S, NodeClient
from shoal.swarm.nodes.enlisting import EnlistRoutes, change_node
from shoal.swarm.nodes.images import Desk, ImageRoutes, PeerImages, Peers
from shoal.swarm.nodes.line import ManagerLine
from shoal.swarm.nodes.logs import ClusterLogs, LogRoutes
from shoal.swarm.nodes.messages import Admitted, Ask, Enlist, Enlisted, Ready, Told, decode, encode
from shoal.swarm.nodes.server import Callers, Managing, NodeServer
from shoal.swarm.nodes.sessions import Latest, SessionRoutes
from shoal.swarm.nodes.tls import Credentials, client_context
from shoal.swarm.pki.certificates import identity_in, issued_by, split_certificates, validity_of
from shoal.swarm.pki.tokens import ca_digest

log = logging.getLogger("shoal.cluster.membership")

RETRY_S = 1.0
MANAGER_RETRY_S = 0.5
OPEN_S = 5.0  #: for a store that has a quorum to say so
START_S = 1.5  #: of that, before the engine serves
GO_BACK_S = 15.0  #: to take the store over from what managers shared
LEAVE_S = 10.0
TURN_S = 4.0  #: for a member of the store to start anew and be in step with the others
VOTE_S = 45.0  #: for a new member of the store to catch up
READY_S = 5.0  #: for the first session of a new node
#: no timer is set for longer: a machine that slept is noticed
LONGEST_S = 3600.0


class Running:
    """A member at work. unlock_key: what the keys on disk are sealed with, b"" = they are not"""

    def __init__(self, folder: Folder, near: Near, state: LocalState, keys: Keys, unlock_key: bytes = b"") -> None:
        self._folder = folder
        self._near = near
        self.state = state
        self._keys = keys
        self.unlock_key = unlock_key
        self._trusted = folder.load_trusted()
        self._manager = ManagerPart(near, state, self._task_logs)
        self._callers = Callers(state.cluster_id, lambda: self._manager.now)
        self.client = NodeClient(lambda: client_context(self._credentials))
        desk = Desk()
        own = f"{state.node_id}@{state.advertise}"
        self.images = PeerImages(self.client, desk, managers=lambda: [a for _, a in self.state.managers], own=own)
        routes = [
            *SessionRoutes(self._callers, self.client).routes(),
            *EnlistRoutes(self._callers, self._share, lambda: self._keys.data_key).routes(),
            *LogRoutes(self._callers, near.logs).routes(),
            *ImageRoutes(self._callers, near.images, desk, self._peers).routes(),
        ]
        self._server = NodeServer(split_port(state.listen), self._callers, routes)
        self._line = ManagerLine(self.client, own=self._own_dispatcher, managers=self._addresses, told=self._note)
        self._agent = Agent(
            state.node_id,
            near.executor,
            near.overlay,
            self._line,
            now_ns=near.now_ns,
            record=FileRecord(folder.path / "agent.json"),
        )
        self.attachments: Attachments = self._agent
        self.manager_error = ""  #: why there is no manager here though there is to be one
        self._turn = asyncio.Lock()  #: the store is opened once, and moved once
        self._became = asyncio.Event()  #: set when a manager is opened here
        self._told: Told | None = None
        self._wake = asyncio.Event()
        self._work: list[asyncio.Task[None]] = []

    @property
    def managing(self) -> Managing | None:
        """What a manager works with; None on a worker."""
        return self._manager.now

    @property
    def error(self) -> str:
        """Why this node takes no part, "" while all is well."""
        return self._agent.error if self._agent.is_removed else self.manager_error

    @property
    def is_connected(self) -> bool:
        """Whether it has a session with a manager."""
        return self._agent.is_connected

    @property
    def _credentials(self) -> Credentials:
        return Credentials(certificate=self._keys.certificate, key=self._keys.node_key, trusted=self._trusted)

    def _task_logs(self, manager: Manager) -> ClusterLogs:
        return ClusterLogs(self.client, self.state.node_id, self._near.logs, lambda: manager.ledger.view)

    def _own_dispatcher(self) -> Dispatcher | None:
        return self._manager.now.manager.dispatcher if self._manager.now is not None else None

    def _addresses(self) -> tuple[str, ...]:
        return tuple(address for node_id, address in self.state.managers if node_id != self.state.node_id)

    def _peers(self) -> Peers:
        """The nodes that serve, as a manager knows them."""
        nodes = self._callers.managing().manager.ledger.view.nodes.values()
        return tuple(f"{node.id}@{serving(node)}" for node in nodes if node.state is NodeState.READY)

    @property
    def _is_to_manage(self) -> bool:
        return self.state.role is Role.MANAGER and not self._is_demoted and not self._is_removed

    @property
    def _is_demoted(self) -> bool:
        """Whether a manager here is to be none."""
        return self.state.role is Role.MANAGER and self._told is not None and self._told.role is Role.WORKER

    @property
    def _is_removed(self) -> bool:
        """Whether the other managers have removed this one's member of the store, maybe while it was away."""
        return self.state.role is Role.MANAGER and self._manager.quorum.is_removed

    def _note(self, wanted: Told) -> None:
        if wanted != self._told:
            self._told = wanted
            self._wake.set()

    # -- beginning and end -----------------------------------------------------

    async def start(self) -> None:
        """Raises: DriverError; nothing of it runs then. A manager whose store has no quorum comes later."""
        try:
            await self._server.open(self._credentials)
            if self.state.role is Role.MANAGER:
                await self._go_back()
                await self._begin_to_manage()
        except BaseException:
            await self.stop()
            raise
        self._run()

    def _run(self) -> None:
        self._work += [
            asyncio.create_task(self._agent.run(), name="agent"),
            asyncio.create_task(self._keep(), name="membership"),
            asyncio.create_task(self._watch_own(), name="own membership"),
        ]

    async def _go_back(self) -> None:
        """The last of several managers needs no store to share. What hinders it may pass until the next start."""
        if self._manager.kind != SHARED or [node_id for node_id, _ in self.state.managers] != [self.state.node_id]:
            return
        try:
            async with self._turn, asyncio.timeout(GO_BACK_S):
                keep = partial(self._save, replace(self.state, store=SINGLE))
                if await self._manager.go_back(self._credentials, keep):
                    log.info("the only manager that is left has a store of its own again")
        except (ShoalError, TimeoutError) as error:
            log.warning("the store stays one that managers share: %s", error)

    async def _begin_to_manage(self) -> None:
        """The manager is open, or opens while the engine serves already: its containers wait for no quorum."""
        opening = asyncio.create_task(self._open_manager(), name="the manager opens")
        self._work.append(opening)
        await asyncio.wait([opening], timeout=START_S)
        if opening.done():
            opening.result()
        else:
            self.manager_error = "the managers' store does not answer yet"

    async def _open_manager(self) -> None:
        """Unless it is open, or there is to be none any more. Raises: DriverError"""
        async with self._turn:
            if self._manager.now is not None or not self._is_to_manage:
                return
            try:
                async with asyncio.timeout(OPEN_S):
                    await self._manager.open(self._keys.data_key, self._credentials)
                self.manager_error = ""
                self._became.set()
            except (Unavailable, TimeoutError) as error:
                await self._manager.close()
                self.manager_error = str(error) or "the managers' store does not answer"
                log.warning("this manager cannot open its store: %s", self.manager_error)

    async def wait_ready(self) -> None:
        """Until this node has a session, or for some seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_S):
                await self._line.opened.wait()

    async def wait_manager(self) -> None:
        """Until this node is the manager that it is to be."""
        while self._manager.now is None:
            self._became.clear()
            await self._became.wait()

    async def survive(self) -> None:
        """As `start`, of a manager that goes on without the others: those are no managers any more.

        Raises: DriverError, Unavailable; nothing of it runs then
        """
        try:
            await self._server.open(self._credentials)
            managing = await self._manager.survive(self._keys.data_key, self._credentials)
            for node in list(managing.manager.ledger.view.nodes.values()):
                await change_node(managing.manager, node.id, self._as_survivor)
        except BaseException:
            await self.stop()
            raise
        self._run()

    def _as_survivor(self, node: Node) -> Node:
        if node.id != self.state.node_id:
            return replace(node, spec=replace(node.spec, role=Role.WORKER), manager=None)
        status = ManagerStatus(address=self.state.advertise)
        return replace(node, address=split_port(self.state.advertise)[0], manager=status)

    async def stop(self) -> None:
        """Containers run on."""
        for work in self._work:
            work.cancel()
        for ended in await asyncio.gather(*self._work, return_exceptions=True):
            if isinstance(ended, Exception):
                log.error("what a member runs had failed: %s", ended, exc_info=ended)
        self._work = []
        await self.client.close()
        await self._server.close()
        await self._manager.close()

    async def leave(self) -> None:
        """Nothing of the cluster is left on this node, but for what the folder holds."""
        if self.managing is not None and len(self.state.managers) > 1:
            try:
                async with asyncio.timeout(LEAVE_S):
                    await self._manager.resign()
            except (ShoalError, TimeoutError) as error:
                log.warning("the other managers were not told that this one leaves: %s", error)
        await self.stop()
        await self._manager.erase()
        await self._agent.leave()

    # -- what the managers want of this node -------------------------------------

    async def _watch_own(self) -> None:
        """A manager's view tells what is wanted of its own node; its leader has some more to do."""
        while True:
            managing = self._manager.now
            if managing is None:
                await self._until_manager()
                continue
            latest = Latest(managing.manager.ledger.mirror, self.state.node_id)
            duties = asyncio.create_task(Duties(managing.manager, self._manager).run(), name="leader's duties")
            try:
                while self._manager.now is managing:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(RETRY_S):
                            self._note(await latest.next())
                    self._keep_locked(managing)
                    self._leave_if_removed()
            except ShoalError as error:
                log.warning("cannot read what is wanted of this node: %s", error.message)
                await asyncio.sleep(RETRY_S)
            finally:
                latest.close()
                duties.cancel()
                await asyncio.gather(duties, return_exceptions=True)

    async def _until_manager(self) -> None:
        """Tries again to open the manager, where there is to be one; else waits until there is one."""
        if self.state.role is not Role.MANAGER:
            self._became.clear()
            await self._became.wait()
            return
        await asyncio.sleep(MANAGER_RETRY_S)
        self._leave_if_removed()
        try:
            await self._open_manager()
        except ShoalError as error:
            self.manager_error = error.message

    def _leave_if_removed(self) -> None:
        if self._is_removed:
            self._wake.set()

    def _keep_locked(self, managing: Managing) -> None:
        """The keys on disk are sealed with the cluster's unlock key while it has one."""
        ledger = managing.manager.ledger
        if (cluster := ledger.view.cluster) is None:
            return
        sealed = cluster.sealed_tokens.get("unlock", b"")
        unlock_key = ledger.seal.unseal(sealed) if sealed else b""
        if unlock_key != self.unlock_key:
            self._folder.save_keys(self._keys, unlock_key)
            self.unlock_key = unlock_key
            log.info("the keys of this manager are %s", "locked" if unlock_key else "no longer locked")

    async def _keep(self) -> None:
        """This node is as its managers want it, and has a certificate that is valid."""
        while True:
            try:
                await self._reconcile()
                wait_s = (validity_of(self._keys.certificate).renew_at - self._near.now_ns()) / 1e9
            except ShoalError as error:
                log.warning("cannot become what the managers want: %s", error.message)
                wait_s = RETRY_S
            with suppress(TimeoutError):
                async with asyncio.timeout(max(RETRY_S, min(wait_s, LONGEST_S))):
                    await self._wake.wait()
            self._wake.clear()

    async def _reconcile(self) -> None:
        wanted = self._told
        if wanted is not None:
            if wanted.managers and wanted.managers != self.state.managers:
                self._save(replace(self.state, managers=wanted.managers))
            if wanted.trusted != self._trusted:
                await self._renewed(self._keys, wanted.trusted)
        if (self._is_demoted or self._is_removed) and not await self._become_worker():
            return  # the others hear its member of the store with a manager's certificate only
        wanted = self._told
        if self._wants_certificate(wanted):
            await self._renew()
        if wanted is not None and wanted.role is Role.MANAGER and self.state.role is Role.WORKER:
            await self._become_manager()

    def _wants_certificate(self, wanted: Told | None) -> bool:
        certificate = self._keys.certificate
        if validity_of(certificate).renew_at <= self._near.now_ns():
            return True
        if wanted is None:
            return False
        root = next((ca for ca in split_certificates(wanted.trusted) if ca_digest(ca).hex() == wanted.issuer), "")
        return identity_in(certificate).role is not wanted.role or not issued_by(certificate, root)

    async def _renew(self) -> None:
        """A new key and its certificate."""
        made = await self._near.new_key()
        ask = Ask(request=made.request, address=split_port(self.state.advertise)[0])
        admitted = await self._signed(ask)
        keys = Keys(made.key, admitted.certificate, self._keys.data_key)
        self._folder.save_keys(keys, self.unlock_key)
        await self._renewed(keys, admitted.trusted)
        log.info("this node has a new certificate as %s", admitted.role.value)

    async def _signed(self, ask: Ask) -> Admitted:
        if (managing := self._manager.now) is not None:
            return await managing.admission.renew(identity_in(self._keys.certificate), ask)
        error: ShoalError = Unavailable("no manager of the cluster is known")
        for address in self._addresses():
            try:
                return decode(await self.client.call("POST", address, "/v1/certificates", encode(ask)), Admitted)
            except Unavailable as failed:
                error = failed
        raise error

    async def _renewed(self, keys: Keys, trusted: str) -> None:
        if not set(split_certificates(self._trusted)) <= set(split_certificates(trusted)):
            await self._wait_turn()
        self._folder.save_trusted(trusted)
        self._keys, self._trusted = keys, trusted
        await self._server.renewed(self._credentials)
        await self.client.renewed()
        if self._manager.kind == SHARED:
            await self._manager.trust(self._credentials)

    # -- another role ----------------------------------------------------------------

    async def _share(self) -> Quorum:
        """The store is one that managers share."""
        async with self._turn:
            if self._manager.kind != SHARED:
                await self._manager.share(self._keys.data_key, self._credentials)
                self._save(replace(self.state, store=SHARED))
                drop_single(self._folder.path)
                log.info("the managers share a store from now on")
            return self._manager.quorum

    async def _become_manager(self) -> None:
        enlist = Enlist(address=self.state.advertise, store_address=self._manager.quorum.address)
        enlisted = decode(await self._ask_leader("/v1/managers", encode(enlist), timeout_s=VOTE_S), Enlisted)
        keys = replace(self._keys, data_key=enlisted.data_key)
        await self._manager.begin(enlisted.members, self._credentials)
        ready = Ready(address=self.state.advertise, member_id=enlisted.member_id)
        await self._ask_leader("/v1/managers/ready", encode(ready), timeout_s=VOTE_S)
        self._folder.save_keys(keys, self.unlock_key)
        self._keys = keys
        self._save(replace(self.state, role=Role.MANAGER, store=SHARED))
        await self._open_manager()
        log.info("this node is a manager")

    async def _become_worker(self) -> bool:
        """Whether it is one. Its member of the store runs on until the manager that leads has taken its vote away."""
        async with self._turn:
            await self._manager.step_down()
            if not self._is_removed and self._told is not None and self.state.node_id in dict(self._told.managers):
                return False
            await self._manager.erase()
            self._keys = replace(self._keys, data_key=b"")
            self._folder.save_keys(self._keys)
            self.unlock_key, self.manager_error = b"", ""
            self._save(replace(self.state, role=Role.WORKER, store=SINGLE))
        log.info("this node is a worker")
        return True

    async def _ask_leader(self, path: str, body: bytes, timeout_s: float = CALL_S) -> bytes:
        """Of any manager that leads. Raises: what the leader says, Unavailable"""
        error: ShoalError = Unavailable("no manager of the cluster is known")
        asked: list[str] = []
        coming = list(self._addresses())
        while coming:
            address = coming.pop(0)
            if address in asked:
                continue
            asked.append(address)
            try:
                return await self.client.call("POST", address, path, body, timeout_s=timeout_s)
            except NotLeader as other:
                error = other
                coming[:0] = [other.address] if other.address else []
            except Unavailable as failed:
                error = failed
        raise error

    async def _wait_turn(self) -> None:
        """Where a CA goes, the managers' members of the store start anew, one after another."""
        managers = [node_id for node_id, _ in self.state.managers]
        if self._manager.kind == SHARED and self.state.node_id in managers:
            await asyncio.sleep(managers.index(self.state.node_id) * TURN_S)

    def _save(self, state: LocalState) -> None:
        self._folder.save_state(state)
        self.state = state
