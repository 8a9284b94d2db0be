"""The firewall as this engine wants it, kept in step with the kernel by small changes."""

import asyncio
import logging

from shoal.contracts.networking import Firewall
from shoal.errors import DriverError
from shoal.lifecycle.network.firewall import (
    IP,
    IP6,
    Bridge,
    Element,
    Forward,
    change_text,
    elements,
    removal_text,
    ruleset_text,
    udp_ports,
)

log = logging.getLogger(__name__)


class Gate:
    """Bridges and published ports of one engine; `settle` brings the kernel's tables to what was set."""

    def __init__(self, firewall: Firewall, table: str) -> None:
        self._firewall = firewall
        self._table = table
        self._bridges: dict[str, Bridge] = {}
        self._forwards: dict[str, tuple[Forward, ...]] = {}
        self._installed: dict[Element, None] = {}
        self._order = asyncio.Lock()

    def set_bridge(self, network_id: str, bridge: Bridge | None) -> None:
        """Takes effect with the next `settle`; None = there is none."""
        self._bridges.pop(network_id, None)
        if bridge is not None:
            self._bridges[network_id] = bridge

    def set_forwards(self, container_id: str, forwards: tuple[Forward, ...]) -> None:
        """Takes effect with the next `settle`; () = none."""
        self._forwards.pop(container_id, None)
        if forwards:
            self._forwards[container_id] = forwards

    def _wanted(self) -> dict[Element, None]:
        forwards = [f for each in self._forwards.values() for f in each]
        return dict.fromkeys(elements(self._bridges.values(), forwards))

    async def settle(self) -> None:
        """Returns when the kernel has what was set before this call. Raises: DriverError"""
        async with self._order:
            wanted = self._wanted()
            removed = [e for e in self._installed if e not in wanted]
            added = [e for e in wanted if e not in self._installed]
            if not removed and not added:
                return
            try:
                await self._firewall.apply(change_text(self._table, removed, added))
                self._installed = wanted
                if ports := udp_ports([*removed, *added]):
                    await self._firewall.forget_udp(ports)
            except DriverError as error:
                # Somebody flushed the firewall under us, and our tables with it.
                log.warning("firewall tables are put back", extra={"cause": error.message})
                await self._rebuild(wanted)

    async def rebuild(self) -> None:
        """Put both tables in place whole, whatever is there. Raises: DriverError"""
        async with self._order:
            await self._rebuild(self._wanted())

    async def watch(self) -> None:
        """Put the tables back whenever somebody deleted them. Ends by being cancelled."""
        while True:
            await self._firewall.wait_deleted(self._table)
            async with self._order:
                there = [await self._firewall.has_table(family, self._table) for family in (IP, IP6)]
                if not all(there):
                    log.warning("firewall tables were deleted and are put back")
                    await self._rebuild(self._wanted())

    async def clear(self) -> None:
        """Take both tables away; `rebuild` brings them back. Raises: DriverError"""
        async with self._order:
            await self._firewall.apply(removal_text(self._table))
            self._installed = {}

    async def _rebuild(self, wanted: dict[Element, None]) -> None:
        await self._firewall.apply(ruleset_text(self._table, list(wanted)))
        self._installed = wanted
