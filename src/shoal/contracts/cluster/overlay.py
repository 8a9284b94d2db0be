"""The overlay networks of one node: tunnel, routes, virtual addresses, routing mesh, names.

Lifecycle: `apply` with the whole state, again whenever it changes; it works out what is different and does only that.
`apply` returns when the kernel (and netd) have it. After a crash of the engine the kernel still has the last state; the
first `apply` adopts it, no packet is lost. `leave` takes everything away.

A packet's way: see docs/design/overlay.md.
"""

from collections.abc import Collection
from typing import Protocol

from shoal.lifecycle.overlay.tunnel import TunnelPlan
from shoal.model.cluster.assignment import Attached, OverlayState


class Overlay(Protocol):
    """What is in the kernel for the cluster."""

    async def apply(self, state: OverlayState) -> None:
        """Make it so, all or as much as can be; idempotent. Raises: DriverError, after doing all that could be done"""
        ...

    async def drained(self, task_id: str, deadline_s: float) -> bool:
        """True as soon as no tracked connection leads to this task through a virtual address or the mesh any more;
        False when `deadline_s` seconds have passed first."""
        ...

    def attached(self) -> tuple[Attached, ...]:
        """Containers outside services that are on these networks here, or about to be."""
        ...

    async def leave(self) -> None:
        """Nothing is left of it. Idempotent."""
        ...


class Tunnel(Protocol):
    """The line to the other nodes; part of what an `Overlay` is made of."""

    async def mtu(self, own_address: str) -> int:
        """The longest packet that fits through. own_address: of the underlay"""
        ...

    async def apply(self, plan: TunnelPlan) -> None:
        """Make it so; idempotent, and only what is different. Raises: DriverError"""
        ...

    async def remove(self, device: str) -> None:
        """Nothing is left of it. Idempotent."""
        ...

    async def connections(self, addresses: Collection[str]) -> int:
        """How many open TCP connections lead to these addresses through a virtual address or from other nodes."""
        ...

    async def forget_datagrams(self, addresses: Collection[str]) -> None:
        """The next datagram of whoever sent some to these addresses is balanced anew."""
        ...
