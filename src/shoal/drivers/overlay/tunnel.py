"""`contracts.cluster.overlay.Tunnel` on netlink."""

import asyncio
import socket
import struct
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

from shoal.drivers.network import netlink as nl
from shoal.drivers.network.host import read_host
from shoal.drivers.network.namespace import write_sysctl
from shoal.drivers.overlay import flows, kernel
from shoal.drivers.overlay import messages as ms
from shoal.errors import DriverError
from shoal.lifecycle.overlay import numbers
from shoal.lifecycle.overlay.tunnel import TunnelPlan, overlay_mtu

T = TypeVar("T")
#: packets from callers that this node has itself, and answers to its own 127.0.0.1, come in by the tunnel
_SYSCTLS = (("rp_filter", "2"), ("accept_local", "1"), ("route_localnet", "1"), ("send_redirects", "0"))


class VxlanTunnel:
    """The tunnel of one engine. Not for several calls at once."""

    def __init__(self) -> None:
        self._plan: TunnelPlan | None = None  #: as it was last made; None = the kernel has to be asked
        self._content = kernel.Content()
        self._index = 0

    async def mtu(self, own_address: str) -> int:
        """What fits through the tunnel."""
        return await _run(lambda: overlay_mtu(_uplink_mtu(own_address), own_address))

    async def apply(self, plan: TunnelPlan) -> None:
        """The tunnel is as planned; only differences are carried out."""
        mtu = await self.mtu(plan.local)
        await _run(lambda: self._apply(plan, mtu))

    def _apply(self, plan: TunnelPlan, mtu: int) -> None:
        ipv6 = _has_ipv6()
        content = kernel.wanted(plan, ipv6=ipv6)
        with nl.Netlink() as netlink:
            if self._plan is None or _frame(self._plan) != _frame(plan) or not self._is_there():
                self._plan = None
                self._index = _ensure_device(netlink, plan, mtu, ipv6=ipv6)
                self._content = kernel.present(netlink, self._index)
            messages = kernel.difference(self._index, self._content, content)
            self._plan = None  # until all of it is done
            netlink.send(messages, f"tunnel {plan.device}")
        self._plan, self._content = plan, content

    def _is_there(self) -> bool:
        assert self._plan is not None
        return _index(self._plan.device) == self._index

    async def remove(self, device: str) -> None:
        """Nothing is left of a tunnel of this name. Idempotent."""
        self._plan = None
        await _run(lambda: remove_tunnel(device))

    async def connections(self, addresses: Collection[str]) -> int:
        """How many connections lead to these addresses through a virtual address or the mesh."""
        return await _run(lambda: flows.balanced_connections(addresses))

    async def forget_datagrams(self, addresses: Collection[str]) -> None:
        """Who sent datagrams to these addresses is balanced anew."""
        await _run(lambda: flows.forget_datagrams(addresses))


def remove_tunnel(device: str) -> None:
    """Nothing is left of a tunnel of this name. Idempotent. Raises: DriverError"""
    index = _index(device)
    if not index:
        return
    with nl.Netlink() as netlink:
        old = kernel.present(netlink, index)
        left = kernel.Content(marks=kernel.marks_of_others(netlink, index, old.marks))
        netlink.send(kernel.difference(index, old, left), f"tunnel {device}")
        netlink.send([nl.link(nl.RTM_DELLINK, index=index)], f"tunnel {device}")


async def _run(job: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(job)
    except OSError as error:
        raise DriverError(f"overlay: {error}") from error


def _frame(plan: TunnelPlan) -> tuple[object, ...]:
    return plan.device, plan.vni, plan.port, plan.number, plan.local


def _has_ipv6() -> bool:
    try:
        return Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").read_text().strip() == "0"
    except OSError:
        return False


def _index(device: str) -> int:
    try:
        return socket.if_nametoindex(device)
    except OSError:
        return 0


def _uplink_mtu(own_address: str) -> int:
    """Of the link with this address; of the one with the default route where there is none."""
    with nl.Netlink() as netlink:
        indexes = {index for index, address, _ in netlink.addresses() if address == own_address}
        for index, attributes in netlink.links().values():
            if index in indexes:
                return int(struct.unpack("=I", attributes[nl.IFLA_MTU])[0])
    return read_host(Path("/etc")).mtu


def _ensure_device(netlink: nl.Netlink, plan: TunnelPlan, mtu: int, *, ipv6: bool) -> int:
    """The index of the device, made anew unless it is just so."""
    links = netlink.links()
    mac = numbers.tunnel_mac(plan.number)
    what = f"tunnel {plan.device}"
    if plan.device in links:
        index, attributes = links[plan.device]
        if not _fits(attributes, plan, mac):
            netlink.send([nl.link(nl.RTM_DELLINK, index=index)], what)
            del links[plan.device]
    if plan.device not in links:
        netlink.send(
            [ms.vxlan(plan.device, mac, mtu, vni=plan.vni, port=plan.port, local=plan.local)],
            f"{what}, UDP port {plan.port}",
        )
    index = _index(plan.device)
    for name, value in _SYSCTLS:
        write_sysctl(f"net/ipv4/conf/{plan.device}/{name}", value)
    write_sysctl(f"net/ipv6/conf/{plan.device}/accept_ra", "0")
    write_sysctl(f"net/ipv6/conf/{plan.device}/addr_gen_mode", "1")
    addresses = [(numbers.tunnel_ipv4(plan.number), 32)]
    addresses += [(numbers.tunnel_ipv6(plan.number), 128)] if ipv6 else []
    made = [nl.address(nl.RTM_NEWADDR, index, address, prefix) for address, prefix in addresses]
    netlink.send([*made, nl.link(nl.RTM_SETLINK, nl.attribute(nl.IFLA_MTU, mtu), index=index, up=True)], what)
    return index


def _fits(attributes: nl.Attributes, plan: TunnelPlan, mac: str) -> bool:
    info = nl.attributes_of(attributes.get(nl.IFLA_LINKINFO, b""), 0)
    data = nl.attributes_of(info.get(nl.IFLA_INFO_DATA, b""), 0)
    local = data.get(ms.IFLA_VXLAN_LOCAL) or data.get(ms.IFLA_VXLAN_LOCAL6)
    return (
        attributes.get(nl.IFLA_ADDRESS) == ms.mac_bytes(mac)
        and data.get(ms.IFLA_VXLAN_ID) == struct.pack("=I", plan.vni)
        and data.get(ms.IFLA_VXLAN_PORT) == struct.pack("!H", plan.port)
        and local == socket.inet_pton(ms.family_of(plan.local), plan.local)
    )
