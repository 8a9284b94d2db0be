"""Addresses and ports that are given out, including those of containers that are about to start."""

from collections import defaultdict
from collections.abc import Iterable

from shoal.lifecycle.network.ports import PortTable
from shoal.model.endpoint import Endpoint
from shoal.model.network import Sandbox


class Leases:
    """What is taken, in memory: it follows from the sandboxes."""

    def __init__(self) -> None:
        self._addresses: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self.ports = PortTable()

    def addresses(self, network_id: str) -> dict[str, str]:
        """{address: container id} on a network."""
        return self._addresses[network_id]

    def hold(self, network_id: str, container_id: str, *addresses: str) -> None:
        """Take addresses."""
        for address in filter(None, addresses):
            self._addresses[network_id][address] = container_id

    def hold_endpoint(self, container_id: str, endpoint: Endpoint) -> None:
        """Take the addresses of an endpoint; one without any counts as a user of its network too."""
        taken = (endpoint.ipv4_address, endpoint.ipv6_address)
        self.hold(endpoint.network_id, container_id, *(taken if any(taken) else (endpoint.endpoint_id,)))

    def release(self, container_id: str, network_id: str = "") -> None:
        """Give back the addresses of a container, on one network or on all."""
        for network, addresses in self._addresses.items():
            if network_id in ("", network):
                for address in [a for a, holder in addresses.items() if holder == container_id]:
                    del addresses[address]

    def load(self, sandboxes: Iterable[Sandbox]) -> None:
        """Take all that these sandboxes have."""
        for sandbox in sandboxes:
            for endpoint in sandbox.endpoints.values():
                self.hold_endpoint(sandbox.container_id, endpoint)
            for port in sandbox.ports:
                self.ports.hold(port)

    def users(self, network_id: str) -> set[str]:
        """Ids of the containers with an address on a network."""
        return set(self._addresses[network_id].values())
