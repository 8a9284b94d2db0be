"""Overlay networks."""

import ipaddress
from collections.abc import Sequence

from shoal.contracts.cluster.control import Versioned
from shoal.errors import Conflict, Forbidden, InvalidArgument, VersionConflict
from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.cluster.task import TaskState
from shoal.model.network import NetworkSpec
from shoal.swarm.manager import records
from shoal.swarm.manager.control.find import oldest_first, resolve
from shoal.swarm.manager.ledger import Ledger


class NetworkControl:
    """See contracts.cluster.control.ClusterNetworks. Subnets that nobody asked for are given by `cluster.decide`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def create(self, spec: NetworkSpec) -> str:
        """Its id. Raises: InvalidArgument; Conflict where the name is taken; Forbidden for a subnet in use"""
        ledger = self._ledger
        self._check(spec)
        record = ClusterNetwork(id=ledger.new_id(), spec=spec, created_at=ledger.now_ns())
        try:
            await ledger.write([record], names={records.name_key("networks", spec.name): record.id})
        except VersionConflict:
            raise Conflict(f"network with name {spec.name} already exists") from None
        return record.id

    def _check(self, spec: NetworkSpec) -> None:
        if spec.driver != "overlay":
            raise InvalidArgument(f'network {spec.name}: expected the driver "overlay", got "{spec.driver}"')
        wanted = [pool.subnet for pool in spec.ipam.config if pool.subnet]
        taken = [
            pool.subnet
            for other in self._ledger.view.networks.values()
            for pool in other.spec.ipam.config
            if pool.subnet
        ]
        if any(_overlap(one, other) for one in wanted for other in taken):
            raise Forbidden("Pool overlaps with other one on this address space")

    async def list(self) -> Sequence[Versioned[ClusterNetwork]]:
        """Oldest first."""
        found = oldest_first(self._ledger.view.networks.values(), lambda network: network.created_at)
        return [Versioned(n, self._ledger.view.revisions.get(records.key_of(n), 0)) for n in found]

    async def remove(self, reference: str) -> None:
        """Raises: NotFound; InvalidArgument while a service or a task is on it"""
        ledger = self._ledger
        while True:
            network = resolve("network", reference, ledger.view.networks, lambda network: network.spec.name)
            self._check_unused(network)
            key = records.key_of(network)
            try:
                await ledger.write(
                    deletes=[key, records.name_key("networks", network.spec.name)], compares=ledger.seen(key)
                )
                return
            except VersionConflict:
                await ledger.mirror.catch_up()

    def _check_unused(self, network: ClusterNetwork) -> None:
        view = self._ledger.view
        said = f"rpc error: code = FailedPrecondition desc = network {network.id} is in use by"
        for service in view.services.values():
            if any(item.target in (network.id, network.spec.name) for item in service.spec.task.networks):
                raise InvalidArgument(f"{said} service {service.id}")
        for task in view.tasks.values():
            if task.status.state <= TaskState.RUNNING and any(a.network_id == network.id for a in task.addresses):
                raise InvalidArgument(f"{said} task {task.id}")


def _overlap(one: str, other: str) -> bool:
    first, second = ipaddress.ip_network(one, strict=False), ipaddress.ip_network(other, strict=False)
    return first.version == second.version and first.overlaps(second)
