"""A manager, put together."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from shoal.contracts.cluster.store import ClusterStore
from shoal.errors import ShoalError
from shoal.swarm.manager.control.clusters import ClusterControl
from shoal.swarm.manager.control.files import FileControl
from shoal.swarm.manager.control.networks import NetworkControl
from shoal.swarm.manager.control.nodes import NodeControl
from shoal.swarm.manager.control.services import ServiceControl
from shoal.swarm.manager.dispatcher import LeaderDispatcher
from shoal.swarm.manager.leader import Leader
from shoal.swarm.manager.ledger import Ledger
from shoal.swarm.manager.mirror import Mirror
from shoal.swarm.manager.tick import Tick
from shoal.swarm.manager.together import together
from shoal.swarm.sealing import Seal

log = logging.getLogger("shoal.cluster.manager")

LEADER_S = 1.0  #: how old the answer to "who leads?" may be
SILENT_S = 4.0  #: as long as the store may say nothing before it has no quorum
COMPACT_S = 300.0
KEPT_REVISIONS = 10_000


class Manager:
    """Control API, leader's tick and dispatcher over one store. `open` before any use; the store is open by then.

    services, nodes, secrets, configs, networks, clusters: see contracts.cluster.control
    dispatcher: see contracts.cluster.dispatcher; serves while this manager leads
    """

    def __init__(
        self,
        store: ClusterStore,
        *,
        node_id: str,
        seal: Seal,
        now_ns: Callable[[], int],
        new_id: Callable[[], str],
        choose: Callable[[int], int],
    ) -> None:
        """new_id: 25 characters [0-9a-z]    choose: a number below its argument"""
        self.ledger = Ledger(
            store=store,
            mirror=Mirror(store),
            seal=seal,
            node_id=node_id,
            now_ns=now_ns,
            new_id=new_id,
            choose=choose,
        )
        self._tick = Tick(self.ledger)
        self._leads = Leader(store, node_id, self._lead)
        self._holder = ""
        self._answered_at = 0.0  #: when the store last said who leads, in loop time
        self.networks = NetworkControl(self.ledger)
        self.dispatcher = LeaderDispatcher(
            self.ledger, self.leader, self.networks.ensure_ingress, is_leading=lambda: self._leads.is_leading
        )
        self.services = ServiceControl(self.ledger)
        self.nodes = NodeControl(self.ledger, self.leader)
        self.secrets = FileControl(self.ledger, "secrets")
        self.configs = FileControl(self.ledger, "configs")
        self.clusters = ClusterControl(self.ledger)
        self._work: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """The view is there; this manager campaigns. Raises: Unavailable"""
        await self.ledger.mirror.open()
        self._answered_at = asyncio.get_running_loop().time()
        self._work = [
            asyncio.create_task(self._leads.run(), name="leader"),
            asyncio.create_task(self._ask_leader(), name="who leads"),
        ]

    async def close(self) -> None:
        """It leads no more, sessions end. The store stays open."""
        for work in self._work:
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self.networks.close()
        await self.ledger.mirror.close()

    @property
    def is_leader(self) -> bool:
        """Whether this manager leads, as far as it knows."""
        return self._leads.is_leading

    @property
    def epoch(self) -> int:
        """Of this manager while it leads, else 0."""
        return self._leads.epoch

    @property
    def has_quorum(self) -> bool:
        """Whether the store, for which most managers must be there, has just answered; else what is told may be old."""
        heard_at = max(self._leads.kept_at, self._answered_at)
        return asyncio.get_running_loop().time() - heard_at < SILENT_S

    def leader(self) -> tuple[str, str]:
        """(node id, "host:2377") of who leads, as far as it is known here; ("", "") = nobody."""
        holder = self.ledger.node_id if self.is_leader else self._holder
        node = self.ledger.view.nodes.get(holder)
        return holder, (node.manager.address if node and node.manager else "")

    async def _ask_leader(self) -> None:
        """The store knows who leads; nobody tells, so it is asked."""
        while True:
            if not self.is_leader:
                with suppress(ShoalError):
                    holder, _ = await self.ledger.store.leader()
                    self._answered_at = asyncio.get_running_loop().time()
                    self._holder = "" if holder == self.ledger.node_id else holder
            await asyncio.sleep(LEADER_S)

    async def _lead(self, epoch: int) -> None:
        await self.ledger.mirror.see_all()  # told from less, nodes would end tasks that are wanted
        await together(tick=self._tick.run(epoch), dispatcher=self.dispatcher.lead(epoch), compaction=self._compact())

    async def _compact(self) -> None:
        """The store forgets what no manager can still want to read: one that is so far behind ranges anew."""
        while True:
            await asyncio.sleep(COMPACT_S)
            try:
                await self.ledger.store.compact(max(0, self.ledger.view.version - KEPT_REVISIONS))
            except ShoalError as error:
                log.warning("the store cannot be compacted: %s", error.message)
