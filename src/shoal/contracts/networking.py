"""The network of the host: links and namespaces, the firewall, and the process that holds names and ports.

Three contracts, three lifetimes. **Links** are the kernel's: bridges live as long as their network, the namespace of
a container as long as something holds it (a name under the run directory, a process in it, or netd). **Firewall**
tables are the kernel's too, and can be put back whole at any time. What **Netd** holds lives in a process that outlasts
the engine.

Order of a start: `Links.make_namespace`, `Netd.put`, `Firewall.apply`; each can be undone on its own (`destroy`,
`drop`, `apply`), and undoing what is not there is no error. Whoever finds a half-made container after a crash undoes
all three.

A **wire** is the plan of one endpoint: what the container's end is called, where the other end goes, the addresses.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from shoal.lifecycle.network.names import Asker, Entry
from shoal.lifecycle.network.ports import Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeLink:
    """A bridge to be there. addresses: (address, prefix length) of the host on it.

    is_routed: its containers reach each other only through the host, which takes packets from any of its addresses
    routes: further addresses that the host sends there
    """

    interface: str
    addresses: tuple[tuple[str, int], ...]
    mac_address: str
    mtu: int
    is_routed: bool = False
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One endpoint to be there.

    interface: in the container; "" is not allowed
    host_interface: the other end of a veth; "" for macvlan
    moved: a link that is on the host already and becomes the container's; master, mtu and host_interface count not then
    master: the bridge, or the parent of a macvlan
    addresses: (address, prefix length)
    gateways: of the default routes to be made; () = none through this endpoint
    is_isolated: endpoints on the same bridge don't reach it (enable_icc=false)
    routers: the host's addresses on the bridge through which the rest of the subnet is reached; () = it is a link
    sysctls: (path under /proc/sys, value)
    routes: (destination, next hop) of further routes; a next hop of "" = neighbours are there
    """

    interface: str
    host_interface: str
    master: str
    mac_address: str
    mtu: int
    addresses: tuple[tuple[str, int], ...] = ()
    gateways: tuple[str, ...] = ()
    is_isolated: bool = False
    routers: tuple[str, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()
    moved: str = ""
    routes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNamespace:
    """A namespace ready for a container.

    path: its name under the run directory
    descriptors: (namespace, udp socket, tcp socket), or (namespace,) without a resolver; the receiver closes them
    """

    path: str
    descriptors: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNetwork:
    """What the host looks like.

    mtu: of the link with the default route, 1500 where there is none
    subnets: CIDRs of the host's routes
    resolv_conf, hosts: texts of the files ("" where missing)
    has_ipv6: whether IPv6 can be used
    """

    mtu: int
    subnets: tuple[str, ...]
    resolv_conf: str
    hosts: str
    has_ipv6: bool


class Links(Protocol):
    """Bridges, and namespaces of containers with the links in them."""

    async def host(self) -> HostNetwork:
        """The host as it is now."""
        ...

    async def enable_forwarding(self, *, ipv6: bool) -> bool:
        """Let the kernel route between links; True when it did not before."""
        ...

    async def ensure_bridge(self, bridge: BridgeLink) -> None:
        """The bridge is there, up, and has these addresses. Raises: DriverError"""
        ...

    async def remove_bridge(self, interface: str) -> None:
        """The bridge loses its addresses now and goes as soon as the kernel gets to it. Idempotent."""
        ...

    async def has_link(self, interface: str) -> bool:
        """True when the host has a link of this name."""
        ...

    async def make_namespace(self, container_id: str, wires: Sequence[Wire], *, resolver: bool) -> OpenNamespace:
        """A new namespace under the container's id with `lo` and the wires up.

        resolver: also make sockets on 127.0.0.11 that get the questions to its port 53
        Raises: DriverError; nothing is left behind then
        """
        ...

    async def add_resolver(self, container_id: str) -> tuple[int, ...]:
        """(namespace, udp, tcp): new sockets for a namespace, which get its questions from now on."""
        ...

    async def plug(self, container_id: str, wire: Wire) -> None:
        """One more endpoint in a living namespace. Raises: DriverError"""
        ...

    async def unplug(self, container_id: str, wire: Wire) -> None:
        """Take an endpoint out of a living namespace; a moved link is the host's again. Idempotent."""
        ...

    async def set_gateways(self, container_id: str, routes: Sequence[tuple[str, str]]) -> None:
        """Make these (interface, gateway) the default routes of a living namespace; () = there is none."""
        ...

    async def destroy(self, container_id: str, host_interfaces: Sequence[str]) -> None:
        """Let go of the namespace; its links carry nothing more from now on. Idempotent."""
        ...

    async def pinned(self) -> Mapping[str, bool]:
        """{container id: whether the name can be used from here} of every namespace that has a name."""
        ...

    async def pin(self, container_id: str, namespace: int) -> str:
        """Give a namespace its name (back); the path."""
        ...

    async def sweep(self, keep: Sequence[str]) -> None:
        """Remove links of this instance on the host's side that are not in `keep`."""
        ...

    async def close(self) -> None:
        """Finish what is under way."""
        ...


class Choosing(Protocol):
    """A moment in which nobody else on the host chooses a subnet."""

    async def taken(self) -> Sequence[str]:
        """CIDRs of the host's routes, and of all that others keep, bridge or no bridge. Raises: DriverError"""
        ...

    async def keep(self, subnets: Collection[str]) -> None:
        """The owner has these from now on, and no others."""
        ...


class Subnets(Protocol):
    """Which subnets an owner has, told to all others who choose some for the same network namespace, and theirs to it.

    Owners: each engine with its networks, and apart from it the cluster whose manager it is. An owner whose process has
    ended has none; what it left on the host are routes.
    """

    def choosing(self) -> AbstractAsyncContextManager[Choosing]:
        """For as long as it takes to choose and to `keep`, no longer. Who holds it for seconds is passed by."""
        ...


class Firewall(Protocol):
    """The firewall of the host; texts are transactions (see lifecycle.network.firewall)."""

    async def apply(self, text: str) -> None:
        """Carry out a transaction. Raises: DriverError; nothing of it is in effect then"""
        ...

    async def has_table(self, family: str, table: str) -> bool:
        """True when the table is there."""
        ...

    async def wait_deleted(self, table: str) -> None:
        """Returns after a table of this name was deleted, by us or by others; it may be there again by now."""
        ...

    async def forget_udp(self, ports: Collection[int]) -> None:
        """UDP flows to these ports of the host start anew with their next datagram."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What netd is to hold for one container.

    forward: resolvers for names from outside; "host:ADDRESS" is asked from the host's namespace, "ADDRESS" from the
        container's
    ports: with the addresses (of the container) that they lead to
    """

    entries: tuple[Entry, ...] = ()
    asker: Asker = field(default_factory=Asker)
    forward: tuple[str, ...] = ()
    ports: tuple[Wish, ...] = ()
    ipv4: str = ""
    ipv6: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortRefused:
    """A port that somebody else on this host has.

    index: of the wish
    detail: the system's words
    user: the program that has it, "nginx (pid 812)"; "" where that is not known
    """

    index: int
    ip: str
    detail: str
    user: str = ""


class Netd(Protocol):
    """Names and ports, held in a process that survives the engine."""

    async def open(self) -> Sequence[str]:
        """Adopt the process of an earlier engine or start one; ids of the containers that it holds something for."""
        ...

    async def put(
        self, container_id: str, holding: Holding, descriptors: Sequence[int] = ()
    ) -> Sequence[int] | PortRefused:
        """The host port of each wish. Replaces what was held for the container, all or nothing.

        descriptors: of `OpenNamespace`, closed by this call; () = those that it has
        """
        ...

    async def put_names(
        self, entries: Mapping[str, Sequence[Entry]], gone: Sequence[str] = (), *, full: bool = False
    ) -> None:
        """Names that belong to no container here. entries: {id: what it is called}; gone: ids; full: all others go"""
        ...

    async def drop(self, container_ids: Sequence[str]) -> None:
        """Let go of everything of these containers. Idempotent."""
        ...

    async def take(self, container_id: str) -> tuple[int, ...]:
        """Copies of the descriptors held for a container, () when there are none; the receiver closes them."""
        ...

    async def wait_gone(self) -> None:
        """Returns when the process has ended against our will."""
        ...

    async def close(self) -> None:
        """Leave the process alone; when it holds nothing, returns after it has ended."""
        ...
