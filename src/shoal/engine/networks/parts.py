"""What the parts of the noun share."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from shoal.contracts.cluster.overlay import Tunnel
from shoal.contracts.networking import Firewall, Links, Netd, Subnets
from shoal.contracts.plugins import AddressPlugins, NetworkPlugins
from shoal.contracts.store import NodeStore
from shoal.engine.events import Events
from shoal.engine.networks.claims import Claims
from shoal.engine.networks.gate import Gate
from shoal.engine.networks.leases import Leases
from shoal.engine.networks.members import Members
from shoal.engine.networks.plugged import Plugged
from shoal.engine.networks.wiring import Attachment, attachments_of
from shoal.errors import InternalError, NotFound
from shoal.lifecycle.network.rules import find
from shoal.model.network import Network, Sandbox
from shoal.model.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Clock and chance.

    new_id: 64 hex digits, never the same twice
    choose: a number below its argument
    host_seed: at least 10 hex digits that no other host has; IPv6 subnets are made from them
    """

    now_ns: Callable[[], int]
    new_id: Callable[[], str]
    choose: Callable[[int], int]
    host_seed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDrivers:
    """The host's side, the line to other nodes, and plugins."""

    links: Links
    subnets: Subnets
    firewall: Firewall
    netd: Netd
    tunnel: Tunnel
    plugins: NetworkPlugins
    addresses: AddressPlugins


@dataclass(slots=True)
class Parts:
    """Drivers, records and what is given out."""

    settings: Settings
    store: NodeStore
    events: Events
    links: Links
    subnets: Subnets
    netd: Netd
    gate: Gate
    plugged: Plugged
    sources: Sources
    leases: Leases = field(default_factory=Leases)
    claims: Claims = field(default_factory=Claims)
    members: Members | None = None
    node_number: int = 0  #: in the cluster; 0 = not told yet
    attached_changed: Callable[[], Awaitable[None]] | None = None  #: to be told of containers attached by hand
    #: networks that the cluster knows no more; containers that still end are on them, and nobody else gets to see them
    ending: frozenset[str] = frozenset()
    released: Callable[[], Awaitable[None]] | None = None  #: to be told when a container has left one of `ending`
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def lock(self, container_id: str) -> asyncio.Lock:
        """Held while the network of a container is changed; the same one for all who hold or wait."""
        lock = self._locks.get(container_id)
        if lock is None:
            lock = self._locks[container_id] = asyncio.Lock()
        return lock

    def network(self, reference: str) -> Network:
        """Raises: NotFound"""
        return find(self.networks(), reference)

    def known_network(self, reference: str) -> Network | None:
        """The one of this name or id."""
        return next((network for network in self.networks() if reference in (network.id, network.name)), None)

    def networks(self) -> Sequence[Network]:
        """Those that somebody can use."""
        return [network for network in self.store.all(Network) if network.id not in self.ending]

    def release(self, container_id: str, network_id: str = "") -> None:
        """The addresses of a container are free again, on one network or on all."""
        self.leases.release(container_id, network_id)
        self.claims.release(container_id, network_id)

    async def left(self, network_ids: Iterable[str]) -> None:
        """A container has no address on these networks any more."""
        if self.released is not None and not self.ending.isdisjoint(network_ids):
            await self.released()

    def network_by_id(self, network_id: str) -> Network | None:
        """The network of an endpoint, None when it is gone."""
        return self.store.get(Network, network_id)

    def attachments(self, sandbox: Sandbox) -> list[Attachment]:
        """The endpoints of a running container, in order."""
        return attachments_of(sandbox.endpoints, sandbox.request, self.network_by_id)

    def known_members(self) -> Members:
        """Who knows the containers."""
        if self.members is None:
            raise InternalError("networks: nobody told who knows the containers")
        return self.members

    def member_id(self, reference: str) -> str:
        """The id of a container that runs or is known, "" when there is none of this name."""
        for sandbox in self.store.all(Sandbox):
            if sandbox.request.name == reference or sandbox.container_id == reference:
                return sandbox.container_id
        if self.members is None:
            return ""
        try:
            return self.members.member(reference).container_id
        except NotFound:
            return ""

    def bridge_name(self, network_id: str) -> str:
        """What the bridge of a network is called."""
        return f"{self.bridge_prefix}{network_id[:8]}"

    @property
    def bridge_prefix(self) -> str:
        """How the names of all bridges of this engine begin."""
        return "shoal-" if self.settings.instance == "shoal" else f"s{self.settings.tag}"

    def publish(self, network: Network, action: str, attributes: Mapping[str, str] | None = None) -> None:
        """An event of this network, with its name and driver as attributes, as Docker has them."""
        everything = {**(attributes or {}), "name": network.name, "type": network.driver}
        self.events.publish("network", action, network.id, everything)

    def sandboxes_on(self, network_id: str) -> Sequence[Sandbox]:
        """Running containers with an endpoint on a network, oldest first."""
        return [
            s
            for s in self.store.all(Sandbox)
            if not s.shares and any(e.network_id == network_id for e in s.endpoints.values())
        ]

    def user_names(self, network_id: str) -> list[str]:
        """Names of the containers with an address on a network, sorted."""
        found = [self.store.get(Sandbox, user) for user in self.leases.users(network_id)]
        return sorted(s.request.name if s is not None else "a container that is starting" for s in found)
