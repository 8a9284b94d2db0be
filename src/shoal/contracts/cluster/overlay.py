"""The overlay networks of one node: tunnel, routes, virtual addresses, routing mesh, names.

Lifecycle: `apply` with the whole state, again whenever it changes; it works out what is different and does only that.
`apply` returns when the kernel (and netd) have it. After a crash of the engine the kernel still has the last state; the
first `apply` adopts it, no packet is lost. `leave` takes everything away.

A packet's way: see docs/design/overlay.md.
"""

from typing import Protocol

from shoal.model.cluster.assignment import OverlayState


class Overlay(Protocol):
    """What is in the kernel for the cluster."""

    async def apply(self, state: OverlayState) -> None:
        """Make it so, all or as much as can be; idempotent. Raises: DriverError, after doing all that could be done"""
        ...

    async def drained(self, task_id: str, deadline_s: float) -> bool:
        """True as soon as no tracked connection leads to this task through a virtual address or the mesh any more;
        False when `deadline_s` seconds have passed first."""
        ...

    async def leave(self) -> None:
        """Nothing is left of it. Idempotent."""
        ...
