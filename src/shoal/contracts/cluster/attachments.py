"""Containers outside services on networks of the cluster: `run --network NAME`, `network connect`.

Lifecycle: `attach` before such a container gets its link; the managers give its addresses and tell all nodes where it
is. The node keeps the list of what it has (`contracts.cluster.overlay.Overlay.attached`) and calls `changed` when one
has left; the managers are told the list then and whenever a session opens, and forget what is not in it.
"""

from typing import Protocol

from shoal.model.cluster.assignment import Attached


class Attachments(Protocol):
    """What a node asks the managers for such containers. Raises Unavailable where none answers."""

    async def attach(self, wish: Attached) -> Attached:
        """The container with its addresses, its own alone in the cluster until it leaves.

        Raises: NotFound, Forbidden for an address that is taken, Unavailable
        """
        ...

    async def find_network(self, reference: str) -> str:
        """The id of a network by id, name or beginning of the id. Raises: NotFound, InvalidArgument, Unavailable"""
        ...

    def changed(self) -> None:
        """A container has left, or has another name."""
        ...

    async def told(self) -> None:
        """The managers know of all that has left; or none answers, or some time has passed."""
        ...
