"""`contracts.networking.Links` on routing netlink."""

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

from shoal.contracts.networking import BridgeLink, HostNetwork, OpenNamespace, Wire
from shoal.drivers.network import netlink as nl
from shoal.drivers.network.host import read_host
from shoal.drivers.network.namespace import inside, is_pinned, make_namespace, own_namespace, pin, unpin, write_sysctl
from shoal.drivers.network.nftables import Nftables
from shoal.drivers.network.sandbox import configure, deconfigure, give_back, open_resolver, plug, replace_gateways
from shoal.errors import DriverError

T = TypeVar("T")
THREADS = 4
#: packets come in by another way than answers leave, some of them from an address of the host itself
ROUTED_SYSCTLS = (("rp_filter", "2"), ("accept_local", "1"), ("send_redirects", "0"))


class HostLinks:
    """Bridges and namespaces of one engine.

    run: where namespaces get their names (`<run>/netns/<container id>`)
    prefixes: how names of veths and bridges begin; no other engine has the same
    group: a number for links that are about to be deleted, as much our own
    etc: the directory of the host's resolv.conf and hosts
    """

    def __init__(
        self, run: Path, prefixes: tuple[str, ...], group: int, nftables: Nftables, etc: Path = Path("/etc")
    ) -> None:
        self._pins = run / "netns"
        self._prefixes = prefixes
        self._group = group
        self._nftables = nftables
        self._etc = etc
        self._home = own_namespace()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="links")
        self._reaper = ThreadPoolExecutor(1, thread_name_prefix="links-reaper")
        self._doomed: deque[str] = deque()
        self._pins.mkdir(parents=True, exist_ok=True)

    async def close(self) -> None:
        """Finish what is under way."""
        await asyncio.to_thread(self._pool.shutdown)
        await asyncio.to_thread(self._reaper.shutdown)
        os.close(self._home)

    async def _run(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, _os_errors(job))

    def _path(self, container_id: str) -> Path:
        return self._pins / container_id

    async def host(self) -> HostNetwork:
        """The host as it is now."""
        return await self._run(lambda: read_host(self._etc))

    async def enable_forwarding(self, *, ipv6: bool) -> bool:
        """Let the kernel route between links; True when it did not before."""
        return await self._run(lambda: _enable_forwarding(ipv6))

    async def has_link(self, interface: str) -> bool:
        """True when the host has a link of this name."""
        await self._await_reaper(interface)
        return await self._run(lambda: _index(interface) != 0)

    async def ensure_bridge(self, bridge: BridgeLink) -> None:
        """The bridge is there, up, and has these addresses."""
        await self._await_reaper(bridge.interface)
        await self._run(lambda: _ensure_bridge(bridge))

    async def _await_reaper(self, interface: str) -> None:
        if interface in self._doomed:
            await asyncio.get_running_loop().run_in_executor(self._reaper, lambda: None)

    async def remove_bridge(self, interface: str) -> None:
        """The bridge loses its addresses now and goes as soon as the kernel gets to it."""
        await self._run(lambda: _strip_bridge(interface))
        self._doom(interface)

    def _doom(self, *interfaces: str) -> None:
        """Delete links in the background: a call takes the kernel 20 to 60 ms, however many links it is for."""
        self._doomed.extend(interfaces)
        self._reaper.submit(self._reap)

    def _reap(self) -> None:
        names = list(self._doomed)
        if not names:
            return
        group = nl.attribute(nl.IFLA_GROUP, self._group)
        with nl.Netlink() as netlink:
            present = netlink.links()
            marked = [nl.link(nl.RTM_SETLINK, group, index=present[n][0]) for n in names if n in present]
            for messages in (marked, [nl.link(nl.RTM_DELLINK, group)]):
                try:
                    netlink.send(messages)
                except nl.NetlinkError:
                    continue  # some or all of them have gone with their namespaces
        for _ in names:
            self._doomed.popleft()

    async def make_namespace(self, container_id: str, wires: Sequence[Wire], *, resolver: bool) -> OpenNamespace:
        """A new namespace under the container's id with `lo` and the wires up."""
        making = asyncio.ensure_future(self._run(lambda: self._make(container_id, wires, resolver)))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            # The thread goes on; what it makes must not outlive us.
            for descriptor in (await making).descriptors:
                os.close(descriptor)
            raise

    def _make(self, container_id: str, wires: Sequence[Wire], resolver: bool) -> OpenNamespace:
        path = self._path(container_id)
        unpin(path)

        def setup(namespace: int) -> tuple[int, nl.Netlink]:
            return namespace, nl.Netlink()

        namespace, inner = make_namespace(self._home, setup)
        descriptors = [namespace]
        try:
            with nl.Netlink() as outer, inner:
                inner.send([nl.link(nl.RTM_SETLINK, index=1, up=True)], "loopback")
                for wire in wires:
                    plug(outer, inner, namespace, wire)
                with inside(namespace, self._home):
                    configure(wires)
                    if resolver:
                        descriptors += open_resolver(self._nftables)
            pin(namespace, path)
        except BaseException:
            for descriptor in descriptors:
                os.close(descriptor)
            unpin(path)
            raise
        return OpenNamespace(path=str(path), descriptors=tuple(descriptors))

    async def add_resolver(self, container_id: str) -> tuple[int, ...]:
        """(namespace, udp, tcp): new sockets for a namespace, which get its questions from now on."""

        def add(namespace: int) -> tuple[int, ...]:
            with inside(namespace, self._home):
                return (os.dup(namespace), *open_resolver(self._nftables, again=True))

        return await self._run(lambda: self._with_namespace(container_id, add))

    def _with_namespace(self, container_id: str, job: Callable[[int], T]) -> T:
        namespace = os.open(self._path(container_id), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return job(namespace)
        finally:
            os.close(namespace)

    async def plug(self, container_id: str, wire: Wire) -> None:
        """One more endpoint in a living namespace."""

        def add(namespace: int) -> None:
            with inside(namespace, self._home):
                inner = nl.Netlink()
            with nl.Netlink() as outer, inner:
                plug(outer, inner, namespace, wire)
            with inside(namespace, self._home):
                configure([wire])

        await self._run(lambda: self._with_namespace(container_id, add))

    async def unplug(self, container_id: str, wire: Wire) -> None:
        """Take an endpoint out of a living namespace."""

        def remove(namespace: int) -> None:
            with inside(namespace, self._home):
                if wire.moved:
                    give_back(wire.interface, wire.moved, self._home)
                else:
                    deconfigure(wire.interface)

        await self._run(lambda: self._with_namespace(container_id, remove))

    async def set_gateways(self, container_id: str, routes: Sequence[tuple[str, str]]) -> None:
        """Make these (interface, gateway) the default routes of a living namespace."""

        def change(namespace: int) -> None:
            with inside(namespace, self._home):
                replace_gateways(routes)

        await self._run(lambda: self._with_namespace(container_id, change))

    async def destroy(self, container_id: str, host_interfaces: Sequence[str]) -> None:
        """Let go of the namespace; its links carry nothing more from now on."""

        def let_go() -> None:
            with nl.Netlink() as netlink:
                for interface in host_interfaces:
                    _silence(netlink, interface)
            unpin(self._path(container_id))

        await self._run(let_go)
        if host_interfaces:
            self._doom(*host_interfaces)

    async def pinned(self) -> Mapping[str, bool]:
        """{container id: whether the name can be used from here}."""
        return await self._run(lambda: {path.name: is_pinned(path) for path in self._pins.iterdir()})

    async def pin(self, container_id: str, namespace: int) -> str:
        """Give a namespace its name (back); the path."""

        def again() -> str:
            path = self._path(container_id)
            unpin(path)
            pin(namespace, path)
            return str(path)

        return await self._run(again)

    async def sweep(self, keep: Sequence[str]) -> None:
        """Remove links of this instance on the host's side that are not in `keep`."""
        names = await self._run(_link_names)
        stale = [name for name in names if name.startswith(self._prefixes) and name not in keep]
        if stale:
            self._doom(*stale)


def _os_errors(job: Callable[[], T]) -> Callable[[], T]:
    def checked() -> T:
        try:
            return job()
        except OSError as error:
            raise DriverError(f"network: {error}") from error

    return checked


def _link_names() -> list[str]:
    with nl.Netlink() as netlink:
        return list(netlink.links())


def _index(interface: str) -> int:
    """The link's index in the calling thread's namespace, 0 when there is none of this name."""
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return 0


def _ensure_bridge(bridge: BridgeLink) -> None:
    data = nl.attribute(nl.IFLA_BR_STP_STATE, 0) + nl.attribute(nl.IFLA_BR_FORWARD_DELAY, 0)
    named = nl.attribute(nl.IFLA_IFNAME, bridge.interface)
    with nl.Netlink() as netlink:
        if not _index(bridge.interface):
            made = [named, nl.hardware(bridge.mac_address), nl.link_info("bridge", data)]
            netlink.send([nl.new_link(*made)], f"bridge {bridge.interface}")
        index = _index(bridge.interface)
        wanted = set(bridge.addresses)
        present = {(a, p) for i, a, p in netlink.addresses() if i == index and not a.startswith("fe80:")}
        messages = [nl.address(nl.RTM_DELADDR, index, a, p) for a, p in present - wanted]
        messages += [nl.address(nl.RTM_NEWADDR, index, a, p) for a, p in bridge.addresses]
        # Before it is up: a container must not make itself the host's router (CVE-2020-13401).
        write_sysctl(f"net/ipv6/conf/{bridge.interface}/accept_ra", "0")
        mtu = nl.attribute(nl.IFLA_MTU, bridge.mtu)
        netlink.send([*messages, nl.link(nl.RTM_SETLINK, mtu, index=index, up=True)], f"bridge {bridge.interface}")
        netlink.send([_host_route(address, index) for address in bridge.routes], f"bridge {bridge.interface}")
    if bridge.is_routed:
        for name, value in ROUTED_SYSCTLS:
            write_sysctl(f"net/ipv4/conf/{bridge.interface}/{name}", value)
    # So that 127.0.0.1:PORT on the host leads to a container; the firewall's guard keeps the other direction shut.
    write_sysctl(f"net/ipv4/conf/{bridge.interface}/route_localnet", "1")


def _host_route(address: str, index: int) -> nl.Message:
    return nl.route(nl.RTM_NEWROUTE, f"{address}/{ip_address(address).max_prefixlen}", index)


def _strip_bridge(interface: str) -> None:
    index = _index(interface)
    if not index:
        return
    with nl.Netlink() as netlink:
        messages = [nl.address(nl.RTM_DELADDR, index, a, p) for i, a, p in netlink.addresses() if i == index]
        try:
            netlink.send([*messages, nl.link(nl.RTM_SETLINK, index=index, up=False)], f"bridge {interface}")
        except nl.NetlinkError:
            if _index(interface) == index:
                raise  # else an earlier removal has come to its end meanwhile


def _silence(netlink: nl.Netlink, interface: str) -> None:
    """Stop a bridge's port: deleting takes the kernel 20 ms, this 0.4, and its address may be given again at once."""
    index = _index(interface)
    state = nl.attribute(nl.IFLA_PROTINFO | nl.NESTED, nl.attribute(nl.IFLA_BRPORT_STATE, struct.pack("=B", 0)))
    if index:
        try:
            netlink.send([nl.link(nl.RTM_SETLINK, state, index=index, family=nl.AF_BRIDGE)])
        except nl.NetlinkError:
            return  # no longer a port, or down already: it carries nothing


def _enable_forwarding(ipv6: bool) -> bool:
    if not ipv6:
        before = Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()
        if before == "1":
            return False
        if not write_sysctl("net/ipv4/ip_forward", "1"):
            raise DriverError("cannot switch on net.ipv4.ip_forward", hint="published ports and ways out need it")
        return True
    if Path("/proc/sys/net/ipv6/conf/all/forwarding").read_text().strip() == "1":
        return False
    # A router ignores router advertisements unless told 2, and the host may live by them.
    for setting in Path("/proc/sys/net/ipv6/conf").glob("*/accept_ra"):
        if setting.read_text().strip() == "1":
            setting.write_text("2")
    return write_sysctl("net/ipv6/conf/all/forwarding", "1")
