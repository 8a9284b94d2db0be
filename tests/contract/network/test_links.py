"""Bridges and namespaces in the kernel."""

import asyncio
import os
import time

import pytest

from shoal.contracts.networking import BridgeLink, Wire
from shoal.drivers.network import netlink as nl
from shoal.drivers.network.namespace import inside, own_namespace
from shoal.errors import DriverError
from tests.contract.network.conftest import Drivers

BRIDGE = BridgeLink(
    interface="stest0", addresses=(("10.9.0.1", 24), ("fd09::1", 64)), mac_address="02:42:0a:09:00:01", mtu=1350
)
BOX, OTHER = "b" * 64, "c" * 64


def wire(number: int, interface: str = "eth0", **more: object) -> Wire:
    wanted = {
        "interface": interface,
        "host_interface": f"vtest{number}",
        "master": BRIDGE.interface,
        "mac_address": f"02:42:0a:09:00:{number:02x}",
        "mtu": 1350,
        "addresses": ((f"10.9.0.{number}", 24),),
        "gateways": ("10.9.0.1",),
    }
    return Wire(**wanted | more)  # type: ignore[arg-type]


def names_in(drivers: Drivers, container_id: str) -> list[str]:
    """The links in a namespace that has a name."""
    namespace = os.open(drivers.run / "netns" / container_id, os.O_RDONLY)
    machine = own_namespace()
    try:
        with inside(namespace, machine), nl.Netlink() as netlink:
            return sorted(netlink.links())
    finally:
        os.close(namespace)
        os.close(machine)


async def wait_gone(drivers: Drivers, interface: str) -> None:
    """The kernel takes its time with links of a namespace."""
    deadline = time.monotonic() + 5
    while await drivers.links.has_link(interface):
        assert time.monotonic() < deadline, f"{interface} is still there"
        await asyncio.sleep(0.01)


async def make(drivers: Drivers, container_id: str, *wires: Wire, resolver: bool = False) -> str:
    made = await drivers.links.make_namespace(container_id, wires, resolver=resolver)
    assert len(made.descriptors) == (3 if resolver else 1)
    for descriptor in made.descriptors:
        os.close(descriptor)
    return made.path


async def test_the_host_as_it_is(drivers: Drivers) -> None:
    host = await drivers.links.host()
    assert host.mtu == 1400 and "10.77.0.0/24" in host.subnets and host.has_ipv6
    assert "localhost" in host.hosts
    assert await drivers.links.enable_forwarding(ipv6=True)
    assert not await drivers.links.enable_forwarding(ipv6=True)


async def test_a_bridge_is_ensured_and_removed_any_number_of_times(drivers: Drivers) -> None:
    assert not await drivers.links.has_link("stest0")
    await drivers.links.remove_bridge("stest0")
    for _ in range(2):
        await drivers.links.ensure_bridge(BRIDGE)
    with nl.Netlink() as netlink:
        assert "stest0" in netlink.links()
    assert await drivers.links.has_link("stest0") and "10.9.0.0/24" in (await drivers.links.host()).subnets
    await drivers.links.remove_bridge("stest0")
    await drivers.links.remove_bridge("stest0")
    assert "10.9.0.0/24" not in (await drivers.links.host()).subnets
    await drivers.links.ensure_bridge(BRIDGE)  # at once again
    assert await drivers.links.has_link("stest0")


async def test_a_namespace_has_its_wires_and_a_name_until_it_is_destroyed(drivers: Drivers) -> None:
    await drivers.links.ensure_bridge(BRIDGE)
    path = await make(drivers, BOX, wire(2), resolver=True)
    assert os.path.exists(path) and names_in(drivers, BOX) == ["eth0", "lo"]
    assert await drivers.links.pinned() == {BOX: True} and await drivers.links.has_link("vtest2")
    for _ in range(2):
        await drivers.links.destroy(BOX, ["vtest2"])
    assert await drivers.links.pinned() == {}
    await wait_gone(drivers, "vtest2")


async def test_a_wire_that_cannot_be_made_leaves_nothing(drivers: Drivers) -> None:
    with pytest.raises(DriverError):
        await drivers.links.make_namespace(BOX, [wire(2, master="nobridge")], resolver=False)
    assert await drivers.links.pinned() == {} and not await drivers.links.has_link("vtest2")


async def test_wires_come_and_go_in_a_living_namespace(drivers: Drivers) -> None:
    await drivers.links.ensure_bridge(BRIDGE)
    await make(drivers, BOX, wire(2))
    await drivers.links.plug(BOX, wire(3, "eth1", gateways=()))
    assert names_in(drivers, BOX) == ["eth0", "eth1", "lo"]
    await drivers.links.set_gateways(BOX, [("eth1", "10.9.0.1")])
    await drivers.links.set_gateways(BOX, [])
    for _ in range(2):
        await drivers.links.unplug(BOX, wire(3, "eth1"))
    assert names_in(drivers, BOX) == ["eth0", "lo"] and not await drivers.links.has_link("vtest3")
    for descriptor in await drivers.links.add_resolver(BOX):
        os.close(descriptor)


async def test_a_lost_name_is_given_back(drivers: Drivers) -> None:
    path = await make(drivers, BOX)
    namespace = os.open(path, os.O_RDONLY)
    try:
        await drivers.links.destroy(BOX, ())
        assert await drivers.links.pin(BOX, namespace) == path
        assert await drivers.links.pinned() == {BOX: True} and names_in(drivers, BOX) == ["lo"]
    finally:
        os.close(namespace)


async def test_a_sweep_takes_links_of_this_instance_that_nobody_keeps(drivers: Drivers) -> None:
    await drivers.links.ensure_bridge(BRIDGE)
    await make(drivers, BOX, wire(2))
    await make(drivers, OTHER, wire(3))
    await drivers.links.sweep(["vtest2", "stest0"])
    await wait_gone(drivers, "vtest3")
    assert [await drivers.links.has_link(name) for name in ("vtest2", "stest0", "up0")] == [True, True, True]
