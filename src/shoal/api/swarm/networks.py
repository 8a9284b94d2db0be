"""Overlay networks among those of the node."""

from collections.abc import Mapping, Sequence

from shoal.api.swarm.part import Part
from shoal.errors import InvalidArgument
from shoal.lifecycle.network import rules
from shoal.model.network import Network, NetworkSpec
from shoal.wire.swarm.network import as_network


def is_overlay(spec: NetworkSpec) -> bool:
    """Whether the managers make it, and not the node."""
    return spec.driver == "overlay" or spec.scope == "swarm"


class OverlayNetworks(Part):
    """The cluster's networks as a manager knows them; none on other nodes."""

    async def all(self) -> Sequence[Network]:
        """Oldest first."""
        if self._given is None or not self._given.membership.state().is_manager:
            return ()
        return [as_network(found.record) for found in await self._given.networks.list()]

    async def known(self, networks: Sequence[Network]) -> Sequence[Network]:
        """Those without what the managers have removed already, which the node has a moment longer."""
        if self._given is None or not self._given.membership.state().is_manager:
            return networks
        if not any(is_overlay(network.spec) for network in networks):
            return networks
        there = {found.record.id for found in await self._given.networks.list()}
        return [network for network in networks if network.id in there or not is_overlay(network.spec)]

    async def select(self, filters: Mapping[str, Sequence[str]]) -> Sequence[Network]:
        """Those that pass the filters of a list."""
        found = await self.all()
        return rules.select(found, filters, await self._used()) if found else ()

    async def prunable(self, filters: Mapping[str, Sequence[str]], until: int) -> Sequence[Network]:
        """Those that no service uses."""
        found = [network for network in await self.all() if not network.spec.ingress]
        return rules.select_prunable(found, filters, await self._used(), until) if found else ()

    async def _used(self) -> set[str]:
        services = [item.record for item in await self.control.services.list({})]
        return {attachment.target for service in services for attachment in service.spec.task.networks}

    async def create(self, spec: NetworkSpec) -> str:
        """Its id. Raises: Unavailable on a node that is no manager"""
        if spec.driver != "overlay":
            raise InvalidArgument(f'network {spec.name}: networks of scope swarm have the driver "overlay"')
        return await self.control.networks.create(spec)

    async def remove(self, network_id: str) -> None:
        """Raises: InvalidArgument while something uses it"""
        await self.control.networks.remove(network_id)
