"""Networks and addresses of a plugin that does what the test says: what it is told, and what comes of its answers."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shoal.drivers.network import netlink as nl
from shoal.drivers.network.namespace import inside, own_namespace
from shoal.errors import DriverError, Forbidden, InvalidArgument
from shoal.model.endpoint import EndpointSettings, PortBinding
from shoal.model.network import Ipam, NetworkSpec, Pool, Sandbox
from tests.support.network import Engine, Hosts
from tests.support.plugins import said, told_plugin

SPEC = NetworkSpec(
    name="net",
    driver="told",
    options={"colour": "red"},
    ipam=Ipam(config=(Pool(subnet="10.6.0.0/24", aux_addresses={"printer": "10.6.0.9"}),)),
)


class Told:
    """A plugin that gives links called t0, t1, …; `answers` replaces what it would say."""

    def __init__(self) -> None:
        self.links = 0
        self.answers: dict[str, dict[str, Any]] = {}

    def __call__(self, method: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        if method in self.answers:
            return said(**self.answers[method])
        if method == "Plugin.Activate":
            return said(Implements=["NetworkDriver", "IpamDriver"])
        if method == "NetworkDriver.GetCapabilities":
            return said(Scope="local")
        if method == "NetworkDriver.Join":
            return said(**self._join())
        if method == "IpamDriver.GetDefaultAddressSpaces":
            return said(LocalDefaultAddressSpace="home", GlobalDefaultAddressSpace="world")
        if method == "IpamDriver.RequestPool":
            return said(PoolID="p1", Pool=body["Pool"] or "10.66.0.0/16", Data={})
        if method == "IpamDriver.RequestAddress":
            number = 1 if "RequestAddressType" in body["Options"] else 77
            return said(Address=f"{body['Address'] or f'10.66.0.{number}'}/16")
        return said()

    def _join(self) -> dict[str, Any]:
        name, self.links = f"t{self.links}", self.links + 1
        peer = nl.veth_peer(nl.attribute(nl.IFLA_IFNAME, f"{name}p"))
        with nl.Netlink() as netlink:
            netlink.send([nl.new_link(nl.attribute(nl.IFLA_IFNAME, name), nl.link_info("veth", peer))])
        return {
            "InterfaceName": {"SrcName": name, "DstPrefix": "line"},
            "Gateway": "10.6.0.1",
            "StaticRoutes": [
                {"Destination": "10.98.0.0/16", "RouteType": 0, "NextHop": "10.99.0.1"},
                {"Destination": "10.99.0.0/24", "RouteType": 1},
            ],
        }


def links_in(where: Sandbox | None) -> dict[str, str]:
    """{name: MAC address} in a sandbox, or here."""
    with netlink_of(where) as netlink:
        return {name: parts[nl.IFLA_ADDRESS].hex(":") for name, (_, parts) in netlink.links().items()}


def routes_in(where: Sandbox) -> set[str]:
    with netlink_of(where) as netlink:
        return {destination for destination, _, _ in netlink.routes() if ":" not in destination}


@contextmanager
def netlink_of(where: Sandbox | None) -> Iterator[nl.Netlink]:
    """A socket to a sandbox, or to the host."""
    home = own_namespace()
    try:
        with ExitStack() as stack:
            if where is not None:
                namespace = stack.enter_context(open(where.netns_path or ""))
                stack.enter_context(inside(namespace.fileno(), home))
            yield stack.enter_context(nl.Netlink())
    finally:
        os.close(home)


@pytest.fixture
def told(root: Path, hosts: Hosts) -> Any:
    (root / "plugins").mkdir(parents=True)
    plugin = Told()
    with told_plugin(root / "plugins" / "told.sock", plugin) as calls:
        yield plugin, calls


def methods(calls: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [method.partition(".")[2] for method, _ in calls]


def body_of(calls: list[tuple[str, dict[str, Any]]], method: str) -> dict[str, Any]:
    return next(body for name, body in calls if name.endswith(f".{method}"))


async def test_what_a_plugin_is_told_and_what_becomes_the_containers(told: Any, shoal: Engine) -> None:
    _, calls = told
    network = await shoal.networks.create(SPEC)
    created = body_of(calls, "CreateNetwork")
    assert created["NetworkID"] == network.id and created["Options"]["com.docker.network.generic"] == {"colour": "red"}
    assert created["IPv6Data"] == [] and created["IPv4Data"] == [
        {
            "AddressSpace": "LocalDefault",
            "Pool": "10.6.0.0/24",
            "Gateway": "10.6.0.1/24",
            "AuxAddresses": {"printer": "10.6.0.9/24"},
        }
    ]
    wishes = {"ports": (PortBinding(container_port=80, host_port="8080"),), "exposed": ("53/udp",)}
    settings = EndpointSettings(mac_address="02:00:00:00:00:07", driver_opts={"speed": "slow"})
    sandbox = await shoal.run("web", endpoints={"net": settings}, **wishes)
    endpoint = sandbox.endpoints["net"]
    asked = body_of(calls, "CreateEndpoint")
    assert asked["Interface"] == {"Address": "10.6.0.2/24", "AddressIPv6": "", "MacAddress": "02:00:00:00:00:07"}
    assert asked["Options"]["speed"] == "slow" and asked["EndpointID"] == endpoint.endpoint_id
    assert body_of(calls, "Join")["SandboxKey"] == sandbox.netns_path
    assert body_of(calls, "ProgramExternalConnectivity")["Options"]["com.docker.network.portmap"] == [
        {"Proto": 6, "IP": "", "Port": 80, "HostIP": "", "HostPort": 8080, "HostPortEnd": 8080}
    ]
    assert links_in(sandbox) == {"lo": "00:00:00:00:00:00", "line0": "02:00:00:00:00:07"}
    assert routes_in(sandbox) == {"0.0.0.0/0", "10.6.0.0/24", "10.98.0.0/16", "10.99.0.0/24"}
    assert (endpoint.interface, endpoint.ipv4_gateway, sandbox.ports) == ("line0", "10.6.0.1", ())
    del calls[:]
    await shoal.networks.leave(sandbox.container_id)
    assert methods(calls) == ["RevokeExternalConnectivity", "Leave", "DeleteEndpoint"]
    assert "t0" in links_in(None), "the plugin's link is the host's again, under its name"
    await shoal.networks.remove("net")
    assert methods(calls)[-1] == "DeleteNetwork"


async def test_a_start_that_fails_leaves_nothing_with_the_plugin(told: Any, shoal: Engine) -> None:
    plugin, calls = told
    await shoal.networks.create(SPEC)
    for answer, words in (
        ({"Err": "no lines left"}, "no lines left"),
        ({"InterfaceName": {"SrcName": "never", "DstPrefix": "eth"}}, "never"),
        ({"InterfaceName": {"SrcName": "lo"}, "Gateway": "somewhere"}, "invalid gateway"),
    ):
        plugin.answers["NetworkDriver.Join"] = answer
        del calls[:]
        with pytest.raises(DriverError, match=words):
            await shoal.run("web", "net")
        assert methods(calls)[-2:] == ["Leave", "DeleteEndpoint"]
        assert await shoal.links.pinned() == {}
    plugin.answers.clear()
    sandbox = await shoal.run("web", "net")
    assert sandbox.endpoints["net"].ipv4_address == "10.6.0.2", "those that failed have given theirs back"


async def test_a_network_that_its_plugin_refuses_does_not_exist(told: Any, shoal: Engine) -> None:
    plugin, _ = told
    plugin.answers["NetworkDriver.CreateNetwork"] = {"Err": "colour: red is used up"}
    with pytest.raises(DriverError, match="colour: red is used up"):
        await shoal.networks.create(SPEC)
    assert [n.name for n in shoal.networks.list({"driver": ["told"]})] == []


async def test_a_running_container_is_connected_and_disconnected(told: Any, shoal: Engine) -> None:
    plugin, calls = told
    await shoal.networks.create(SPEC)
    sandbox = await shoal.run("web", "bridge")
    await shoal.networks.connect("net", "web", EndpointSettings())
    assert set(links_in(sandbox)) == {"lo", "eth0", "line0"}
    with pytest.raises(Forbidden, match="has active endpoints"):
        await shoal.networks.remove("net")
    await shoal.networks.disconnect("net", "web")
    assert set(links_in(sandbox)) == {"lo", "eth0"} and methods(calls)[-2:] == ["Leave", "DeleteEndpoint"]
    plugin.answers["NetworkDriver.Join"] = {"InterfaceName": {"SrcName": "never", "DstPrefix": "eth"}}
    with pytest.raises(DriverError, match="never"):
        await shoal.networks.connect("net", "web", EndpointSettings())
    assert methods(calls)[-2:] == ["Leave", "DeleteEndpoint"] and set(links_in(sandbox)) == {"lo", "eth0"}
    await shoal.networks.remove("net")


async def test_addresses_of_an_ipam_plugin(told: Any, shoal: Engine) -> None:
    _, calls = told
    spec = NetworkSpec(name="app", ipam=Ipam(driver="told", options={"row": "3"}))
    network = await shoal.networks.create(spec)
    assert network.spec.ipam.config == (Pool(subnet="10.66.0.0/16", gateway="10.66.0.1"),)
    asked = body_of(calls, "RequestPool")
    assert asked == {"AddressSpace": "home", "Pool": "", "SubPool": "", "Options": {"row": "3"}, "V6": False}
    sandbox = await shoal.run("web", "app")
    assert sandbox.endpoints["app"].ipv4_address == "10.66.0.77" and sandbox.endpoints["app"].ipv4_prefix == 16
    await shoal.networks.leave(sandbox.container_id)
    assert calls[-1] == ("IpamDriver.ReleaseAddress", {"PoolID": "p1", "Address": "10.66.0.77"})
    wanted = await shoal.run("db", endpoints={"app": EndpointSettings(ipv4_address="10.66.3.3")})
    assert wanted.endpoints["app"].ipv4_address == "10.66.3.3"
    await shoal.networks.leave(wanted.container_id)
    await shoal.networks.remove("app")
    assert calls[-2:] == [
        ("IpamDriver.ReleaseAddress", {"PoolID": "p1", "Address": "10.66.0.1"}),
        ("IpamDriver.ReleasePool", {"PoolID": "p1"}),
    ]


async def test_an_address_that_the_plugin_gives_itself(told: Any, shoal: Engine) -> None:
    plugin, _ = told
    plugin.answers["NetworkDriver.CreateEndpoint"] = {
        "Interface": {"Address": "10.6.0.5/24", "MacAddress": "02:00:00:00:00:05"}
    }
    plugin.answers["NetworkDriver.Leave"] = {}
    with pytest.raises(InvalidArgument, match='IPAM driver "null" gives no addresses'):
        await shoal.networks.create(replace(SPEC, ipam=Ipam(driver="null", config=SPEC.ipam.config)))
    await shoal.networks.create(replace(SPEC, ipam=Ipam(driver="null")))
    sandbox = await shoal.run("web", "net")
    endpoint = sandbox.endpoints["net"]
    assert (endpoint.ipv4_address, endpoint.ipv4_prefix) == ("10.6.0.5", 24)
    assert endpoint.mac_address == links_in(sandbox)["line0"] == "02:00:00:00:00:05"
    with pytest.raises(Forbidden, match="has active endpoints"):
        await shoal.networks.remove("net")


async def test_an_engine_that_comes_back_tells_of_who_has_ended(told: Any, hosts: Hosts, root: Path) -> None:
    _, calls = told
    engine = await Engine(root).open()
    await engine.networks.create(SPEC)
    sandbox = await engine.run("web", "net")
    await engine.close()
    del calls[:]
    again = await Engine(root).open()
    assert methods(calls) == ["Activate", "RevokeExternalConnectivity", "Leave", "DeleteEndpoint"]
    assert again.networks.sandbox(sandbox.container_id) is None
    await again.clean()
    await asyncio.wait_for(again.close(), 10)
