"""What the leader does for the membership of others: demoted managers leave the store, a change of CA ends."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from shoal.contracts.cluster.quorum import QuorumMember
from shoal.errors import ShoalError, VersionConflict
from shoal.model.cluster.cluster import Cluster
from shoal.model.cluster.node import Node, Role
from shoal.swarm.manager import records
from shoal.swarm.manager.manager import Manager
from shoal.swarm.membership.managing import SHARED, ManagerPart
from shoal.swarm.nodes.enlisting import change_node
from shoal.swarm.pki.authority import Authority, cross_signed, new_authority
from shoal.swarm.pki.tokens import ca_digest

log = logging.getLogger("shoal.cluster.managers")

RETRY_S = 1.0
HAND_OVER_S = 5.0  #: for a demoted manager whose member leads the store
HAND_OVER_LOOK_S = 0.05
LOOK_S = 5.0  #: between two looks while nothing changes
FOLLOWER_LOOK_S = 0.2  #: whether it leads now
#: a new member of the store that has no vote by then is given up: it would keep others out
LEARNER_S = 60.0


class Duties:
    """Done by whichever manager leads."""

    def __init__(self, manager: Manager, part: ManagerPart) -> None:
        self._manager = manager
        self._part = part
        self._changed = asyncio.Event()
        self._without_vote: dict[str, float] = {}  #: {id of a member: loop time when it was first seen}

    async def run(self) -> None:
        """Until cancelled."""
        unlisten = self._manager.ledger.mirror.listen(lambda before, after, touched: self._changed.set())
        try:
            while True:
                try:
                    if self._manager.is_leader:
                        await self._once()
                except VersionConflict:
                    self._changed.set()
                except ShoalError as error:
                    log.warning("the cluster's managers cannot be brought in order: %s", error.message)
                    await asyncio.sleep(RETRY_S)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S if self._manager.is_leader else FOLLOWER_LOOK_S):
                        await self._changed.wait()
                self._changed.clear()
        finally:
            unlisten()

    async def _once(self) -> None:
        ledger = self._manager.ledger
        for node in list(ledger.view.nodes.values()):
            if node.manager is not None and node.spec.role is Role.WORKER and node.id != ledger.node_id:
                await self._demoted(node)
        await self._drop_strangers()
        if (cluster := ledger.view.cluster) is not None:
            await self._rotate(cluster)

    async def _demoted(self, node: Node) -> None:
        for member in await self._members():
            if member.name == node.id:
                await self._until_it_follows(member.id)
                now = self._manager.ledger.view.nodes.get(node.id)
                if now is None or now.spec.role is not Role.WORKER:
                    return
                await self._part.quorum.remove(member.id)
        await change_node(self._manager, node.id, lambda n: replace(n, manager=None))
        log.info("node %s is no manager any more", node.id)

    async def _members(self) -> Sequence[QuorumMember]:
        return await self._part.quorum.members() if self._part.kind == SHARED else ()

    async def _until_it_follows(self, member_id: str) -> None:
        """Another member leads the store, or the node does not hand it over in time."""
        quorum = self._part.quorum
        with suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER_S):
                while await quorum.leader() in ("", member_id):  # noqa: ASYNC110 - another process is asked
                    await asyncio.sleep(HAND_OVER_LOOK_S)

    async def _drop_strangers(self) -> None:
        """Members that never got their vote, and those of nodes that were removed."""
        now, nodes = asyncio.get_running_loop().time(), self._manager.ledger.view.nodes
        for member in await self._members():
            if member.has_vote:
                self._without_vote.pop(member.id, None)
                if member.name and member.name not in nodes:
                    await self._part.quorum.remove(member.id)
                continue
            since = self._without_vote.setdefault(member.id, now)
            if now - since > LEARNER_S:
                await self._part.quorum.remove(member.id)
                self._without_vote.pop(member.id, None)

    # -- a change of CA -------------------------------------------------------------

    async def _rotate(self, cluster: Cluster) -> None:
        if cluster.spec.force_rotate > cluster.rotated and not cluster.old_ca_certificate:
            await self._begin_rotation(cluster)
        elif cluster.old_ca_certificate:
            wanted = ca_digest(cluster.ca_certificate).hex()
            if all(node.issuer == wanted for node in self._manager.ledger.view.nodes.values()):
                await self._write(replace(cluster, old_ca_certificate="", cross_certificate=""))
                log.info("the cluster's CA has changed")

    async def _begin_rotation(self, cluster: Cluster) -> None:
        """Nodes trust both CAs from now on, and get certificates of the new one."""
        ledger = self._manager.ledger
        now = ledger.now_ns()
        old = Authority(cluster.ca_certificate, ledger.seal.unseal(cluster.sealed_ca_key).decode())
        new = new_authority(now)
        changed = replace(
            cluster,
            ca_certificate=new.certificate,
            sealed_ca_key=ledger.seal.seal(new.key.encode()),
            old_ca_certificate=old.certificate,
            cross_certificate=cross_signed(old, new, now),
            rotated=cluster.spec.force_rotate,
            updated_at=now,
        )
        await self._write(changed)
        log.info("the cluster's CA changes")

    async def _write(self, cluster: Cluster) -> None:
        ledger = self._manager.ledger
        compares = ledger.seen(records.key_of(cluster))
        await ledger.write([cluster], compares=compares, epoch=self._manager.epoch)
