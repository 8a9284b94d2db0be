"""The noun `networks` of the engine."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from shoal.contracts.cluster.attachments import Attachments
from shoal.contracts.store import NodeStore
from shoal.engine.events import Events
from shoal.engine.networks import wiring
from shoal.engine.networks.attach import Attaching
from shoal.engine.networks.gate import Gate
from shoal.engine.networks.members import Members
from shoal.engine.networks.overlays import Overlays
from shoal.engine.networks.parts import NetworkDrivers, Parts, Sources
from shoal.engine.networks.plugged import Plugged, check_null
from shoal.engine.networks.repair import Repair
from shoal.engine.networks.sandboxes import Sandboxes
from shoal.errors import DriverError, Forbidden, InvalidArgument, NotFound, Unavailable
from shoal.lifecycle.network import ipam, rules
from shoal.model.endpoint import EndpointSettings
from shoal.model.network import (
    BRIDGE_NAME,
    DRIVERS,
    MTU,
    NULL_IPAM,
    PARENT,
    PREDEFINED,
    JoinRequest,
    Network,
    NetworkSpec,
    Sandbox,
)
from shoal.model.settings import Settings
from shoal.wire.times import parse_moment

log = logging.getLogger(__name__)
#: for a network that the managers have to come to this node
ARRIVAL_S = 5.0


class Networks:
    """Networks, and the sandboxes of running containers."""

    def __init__(
        self, settings: Settings, store: NodeStore, events: Events, drivers: NetworkDrivers, sources: Sources
    ) -> None:
        self._parts = Parts(
            settings=settings,
            store=store,
            events=events,
            links=drivers.links,
            subnets=drivers.subnets,
            netd=drivers.netd,
            gate=Gate(drivers.firewall, settings.instance),
            plugged=Plugged(drivers.plugins, drivers.addresses, drivers.links),
            sources=sources,
        )
        self._ula = ipam.ula_prefix(sources.host_seed)
        self._sandboxes = Sandboxes(self._parts)
        self._attaching = Attaching(self._parts, self._sandboxes)
        #: `contracts.cluster.overlay.Overlay` of this node
        self.overlay = Overlays(self._parts, drivers.firewall, drivers.tunnel)
        self._repair = Repair(self._parts, self._sandboxes, self._attaching, self.overlay)
        self._watches: list[asyncio.Task[None]] = []
        self._changing = asyncio.Lock()

    def set_members(self, members: Members) -> None:
        """Tell who knows the containers (wired after both nouns exist)."""
        self._parts.members = members

    def set_cluster(self, cluster: Attachments) -> None:
        """Tell who asks the managers (wired after both exist)."""
        self._parts.claims.cluster = cluster

    async def open(self, living: Mapping[str, int]) -> None:
        """Adopt what runs and repair the rest: called once at start, before anything else.

        living: {id: pid of the first process} of the containers that run; the sandboxes of all others are removed
        """
        await self._ensure_predefined()
        await self._move_displaced()
        await self._repair.run(living)
        self._watches = [
            asyncio.create_task(self._repair.watch(), name="netd-watch"),
            asyncio.create_task(self._repair.watch_firewall(), name="firewall-watch"),
            asyncio.create_task(self.overlay.watch_firewall(), name="overlay-watch"),
        ]

    async def _ensure_predefined(self) -> None:
        present = {network.name for network in self._parts.store.all(Network)}
        for spec in rules.default_specs(self._default_bridge()):
            if spec.name in present:
                continue
            if spec.driver == "bridge":
                network = await self._complete(spec)
            else:
                network = Network(id=self._parts.sources.new_id(), spec=spec, created_at=self._parts.sources.now_ns())
            await self._parts.store.commit(network)

    async def _move_displaced(self) -> None:
        """Give another subnet to each network without a bridge whose subnet somebody else took while we were away."""
        async with self._parts.subnets.choosing() as host:
            taken = await host.taken()
            for network in self._parts.store.all(Network):
                if (
                    network.is_plugins
                    or not ipam.displaced(network, taken)
                    or await self._parts.links.has_link(network.interface)
                ):
                    continue
                others = [n for n in self._parts.store.all(Network) if n.id != network.id]
                asked = ipam.without_chosen(network)
                spec = ipam.complete_spec(asked, others, self._parts.settings.address_pools, self._ula, taken)
                moved = replace(network, spec=spec, chosen_subnets=ipam.chosen(asked, spec))
                log.warning(
                    "subnet is taken, network moves", extra={"network": network.name, "to": moved.chosen_subnets}
                )
                await self._parts.store.commit(moved)
            await host.keep(self._subnets())

    def _subnets(self) -> list[str]:
        """Of all networks here."""
        return ipam.subnets(network.spec for network in self._parts.store.all(Network))

    async def _keep_subnets(self) -> None:
        """Others may have what no network has any more."""
        async with self._parts.subnets.choosing() as host:
            await host.keep(self._subnets())

    def _default_bridge(self) -> str:
        settings = self._parts.settings
        return "shoal0" if settings.instance == "shoal" else f"s{settings.tag}0"

    async def keep_mounts(self, wanted: bool) -> None:
        """Whether netd stays also when no container runs: what is mounted for containers lives in its namespace."""
        await self._repair.keep_mounts(wanted)

    async def close(self) -> None:
        """Let go; containers keep their network, names and ports. Where none runs, nothing stays on the host."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        if not self._parts.store.all(Sandbox):
            await self._leave_host()
        async with self._parts.subnets.choosing() as host:
            await host.keep(())
        await self._parts.netd.close()
        await self._parts.links.close()

    async def _leave_host(self) -> None:
        """Nobody uses a network: leave the host as it was found. The next start makes bridges and tables again."""
        try:
            for network in self._parts.store.all(Network):
                if network.driver == "bridge":
                    await self._parts.links.remove_bridge(network.interface)
            await self._parts.gate.clear()
        except DriverError as error:
            log.warning("not everything of the networks is removed", extra={"cause": error.message})

    async def plugins(self) -> Sequence[str]:
        """Names of the plugins that hold networks."""
        return await self._parts.plugged.names()

    def resolve(self, reference: str, *, scope: str = "") -> Network:
        """The network with this id, name or unique id prefix. scope: "" = any, local, swarm, global

        Raises: NotFound "network x not found"
        """
        network = self._parts.network(reference)
        if scope not in ("", network.spec.scope or "local"):
            raise NotFound(f"network {reference} not found")
        return network

    def list(self, filters: Mapping[str, Sequence[str]]) -> Sequence[Network]:
        """Networks that pass the filters (name, id, driver, type, scope, label, dangling)."""
        return rules.select(self._parts.networks(), filters, self._used())

    def _used(self) -> set[str]:
        return {n.id for n in self._parts.store.all(Network) if self._parts.leases.users(n.id)}

    async def create(self, spec: NetworkSpec) -> Network:
        """A new network, its bridge ready.

        Raises: Conflict for a taken name, Forbidden for an overlap or a predefined name, InvalidArgument, NotFound for
            an unknown driver or IPAM driver, NotSupported, Unavailable when the pools are used up
        """
        async with self._changing:
            try:
                network = await self._create(spec)
            except BaseException:
                await self._keep_subnets()
                raise
        self._parts.publish(network, "create")
        return network

    async def _create(self, spec: NetworkSpec) -> Network:
        network = await self._complete(spec)
        if network.driver == "bridge" and await self._parts.links.has_link(network.interface):
            await self._parts.plugged.release_pools(network)
            raise Forbidden(f'cannot create network {spec.name}: the host has a link "{network.interface}" already')
        # First the record: after a crash between here and the end the next start finishes the bridge.
        await self._parts.store.commit(network)
        try:
            await self._make(network)
        except BaseException:
            await self._unmake(network)
            raise
        return network

    async def _complete(self, spec: NetworkSpec) -> Network:
        """The network that `spec` becomes, with its subnets, link and MTU."""
        network_id = self._parts.sources.new_id()
        networks = self._parts.store.all(Network)
        is_plugins = spec.driver not in DRIVERS
        scope = await self._parts.plugged.scope(spec.driver) if is_plugins else "local"
        if spec.name not in PREDEFINED or any(n.name == spec.name for n in networks):
            spec = rules.check_create(spec, networks, self._parts.bridge_name(network_id), has_plugin=is_plugins)
        parent = spec.options.get(PARENT, "") if spec.driver == "macvlan" else ""
        if parent and not await self._parts.links.has_link(parent):
            raise InvalidArgument(f'the host has no link "{parent}" to be the parent of network {spec.name}')
        completed, pool_ids = await self._with_pools(spec, networks)
        uplink = await self._parts.links.host()
        interface = parent or spec.options.get(BRIDGE_NAME) or self._parts.bridge_name(network_id)
        return Network(
            id=network_id,
            spec=replace(completed, scope=spec.scope or scope),
            created_at=self._parts.sources.now_ns(),
            interface="" if is_plugins else interface,
            chosen_subnets=() if pool_ids else ipam.chosen(spec, completed),
            mtu=0 if is_plugins else int(spec.options.get(MTU, 0)) or self._parts.settings.mtu or uplink.mtu,
            pool_ids=pool_ids,
        )

    async def _with_pools(self, spec: NetworkSpec, networks: Sequence[Network]) -> tuple[NetworkSpec, tuple[str, ...]]:
        """(`spec` with its subnets, what an IPAM plugin calls them)."""
        if spec.ipam.driver in ("", "default"):
            async with self._parts.subnets.choosing() as host:
                pools = self._parts.settings.address_pools
                completed = ipam.complete_spec(spec, networks, pools, self._ula, await host.taken())
                await host.keep([*self._subnets(), *ipam.subnets([completed])])
            return completed, ()
        if spec.ipam.driver == NULL_IPAM:
            check_null(spec)
            return spec, ()
        return await self._parts.plugged.complete(spec)

    async def _make(self, network: Network) -> None:
        if network.spec.enable_ipv6:
            await self._parts.links.enable_forwarding(ipv6=True)
        if network.driver == "bridge":
            await self._parts.links.ensure_bridge(wiring.bridge_link(network))
            self._parts.gate.set_bridge(network.id, wiring.bridge_of(network))
            await self._parts.gate.settle()
        if network.is_plugins:
            await self._parts.plugged.make(network)

    async def _unmake(self, network: Network) -> None:
        if network.driver == "bridge":
            self._parts.gate.set_bridge(network.id, None)
            await self._parts.links.remove_bridge(network.interface)
            await self._parts.gate.settle()
        await self._parts.plugged.unmake(network)
        await self._parts.store.commit(deletes=[(Network, network.id)])

    async def remove(self, reference: str) -> None:
        """Remove a network without active endpoints.

        Raises: NotFound, Forbidden for a predefined one and for one in use
        """
        async with self._changing:
            network = self.resolve(reference)
            rules.check_remove(network)
            ipam.check_unused(network.name, self._parts.user_names(network.id), network.id)
            await self._unmake(network)
            await self._keep_subnets()
        self._parts.publish(network, "destroy")

    async def prune(self, filters: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Names of the networks removed because no running container uses them.

        filters: label, label!, until (a time, or a duration before now)
        """
        own = [network for network in self._parts.store.all(Network) if not wiring.is_routed(network)]
        found = rules.select_prunable(own, filters, self._used(), self.prune_until(filters))
        removed = []
        for network in found:
            with suppress(Forbidden):  # somebody began to use it
                await self.remove(network.id)
                removed.append(network.name)
        self._parts.events.publish("network", "prune", "", {"reclaimed": "0"})
        return removed

    def prune_until(self, filters: Mapping[str, Sequence[str]]) -> int:
        """Before when a network must have been made to be pruned, ns since the epoch; 0 = whenever."""
        now = self._parts.sources.now_ns()
        return min((parse_moment(text, now) for text in filters.get("until", ())), default=0)

    async def connect(self, reference: str, container: str, settings: EndpointSettings) -> None:
        """Attach a container, running or not, to one more network.

        Raises: NotFound, Forbidden when it is there already or its address is taken, InvalidArgument
        """
        await self._arrived(reference)
        await self._attaching.connect(self.resolve(reference), container, settings)

    async def disconnect(self, reference: str, container: str, *, force: bool = False) -> None:
        """Detach a container, running or not, from a network.

        force: also when nobody knows the container any more
        Raises: NotFound, Conflict when it is not connected
        """
        await self._attaching.disconnect(self.resolve(reference), container, force=force)

    async def join(self, request: JoinRequest) -> Sandbox:
        """The sandbox for a container that is about to start; everything in it is ready.

        All or nothing: when this fails (port taken, address outside the subnet, …) nothing is left behind.
        Calling it again for the same container first removes what was there.
        """
        for reference in request.endpoints or (request.network_mode,):
            await self._arrived(reference)
        return await self._sandboxes.join(request)

    async def _arrived(self, reference: str) -> None:
        """What the managers have made just now is on this node too, or some time has passed."""
        cluster = self._parts.claims.cluster
        if cluster is None or reference in ("", "default", *PREDEFINED) or reference.startswith("container:"):
            return
        with suppress(NotFound, InvalidArgument, Unavailable):  # what is missing is said by whoever wants it
            known = self._parts.known_network(reference)
            # Another one may have the name by now; an id is always the same network's.
            if known is not None and (known.id == reference or not wiring.is_routed(known)):
                return
            await self.overlay.wait_network(await cluster.find_network(reference), ARRIVAL_S)

    async def leave(self, container_id: str) -> None:
        """Give back everything of a container that has ended. Idempotent."""
        await self._sandboxes.leave(container_id)

    def host_gateways(self) -> Sequence[str]:
        """This host's addresses as containers see it."""
        return self._sandboxes.host_gateways()

    def sandbox(self, container_id: str) -> Sandbox | None:
        """The network of a running container, None when it has none (not running)."""
        return self._parts.store.get(Sandbox, container_id)

    def sandboxes_on(self, network: Network) -> Sequence[Sandbox]:
        """Running containers with an endpoint on `network`, oldest first."""
        return self._parts.sandboxes_on(network.id)

    async def rename(self, container_id: str, name: str) -> None:
        """Make the new name of a running container resolve, and the old one no longer."""
        await self._attaching.rename(container_id, name)
