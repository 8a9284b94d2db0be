"""Open sessions of nodes: who has to be told when what changes."""

import asyncio
from collections.abc import Collection, Iterable

from shoal.cluster.view import View
from shoal.errors import Unavailable
from shoal.model.cluster.assignment import Assignment

#: records that concern every node
_ALL_NODES = ("cluster", "nodes", "networks", "services")


class Session:
    """One node's session.

    networks: those that it was told of: tasks on them elsewhere concern it
    beaten_at: loop time of its last sign of life
    """

    def __init__(self, node_id: str, now_s: float) -> None:
        self.node_id = node_id
        self.beaten_at = now_s
        self.networks: frozenset[str] = frozenset()
        self.files: frozenset[str] = frozenset()
        self.over: Exception | None = None
        self._dirty = asyncio.Event()

    def mark(self) -> None:
        """There may be something to tell."""
        self._dirty.set()

    def end(self, reason: Exception) -> None:
        """Its stream raises `reason`."""
        self.over = self.over or reason
        self._dirty.set()

    async def wait(self) -> None:
        """Until it is marked. Raises: what it was ended with"""
        await self._dirty.wait()
        self._dirty.clear()
        if self.over is not None:
            raise self.over

    def was_told(self, told: Assignment) -> None:
        """What it knows now."""
        self.networks = frozenset(told.overlay.networks) if told.overlay else frozenset()
        self.files = frozenset(told.files)


class Sessions:
    """All of them, by node. last_seen: {node id: loop time of the last sign of life in a session that is over}"""

    def __init__(self) -> None:
        self._open: dict[str, Session] = {}
        self.last_seen: dict[str, float] = {}

    def add(self, session: Session) -> None:
        """A node has one session: a newer one ends the one before."""
        if (before := self._open.get(session.node_id)) is not None:
            before.end(Unavailable("the node has opened another session"))
        self._open[session.node_id] = session

    def drop(self, session: Session) -> None:
        """It is over; one that came after it stays."""
        self.last_seen[session.node_id] = max(session.beaten_at, self.last_seen.get(session.node_id, 0.0))
        if self._open.get(session.node_id) is session:
            del self._open[session.node_id]

    def get(self, node_id: str) -> Session | None:
        return self._open.get(node_id)

    def end_all(self, reason: Exception) -> None:
        """Each one's stream raises `reason`."""
        for session in self._open.values():
            session.end(reason)

    def mark(self, before: View, after: View, touched: Collection[tuple[str, str]] | None) -> None:
        """Those that a change concerns have something to be told."""
        if touched is None or any(kind in _ALL_NODES for kind, _ in touched):
            self._mark(self._open)
            return
        nodes: set[str] = set()
        networks: set[str] = set()
        files: set[str] = set()
        for kind, identity in touched:
            if kind != "tasks":
                files.add(identity)
                continue
            for view in (before, after):
                if (task := view.tasks.get(identity)) is not None:
                    nodes.add(task.node_id)
                    networks.update(address.network_id for address in task.addresses)
        self._mark(s.node_id for s in self._open.values() if s.networks & networks or s.files & files)
        self._mark(nodes)

    def _mark(self, nodes: Iterable[str]) -> None:
        for node_id in nodes:
            if (session := self._open.get(node_id)) is not None:
                session.mark()
