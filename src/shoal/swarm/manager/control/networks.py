"""Overlay networks."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from itertools import chain

from shoal.cluster.reconcile.attachments import ATTACHED
from shoal.contracts.cluster.control import Versioned
from shoal.contracts.networking import Subnets
from shoal.errors import Conflict, InvalidArgument, Unavailable, VersionConflict
from shoal.lifecycle.network import ipam
from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.cluster.task import TaskState
from shoal.model.network import NetworkSpec, Pool
from shoal.swarm.manager import records
from shoal.swarm.manager.control.find import oldest_first, resolve
from shoal.swarm.manager.control.subnets import of_networks, with_subnets
from shoal.swarm.manager.ledger import Ledger

#: of published ports; callers may come by IPv6
INGRESS = NetworkSpec(name="ingress", driver="overlay", scope="swarm", ingress=True, enable_ipv6=True)
_TRIES = 10


class _OnlyOne:
    """A host that no other engine is on."""

    @asynccontextmanager
    async def choosing(self) -> AsyncIterator["_OnlyOne"]:
        yield self

    async def taken(self) -> Sequence[str]:
        return ()

    async def keep(self, _subnets: Collection[str]) -> None:
        return


class NetworkControl:
    """See contracts.cluster.control.ClusterNetworks. `close` at the end.

    subnets: of this manager's host, as it is now; what nodes say of theirs is up to half a minute old
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.subnets: Subnets = _OnlyOne()
        self._chosen: dict[str, tuple[str, ...]] = {}  #: {id: subnets} of networks that are being written

    async def create(self, spec: NetworkSpec) -> str:
        """Its id. Raises: InvalidArgument; Conflict where the name is taken; Forbidden for a subnet in use"""
        if spec.driver != "overlay":
            raise InvalidArgument(f'network {spec.name}: expected the driver "overlay", got "{spec.driver}"')
        if not spec.name:
            raise InvalidArgument("network name cannot be empty")
        if spec.ingress and any(network.spec.ingress for network in self._ledger.view.networks.values()):
            raise Conflict("ingress network is already present")
        return (await self._create(spec)).id

    async def _create(self, spec: NetworkSpec) -> ClusterNetwork:
        """Two at once may choose the same subnet: the commit compares what both chose by."""
        ledger = self._ledger
        for _ in range(_TRIES):
            record = await self._choose(spec)
            name = records.name_key("networks", spec.name)
            subnets = {_subnet_key(pool): record.id for pool in record.spec.ipam.config if pool.subnet}
            try:
                await ledger.write([record], names={name: record.id, **subnets})
                return record
            except VersionConflict:
                await ledger.mirror.catch_up()
            finally:
                del self._chosen[record.id]
        raise Conflict(f"network {spec.name}: its name or its subnet is taken")

    async def _choose(self, spec: NetworkSpec) -> ClusterNetwork:
        """The network that `spec` becomes; other engines of this host leave its subnets alone from now on."""
        async with self.subnets.choosing() as host:
            taken = await host.taken()
            view = self._ledger.view
            if view.cluster is None:
                raise Unavailable("the store holds no cluster")
            if any(network.spec.name == spec.name for network in view.networks.values()):
                raise Conflict(f"network with name {spec.name} already exists")
            completed = with_subnets(view, view.cluster, spec, taken)
            record = ClusterNetwork(id=self._ledger.new_id(), spec=completed, created_at=self._ledger.now_ns())
            self._chosen[record.id] = tuple(ipam.subnets([completed]))
            await host.keep(self._all_subnets())
        return record

    def _all_subnets(self) -> list[str]:
        return [*map(str, of_networks(self._ledger.view)), *chain.from_iterable(self._chosen.values())]

    async def _keep_subnets(self) -> None:
        """Of the networks that there are."""
        async with self.subnets.choosing() as host:
            await host.keep(self._all_subnets())

    async def close(self) -> None:
        """This manager chooses no more."""
        async with self.subnets.choosing() as host:
            await host.keep(())

    async def ensure_ingress(self) -> None:
        """The network of published ports is there. Raises: Unavailable, Forbidden"""
        if not any(network.spec.ingress for network in self._ledger.view.networks.values()):
            await self._create(INGRESS)
        else:
            await self._keep_subnets()  # this manager may have begun just now

    async def list(self) -> Sequence[Versioned[ClusterNetwork]]:
        """Oldest first."""
        found = oldest_first(self._ledger.view.networks.values(), lambda network: network.created_at)
        return [Versioned(n, self._ledger.view.revisions.get(records.key_of(n), 0)) for n in found]

    async def remove(self, reference: str) -> None:
        """Raises: NotFound; InvalidArgument while a service or an attached container is on it

        Tasks that still end do not count: `stack rm` removes the network right after its services.
        """
        ledger = self._ledger
        while True:
            network = resolve("network", reference, ledger.view.networks, lambda network: network.spec.name)
            self._check_unused(network)
            key = records.key_of(network)
            try:
                gone = [key, records.name_key("networks", network.spec.name)]
                gone += [_subnet_key(pool) for pool in network.spec.ipam.config if pool.subnet]
                await ledger.write(deletes=gone, compares=ledger.seen(key))
                await self._keep_subnets()
                return
            except VersionConflict:
                await ledger.mirror.catch_up()

    def _check_unused(self, network: ClusterNetwork) -> None:
        view = self._ledger.view
        said = f"rpc error: code = FailedPrecondition desc = network {network.id} is in use by"
        for service in view.services.values():
            if any(item.target in (network.id, network.spec.name) for item in service.spec.task.networks):
                raise InvalidArgument(f"{said} service {service.id}")
        for task in view.tasks_of.get(ATTACHED, {}).values():
            if task.status.state <= TaskState.RUNNING and any(a.network_id == network.id for a in task.addresses):
                raise InvalidArgument(f"{said} task {task.id}")


def _subnet_key(pool: Pool) -> str:
    return records.name_key("subnets", pool.subnet)
