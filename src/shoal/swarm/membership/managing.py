"""What a manager runs beside what every node runs: its store and the manager on it."""

from shoal.contracts.cluster.store import ClusterStore
from shoal.swarm.manager.manager import Manager
from shoal.swarm.membership.near import Near
from shoal.swarm.nodes.admission import Admission
from shoal.swarm.nodes.server import Managing
from shoal.swarm.sealing import AesSeal


class ManagerPart:
    """One store and the manager on it."""

    def __init__(self, near: Near, node_id: str) -> None:
        self._near = near
        self._node_id = node_id
        self._store: ClusterStore | None = None
        self.now: Managing | None = None  #: None while there is no manager here

    async def open(self, store: ClusterStore, data_key: bytes) -> Managing:
        """On a store that is not open yet. Raises: DriverError, Unavailable; nothing is left open then"""
        await store.open()
        manager = Manager(
            store,
            node_id=self._node_id,
            seal=AesSeal(data_key, self._near.random_bytes),
            now_ns=self._near.now_ns,
            new_id=self._near.new_id,
            choose=self._near.choose,
        )
        try:
            await manager.open()
        except BaseException:
            await store.close()
            raise
        self._store = store
        self.now = Managing(manager, Admission(manager.ledger))
        return self.now

    async def close(self) -> None:
        """The manager leads no more, its store is closed. Idempotent."""
        managing, self.now = self.now, None
        store, self._store = self._store, None
        if managing is not None:
            await managing.manager.close()
        if store is not None:
            await store.close()
