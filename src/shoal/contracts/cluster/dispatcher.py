"""What an agent says to a manager, and hears from it.

A node opens one `session` and keeps it: the first change is the full set, later ones say what is different. While it is
open the node beats (`beat`) every few seconds and reports; a manager that hears nothing calls the node down. A session
that breaks is opened again, with any manager. The manager's own node uses the manager's dispatcher as it is; other
nodes one that carries the same calls over mutual TLS.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from shoal.model.cluster.assignment import AssignmentChange, Attached, Report
from shoal.model.cluster.node import NodeDescription


class Dispatcher(Protocol):
    """One node's line to the managers."""

    def session(self, node_id: str, description: NodeDescription) -> AsyncIterator[AssignmentChange]:
        """The full set, then changes, batched; ends or raises Unavailable when the line breaks.

        Raises: Forbidden for a node that was removed from the cluster
        """
        ...

    async def beat(self, node_id: str) -> float:
        """I am alive. Returns: seconds until the next beat is wanted. Raises: Unavailable, Forbidden"""
        ...

    async def report(self, node_id: str, report: Report) -> None:
        """Written down when this returns. Raises: Unavailable, Forbidden"""
        ...

    async def attach(self, node_id: str, wish: Attached) -> Attached:
        """See `contracts.cluster.attachments`."""
        ...

    async def find_network(self, node_id: str, reference: str) -> str:
        """See `contracts.cluster.attachments`."""
        ...
