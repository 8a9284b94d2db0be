"""The overlay networks of this node: `contracts.cluster.overlay.Overlay`.

Each step of `apply` compares what is wanted with what was done last and does the rest. What was done last is not known
after a start and after an error; then the kernel's tables are put in place whole, in one transaction, and netd gets all
names, so that nothing is ever missing in between.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial

from shoal.contracts.cluster.overlay import Tunnel
from shoal.contracts.networking import Firewall, Holding, PortRefused
from shoal.engine.networks import wiring
from shoal.engine.networks.parts import Parts
from shoal.errors import DriverError, ShoalError
from shoal.lifecycle.network.firewall import Element, change_text, removal_text
from shoal.lifecycle.network.names import Entry
from shoal.lifecycle.network.ports import Wish
from shoal.lifecycle.overlay import firewall, numbers
from shoal.lifecycle.overlay.balancing import ingress_ports
from shoal.lifecycle.overlay.names import named_entries
from shoal.lifecycle.overlay.networks import network_record, with_gateways
from shoal.lifecycle.overlay.tunnel import plan_tunnel
from shoal.model.cluster.assignment import Attached, OverlayState
from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.cluster.service import PortConfig
from shoal.model.network import Network

log = logging.getLogger(__name__)
RETRY_S = 1.0
POLL_S = 0.1
_PORTS = "ingress/"  #: before "tcp/8080" in the ids that netd knows


def is_port(holding_id: str) -> bool:
    """Whether netd holds a published port of the cluster under this id, and not something of a container."""
    return holding_id.startswith(_PORTS)


class Overlays:
    """Bridges, tunnel, firewall and names of the cluster's networks here. One change at a time."""

    def __init__(self, parts: Parts, host_firewall: Firewall, tunnel: Tunnel) -> None:
        self._parts = parts
        self._firewall = host_firewall
        self._tunnel = tunnel
        self._table = numbers.table_name(parts.settings.instance)
        self._device = numbers.device_name(parts.settings.instance)
        self._state: OverlayState | None = None
        self._elements: dict[Element, None] | None = None  #: in the kernel; None = not known
        self._room = 0  #: the most tasks that a service may have with the rules as they are
        self._frame: tuple[object, ...] = ()
        self._entries: Mapping[str, tuple[Entry, ...]] | None = None  #: that netd has; None = not known
        self._held: dict[str, PortConfig] = {}
        self._found: list[str] = []  #: ids of ports that netd holds since an earlier engine
        self._refused: frozenset[tuple[str, int]] = frozenset()
        self._order = asyncio.Lock()
        self._applied = asyncio.Condition()
        parts.attached_changed = self._attached_changed
        parts.released = self._released

    def found_held(self, ids: Iterable[str]) -> None:
        """netd holds these since an earlier engine. ids: of anything"""
        self._found = [id for id in ids if is_port(id)]

    async def apply(self, state: OverlayState) -> None:
        """Make it so. Raises: DriverError for the first thing that failed, after all others are done"""
        async with self._order:
            state = self._state = with_gateways(state)
            self._mark_ending(state)
            self._parts.node_number = state.own.number
            named = await asyncio.to_thread(named_entries, state)
            try:
                await _all_of(
                    lambda: self._networks(state),
                    lambda: self._tunnels(state),
                    lambda: self._ports(state),
                    lambda: self._names_gone(named),
                    lambda: self._rules(state),
                    lambda: self._names(named),
                )
            finally:
                async with self._applied:
                    self._applied.notify_all()

    async def wait_network(self, network_id: str, timeout_s: float) -> bool:
        """Whether this node has a network of the cluster: at once when it has it, else no later than `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s), self._applied:
                await self._applied.wait_for(lambda: self._parts.network_by_id(network_id) is not None)
        except TimeoutError:
            return False
        return True

    async def _networks(self, state: OverlayState) -> None:
        """Networks of the state have a record and a bridge; others go when no container uses them any more."""
        if not state.networks and not self._records():
            return
        mtu = await self._tunnel.mtu(state.own.address)
        await self._parts.links.enable_forwarding(ipv6=False)
        if any(network.spec.enable_ipv6 for network in state.networks.values()):
            await self._parts.links.enable_forwarding(ipv6=True)
        await _all_of(*(partial(self._network, network, mtu) for network in state.networks.values()))
        await self._remove_ended()

    def _mark_ending(self, state: OverlayState) -> None:
        self._parts.ending = frozenset(record.id for record in self._records()) - state.networks.keys()

    async def _remove_ended(self) -> None:
        for record in self._records():
            if record.id in self._parts.ending and not self._parts.leases.users(record.id):
                await self._remove_network(record)

    async def _remove_network(self, record: Network) -> None:
        await self._parts.links.remove_bridge(record.interface)
        await self._parts.store.commit(deletes=[(Network, record.id)])

    def _records(self) -> list[Network]:
        return [network for network in self._parts.store.all(Network) if wiring.is_routed(network)]

    async def _network(self, network: ClusterNetwork, mtu: int) -> None:
        record = network_record(network, self._parts.bridge_name(network.id), mtu)
        if self._parts.network_by_id(network.id) == record and await self._parts.links.has_link(record.interface):
            return
        await self._parts.store.commit(record)
        await self._parts.links.ensure_bridge(wiring.bridge_link(record))

    def _bridges(self) -> dict[str, str]:
        """{network id: interface}"""
        return {network.id: network.interface for network in self._records()}

    async def _tunnels(self, state: OverlayState) -> None:
        plan = plan_tunnel(state, self._device)
        if plan is None:
            await self._tunnel.remove(self._device)
        else:
            await self._tunnel.apply(plan)

    async def _ports(self, state: OverlayState) -> None:
        """netd has every published port, so that no program of this node takes it; one that has it keeps it."""
        wanted = {f"{_PORTS}{p.protocol}/{p.published}/{p.host_ip}": p for _, p in ingress_ports(state)}
        await self._parts.netd.drop([id for id in (*self._held, *self._found) if id not in wanted])
        self._found = []
        self._held = {id: port for id, port in self._held.items() if wanted.get(id) == port}
        refused = set()
        host = await self._parts.links.host() if wanted.keys() - self._held.keys() else None
        for id, port in wanted.items():
            if id in self._held or host is None:
                continue
            holding = Holding(ports=(_wish(port, ipv6=host.has_ipv6),), ipv4=numbers.MESH_ADDRESS)
            answer = await self._parts.netd.put(id, holding)
            if not isinstance(answer, PortRefused):
                self._held[id] = port
                continue
            refused.add((port.protocol, port.published))
            if (port.protocol, port.published) not in self._refused:
                log.error(
                    "a published port of the cluster is not served by this node",
                    extra={"port": f"{port.published}/{port.protocol}", "cause": answer.user or answer.detail},
                )
        self._refused = frozenset(refused)

    async def _names_gone(self, wanted: Mapping[str, tuple[Entry, ...]]) -> None:
        """First nobody is told of what gets no new connections; only then it gets none."""
        if self._entries is not None and (gone := [id for id in self._entries if id not in wanted]):
            await self._put_names({}, gone)

    async def _names(self, wanted: Mapping[str, tuple[Entry, ...]]) -> None:
        if self._entries is None:
            await self._parts.netd.put_names(wanted, full=True)
            self._entries = wanted
        elif new := {id: entries for id, entries in wanted.items() if self._entries.get(id) != entries}:
            await self._put_names(new, [])

    async def _put_names(self, new: Mapping[str, tuple[Entry, ...]], gone: list[str]) -> None:
        before, self._entries = self._entries or {}, None
        await self._parts.netd.put_names(new, gone)
        self._entries = {**{id: entries for id, entries in before.items() if id not in gone}, **new}

    async def _rules(self, state: OverlayState) -> None:
        frame = firewall.Frame(
            table=self._table, prefix=self._parts.bridge_prefix, tunnel=plan_tunnel(state, self._device)
        )
        found = await asyncio.to_thread(firewall.wanted_elements, state, self._bridges(), self._refused)
        wanted = dict.fromkeys(found)
        here = (text for network in state.networks for text in self._parts.leases.addresses(network))
        wanted.update(dict.fromkeys(firewall.reachable_element(text) for text in here))
        needed = firewall.largest(wanted)
        before = self._elements
        if before is None or self._frame != frame.key or needed > self._room:
            await self._whole(frame, wanted, needed)
        elif before.keys() != wanted.keys():
            removed = [e for e in before if e not in wanted]
            added = [e for e in wanted if e not in before]
            self._elements = None
            try:
                await self._firewall.apply(change_text(self._table, removed, added))
                self._elements = wanted
            except DriverError as error:
                # Somebody flushed the firewall under us, and our tables with it.
                log.warning("overlay tables are put back", extra={"cause": error.message})
                await self._whole(frame, wanted, needed)
        left = _backends(before or ()) - _backends(wanted)
        if left:
            await self._tunnel.forget_datagrams(left)

    async def _whole(self, frame: firewall.Frame, wanted: dict[Element, None], needed: int) -> None:
        self._elements, room = None, firewall.room_for(needed)
        await self._firewall.apply(firewall.whole_text(frame, list(wanted), room))
        self._elements, self._room, self._frame = wanted, room, frame.key

    async def drained(self, task_id: str, deadline_s: float) -> bool:
        """True as soon as no connection leads to this task through a virtual address or the mesh, False if too late."""
        endpoint = self._state.endpoints.get(task_id) if self._state is not None else None
        if endpoint is None:
            return True
        addresses = [text for a in endpoint.addresses for text in (a.ipv4, a.ipv6) if text]
        loop = asyncio.get_running_loop()
        over_at = loop.time() + deadline_s
        while await self._tunnel.connections(addresses):
            if loop.time() + POLL_S > over_at:
                return False
            await asyncio.sleep(POLL_S)
        return True

    def attached(self) -> tuple[Attached, ...]:
        """See the contract."""
        return self._parts.claims.all()

    async def leave(self) -> None:
        """Nothing is left of it. Raises: DriverError after all that could be done is done"""
        async with self._order:
            self._state, self._elements, self._entries = None, None, None
            self._parts.ending = frozenset()
            held = [*self._held, *self._found]
            self._held, self._found = {}, []
            await _all_of(
                lambda: self._parts.netd.put_names({}, full=True),
                lambda: self._parts.netd.drop(held),
                self._remove_networks,
                lambda: self._firewall.apply(removal_text(self._table)),
                lambda: self._tunnel.remove(self._device),
            )

    async def _remove_networks(self) -> None:
        for record in self._records():
            await self._remove_network(record)

    async def hold_again(self) -> None:
        """netd is a new process: it gets ports and names. Raises: DriverError"""
        async with self._order:
            self._entries, self._held = None, {}
            if self._state is not None:
                await self._ports(self._state)
                await self._names(named_entries(self._state))

    async def watch_firewall(self) -> None:
        """Put the tables back whenever somebody deleted them. Ends by being cancelled."""
        while True:
            try:
                await self._firewall.wait_deleted(self._table)
                await self._put_back()
            except (ShoalError, OSError) as error:
                log.error("overlay tables are not watched", extra={"cause": str(error)})
                await asyncio.sleep(RETRY_S)

    async def _attached_changed(self) -> None:
        async with self._order:
            if self._state is not None:
                await self._rules(self._state)

    async def _released(self) -> None:
        """A container has left a network that is to go; the last one takes it along."""
        async with self._order:
            try:
                await self._remove_ended()
            except DriverError as error:
                log.warning("a network that is gone leaves its bridge for now", extra={"cause": error.message})

    async def _put_back(self) -> None:
        async with self._order:
            there = [await self._firewall.has_table(family, self._table) for family in firewall.FAMILIES]
            if self._state is not None and not all(there):
                log.warning("overlay tables were deleted and are put back")
                self._elements = None
                await self._rules(self._state)


async def _all_of(*steps: Callable[[], Awaitable[None]]) -> None:
    """Every step in order, whatever happens to others. Raises: the first error at the end"""
    first: ShoalError | None = None
    for step in steps:
        try:
            await step()
        except ShoalError as error:
            if first is not None:
                first.add_note(error.message)
            first = first or error
    if first is not None:
        raise first


def _wish(port: PortConfig, *, ipv6: bool) -> Wish:
    """netd listens for what the firewall does not translate, and passes it on to the mesh."""
    everywhere = ("0.0.0.0", "::") if ipv6 else ("0.0.0.0",)
    return Wish(
        container_port=port.published,
        protocol=port.protocol,
        host_ips=(port.host_ip,) if port.host_ip else everywhere,
        candidates=(port.published,),
        is_fixed=True,
    )


def _backends(elements: Iterable[Element]) -> set[str]:
    """Addresses that get new connections."""
    found = (e.text.partition(" : ")[2] for e in elements if e.set in ("vip_backends", "port_backends"))
    return {text.partition(" . ")[0] for text in found}
