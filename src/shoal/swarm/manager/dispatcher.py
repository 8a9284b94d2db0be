"""The leader's line to the nodes. See `contracts.cluster.dispatcher`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from shoal.cluster.assignments import assignment, difference
from shoal.cluster.shared import NOTHING, shared_after
from shoal.cluster.task import has_ended, orphaned
from shoal.errors import Fenced, Forbidden, NotLeader, ShoalError, Unavailable, VersionConflict
from shoal.model.cluster.assignment import Assignment, AssignmentChange, Attached, Report
from shoal.model.cluster.node import Node, NodeDescription, NodeState
from shoal.swarm.manager.attached import AttachedContainers
from shoal.swarm.manager.ledger import Ledger
from shoal.swarm.manager.records import key_of
from shoal.swarm.manager.sessions import Session, Sessions
from shoal.swarm.manager.statuses import Statuses
from shoal.swarm.manager.together import together
from shoal.swarm.manager.values import Values, without_echo

log = logging.getLogger("shoal.cluster.dispatcher")

BEAT_S = 2.0
MISSED_BEATS = 3
GRACE_S = 0.5  #: a beat may be late by that much
CHECK_S = 0.25
DIFFERENCE_S = 0.01  #: changes that come together are told together
#: after which the tasks of a node that is down are given up. Source: SwarmKit, dispatcher, DefaultNodeDownPeriod
LOST_NS = 24 * 3600 * 1_000_000_000
_TRIES = 20


class LeaderDispatcher:
    """Serves sessions while this manager leads.

    leader: (node id, "host:2377") of who does now
    ensure_ingress: makes the network of published ports where it is missing
    is_leading: whether this manager's time as the leader is not over
    """

    def __init__(
        self,
        ledger: Ledger,
        leader: Callable[[], tuple[str, str]],
        ensure_ingress: Callable[[], Awaitable[None]],
        *,
        is_leading: Callable[[], bool],
    ) -> None:
        self._ledger = ledger
        self._ensure_ingress = ensure_ingress
        self._leader = leader
        self._is_leading = is_leading
        self._sessions = Sessions()
        self._statuses = Statuses(ledger)
        self._attached = AttachedContainers(ledger)
        self._epoch = 0
        self._since_s = 0.0  #: loop time when this manager began to lead
        self._values = Values(ledger)
        self._shared = NOTHING

    # -- the leader's side -----------------------------------------------------

    async def lead(self, epoch: int) -> None:
        """Serve until cancelled. Every node has the time of three beats to come to this manager. Raises: Fenced"""
        self._epoch, self._since_s = epoch, asyncio.get_running_loop().time()
        unlisten = self._ledger.mirror.listen(self._sessions.mark)
        try:
            await together(statuses=self._statuses.run(epoch), heartbeats=self._watch_beats())
        finally:
            unlisten()
            self._epoch = 0
            self._values.forget()
            self._shared = NOTHING
            self._sessions.end_all(NotLeader(*self._leader()))

    @property
    def leads(self) -> bool:
        """Whether nodes are served here."""
        return bool(self._epoch) and self._is_leading()

    def _require_lead(self) -> None:
        if not self.leads:
            raise NotLeader(*self._leader())

    def _require_node(self, node_id: str) -> Node:
        if (node := self._ledger.view.nodes.get(node_id)) is None:
            raise Forbidden(f"node {node_id} is not a member of this cluster")
        return node

    @property
    def beat_s(self) -> float:
        """Between two beats of a node."""
        cluster = self._ledger.view.cluster
        return (cluster.spec.heartbeat_s if cluster else 0.0) or BEAT_S

    async def _watch_beats(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CHECK_S)
            limit_s = self.beat_s * MISSED_BEATS + GRACE_S
            for node in list(self._ledger.view.nodes.values()):
                session = self._sessions.get(node.id)
                last_s = session.beaten_at if session is not None else self._since_s
                last_s = max(last_s, self._since_s, self._sessions.last_seen.get(node.id, 0.0))
                if node.state is NodeState.DOWN:
                    await self._orphan(node)
                elif loop.time() - last_s > limit_s:
                    await self._down(node)

    async def _down(self, node: Node) -> None:
        if (session := self._sessions.get(node.id)) is not None:
            session.end(Unavailable("nothing was heard of this node for too long"))
        log.warning("node %s is down: its heartbeats do not come", node.id)
        try:
            await self._set(node.id, lambda n: replace(n, state=NodeState.DOWN, message="heartbeat failure"))
        except Fenced:
            raise
        except (ShoalError, Forbidden) as error:
            log.warning("cannot write down that node %s is down: %s", node.id, error.message)

    async def _orphan(self, node: Node) -> None:
        """What a node that has been down for a day runs is not waited for any more: nobody knows how it ends."""
        now = self._ledger.now_ns()
        if now - node.updated_at < LOST_NS:
            return
        tasks = self._ledger.view.tasks_on.get(node.id, {}).values()
        lost = [orphaned(task, now, "node was down for too long") for task in tasks if not has_ended(task)]
        if not lost:
            return
        try:
            await self._ledger.write(lost, compares=self._ledger.seen(*map(key_of, lost)), epoch=self._epoch)
            log.warning("%d tasks of node %s are given up", len(lost), node.id)
        except Fenced:
            raise
        except ShoalError as error:
            log.warning("cannot give up the tasks of node %s yet: %s", node.id, error.message)

    async def _set(self, node_id: str, change: Callable[[Node], Node]) -> None:
        """The node's record changed. Raises: Forbidden for one that is gone; Fenced, Unavailable"""
        for _ in range(_TRIES):
            node = self._require_node(node_id)
            changed = change(node)
            if changed == node:
                return
            changed = replace(changed, updated_at=self._ledger.now_ns())
            compares = self._ledger.seen(f"nodes/{node_id}")
            try:
                await self._ledger.write([changed], compares=compares, epoch=self._epoch)
                return
            except VersionConflict:
                await self._ledger.mirror.catch_up()
        raise Unavailable(f"the record of node {node_id} changes all the time")

    # -- the nodes' side ---------------------------------------------------------

    async def session(self, node_id: str, description: NodeDescription) -> AsyncIterator[AssignmentChange]:
        """See the contract; NotLeader (Unavailable) names who leads."""
        self._require_lead()
        self._require_node(node_id)
        session = Session(node_id, asyncio.get_running_loop().time())
        self._sessions.add(session)
        try:
            await self._set(node_id, lambda n: replace(n, state=NodeState.READY, message="", description=description))
            # Not before a node has said which subnets its host has.
            await self._have_ingress()
            told: Assignment | None = None
            while True:
                self._require_lead()
                self._require_node(node_id)
                new = without_echo(told, self._values.filled(self._assignment(node_id)))
                change = difference(told, new)
                if change is not None:
                    told = new
                    session.was_told(new)
                    yield change
                    await asyncio.sleep(DIFFERENCE_S)
                await session.wait()
        finally:
            self._sessions.drop(session)

    def _assignment(self, node_id: str) -> Assignment:
        """What all nodes are told alike is worked out once a view, not once a node."""
        view = self._ledger.view
        self._shared = shared_after(self._shared, view)
        return assignment(view, node_id, self._shared)

    async def _have_ingress(self) -> None:
        """A cluster without room for it has no published ports, and works otherwise."""
        try:
            await self._ensure_ingress()
        except Fenced:
            raise
        except ShoalError as error:
            log.error("there is no ingress network: %s", error.message)

    async def beat(self, node_id: str) -> float:
        """See the contract."""
        self._require_lead()
        node = self._require_node(node_id)
        session = self._sessions.get(node_id)
        if session is None or session.over is not None:
            raise Unavailable("this node has no session here")
        session.beaten_at = asyncio.get_running_loop().time()
        if node.state is not NodeState.READY:
            await self._set(node_id, lambda n: replace(n, state=NodeState.READY, message=""))
        return self.beat_s

    async def report(self, node_id: str, report: Report) -> None:
        """See the contract."""
        self._require_lead()
        self._require_node(node_id)
        if (description := report.description) is not None:
            await self._set(node_id, lambda n: replace(n, description=description))
        if report.statuses:
            await self._statuses.add(node_id, report.statuses)
        if report.attached is not None:
            await self._attached.settle(node_id, report.attached, self._epoch)

    async def attach(self, node_id: str, wish: Attached) -> Attached:
        """See the contract."""
        self._require_lead()
        self._require_node(node_id)
        try:
            return await self._attached.attach(node_id, wish, self._epoch)
        except Fenced as error:
            raise NotLeader(*self._leader()) from error

    async def find_network(self, node_id: str, reference: str) -> str:
        """See the contract."""
        self._require_lead()
        self._require_node(node_id)
        return self._attached.find_network(reference)
