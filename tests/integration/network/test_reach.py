"""Who reaches whom: published ports, isolation, internal networks, ways out."""

import fcntl
import os
import struct
from pathlib import Path
from socket import AF_INET6, AF_PACKET, SOCK_RAW, inet_pton

import pytest

from shoal.drivers.network import netlink as nl
from shoal.drivers.network.host import SIOCGIFMTU
from shoal.drivers.network.netlink import Netlink
from shoal.errors import DriverError
from shoal.model.endpoint import PortBinding
from shoal.model.network import (
    ENABLE_ICC,
    GATEWAY_MODE_IPV4,
    MTU,
    PARENT,
    Ipam,
    NetworkSpec,
    Pool,
    Sandbox,
)
from tests.support.network import (
    HOST_IP,
    HOST_IP6,
    OUTSIDE_IP,
    OUTSIDE_IP6,
    Engine,
    Hosts,
    aside,
    ip6_of,
    ip_of,
    socket_in,
    talks,
    talks_udp,
    tcp_server,
    udp_server,
)


def published(port: int, host_port: int | str = "", **more: str) -> tuple[PortBinding, ...]:
    return (PortBinding(container_port=port, host_port=str(host_port), **more),)


async def test_a_published_port_is_reached_from_everywhere(shoal: Engine, hosts: Hosts) -> None:
    for name in ("one", "two"):
        await shoal.networks.create(NetworkSpec(name=name))
    web = await shoal.run("web", "one", ports=published(80, 5000))
    near = await shoal.run("near", "one")
    far = await shoal.run("far", "two")
    default = await shoal.run("default", "bridge")
    callers: list[tuple[Sandbox | int | None, str]] = [
        (None, "127.0.0.1"),
        (None, "::1"),
        (None, HOST_IP),
        (None, HOST_IP6),
        (hosts.outside, HOST_IP),
        (hosts.outside, HOST_IP6),
        (near, HOST_IP),
        (far, HOST_IP),
        (default, HOST_IP),
        (web, HOST_IP),
        (near, ip_of(near).rpartition(".")[0] + ".1"),
    ]
    with tcp_server(web, 80):
        for where, address in callers:
            assert await aside(talks, where, address, 5000), f"{where} -> {address}"


async def test_the_container_sees_the_address_of_a_client_on_another_host(shoal: Engine, hosts: Hosts) -> None:
    web = await shoal.run("web", "bridge", ports=published(80, 5000))
    with tcp_server(web, 80) as clients:
        assert await aside(talks, hosts.outside, HOST_IP, 5000)
    assert clients == [OUTSIDE_IP]


async def test_udp_is_published_too_and_passed_on_for_ipv6(shoal: Engine, hosts: Hosts) -> None:
    dns = await shoal.run("dns", "bridge", ports=published(53, 5353, protocol="udp"))
    with udp_server(dns, 53):
        for where, address in ((None, "127.0.0.1"), (hosts.outside, HOST_IP), (None, "::1"), (hosts.outside, HOST_IP6)):
            assert await aside(talks_udp, where, address, 5353), address
        assert not await aside(talks, hosts.outside, HOST_IP, 5353, wait_s=0.3), "only UDP was published"


async def test_a_port_on_one_address_is_reached_there_only(shoal: Engine, hosts: Hosts) -> None:
    local = await shoal.run("local", "bridge", ports=published(80, 5000, host_ip="127.0.0.1"))
    outer = await shoal.run("outer", "bridge", ports=published(80, 5001, host_ip=HOST_IP))
    with tcp_server(local, 80), tcp_server(outer, 80):
        assert await aside(talks, None, "127.0.0.1", 5000)
        assert not await aside(talks, hosts.outside, HOST_IP, 5000, wait_s=0.3)
        assert await aside(talks, hosts.outside, HOST_IP, 5001)
        assert not await aside(talks, None, "127.0.0.1", 5001, wait_s=0.3)


async def test_127_0_0_1_is_not_reached_from_outside(shoal: Engine, hosts: Hosts) -> None:
    """Another host on the same link can address packets to our 127.0.0.1; the guard drops them."""
    web = await shoal.run("web", "bridge", ports=published(80, 5000, host_ip="127.0.0.1"))
    from shoal.drivers.network import netlink as nl
    from shoal.drivers.network.namespace import inside, own_namespace

    home = own_namespace()
    with inside(hosts.outside, home):
        from pathlib import Path

        Path("/proc/sys/net/ipv4/conf/eth0/route_localnet").write_text("1")
        with nl.Netlink() as netlink:
            index = netlink.links()["eth0"][0]
            netlink.send([nl.link(nl.RTM_SETLINK, index=1, up=False), nl.default_route(index, HOST_IP)])
    with tcp_server(web, 80):
        assert not await aside(talks, hosts.outside, "127.0.0.1", 5000, wait_s=0.5)


async def test_random_ports_and_ranges(shoal: Engine) -> None:
    any_port = await shoal.run("any", "bridge", ports=published(80))
    assert 32768 <= any_port.ports[0].host_port <= 60999
    assert {p.host_ip for p in any_port.ports} == {"0.0.0.0", "::"}
    ranged = [await shoal.run(f"r{i}", "bridge", ports=published(80, "7000-7002")) for i in range(3)]
    assert sorted(s.ports[0].host_port for s in ranged) == [7000, 7001, 7002]
    with pytest.raises(DriverError, match="all ports are allocated"):
        await shoal.run("r3", "bridge", ports=published(80, "7000-7002"))
    exposed = await shoal.run("all", "bridge", exposed=("80/tcp", "53/udp"), publish_all=True)
    assert {(p.container_port, p.protocol) for p in exposed.ports} == {(80, "tcp"), (53, "udp")}
    with tcp_server(any_port, 80):
        assert await aside(talks, None, "127.0.0.1", any_port.ports[0].host_port)


async def test_a_taken_port_is_refused_and_nothing_is_left(shoal: Engine) -> None:
    first = await shoal.run("first", "bridge", ports=published(80, 5000))
    with pytest.raises(DriverError) as ours:
        await shoal.run("second", "bridge", ports=(*published(81, 5001), *published(80, 5000)))
    assert "driver failed programming external connectivity on endpoint second (" in ours.value.message
    assert ours.value.message.endswith("Bind for 0.0.0.0:5000 failed: port is already allocated")
    with socket_in(None) as other:
        other.bind(("0.0.0.0", 5002))
        other.listen()
        with pytest.raises(DriverError) as theirs:
            await shoal.run("third", "bridge", ports=(*published(81, 5001), *published(80, 5002)))
    assert theirs.value.message.endswith(
        "failed to bind host port for 0.0.0.0:5002:172.17.0.3:80/tcp: address already in use"
    )
    program = Path("/proc/self/comm").read_text().strip()
    assert theirs.value.hint == f"port 5002 is used by {program} (pid {os.getpid()})"
    again = await shoal.run("fourth", "bridge", ports=published(80, 5001))
    assert ip_of(again) == "172.17.0.3", "the address of the ones that failed is free again"
    await shoal.networks.leave(first.container_id)
    await shoal.run("fifth", "bridge", ports=published(80, 5000))


async def test_nobody_else_can_take_a_published_port(shoal: Engine) -> None:
    await shoal.run("web", "bridge", ports=published(80, 5000))
    with socket_in(None) as other, pytest.raises(OSError, match="in use"):
        other.bind(("0.0.0.0", 5000))
        other.listen()


async def test_two_networks_are_isolated(shoal: Engine, hosts: Hosts) -> None:
    for name in ("one", "two"):
        await shoal.networks.create(NetworkSpec(name=name))
    a, b, c = await shoal.run("a", "one"), await shoal.run("b", "one"), await shoal.run("c", "two")
    with tcp_server(b, 80), tcp_server(c, 80):
        assert await aside(talks, a, ip_of(b), 80)
        assert not await aside(talks, a, ip_of(c), 80, wait_s=0.5)
        assert await aside(talks, None, ip_of(c), 80), "the host itself reaches every container"


async def test_a_container_is_not_reached_directly_from_another_host(shoal: Engine, hosts: Hosts) -> None:
    """Even by one that routes to its subnet through us, published or not."""
    from shoal.drivers.network import netlink as nl
    from shoal.drivers.network.namespace import inside, own_namespace

    web = await shoal.run("web", "bridge", ports=published(80, 5000))
    with inside(hosts.outside, own_namespace()), nl.Netlink() as netlink:
        netlink.send([nl.default_route(netlink.links()["eth0"][0], HOST_IP)])
    with tcp_server(web, 80), tcp_server(web, 81):
        assert await aside(talks, hosts.outside, HOST_IP, 5000)
        for port in (80, 81):
            assert not await aside(talks, hosts.outside, ip_of(web), port, wait_s=0.5)


async def test_the_way_out_has_the_address_of_the_host(shoal: Engine, hosts: Hosts) -> None:
    a = await shoal.run("a", "bridge")
    with tcp_server(hosts.outside, 80) as clients:
        assert await aside(talks, a, OUTSIDE_IP, 80)
    assert clients == [HOST_IP]


async def test_an_internal_network_has_no_way_out_and_no_way_in(shoal: Engine, hosts: Hosts) -> None:
    await shoal.networks.create(NetworkSpec(name="inner", internal=True))
    await shoal.networks.create(NetworkSpec(name="outer"))
    a = await shoal.run("a", "inner", ports=published(80, 5000))
    b = await shoal.run("b", "inner")
    web = await shoal.run("web", "outer", ports=published(80, 5001))
    assert a.ports == ()
    with tcp_server(b, 80), tcp_server(a, 80), tcp_server(web, 80), tcp_server(hosts.outside, 80):
        assert await aside(talks, a, ip_of(b), 80)
        assert not await aside(talks, a, OUTSIDE_IP, 80, wait_s=0.3)
        assert not await aside(talks, hosts.outside, HOST_IP, 5000, wait_s=0.3)
        # by the bridge's own address, which it does reach, to another network's published port
        gateway = shoal.networks.resolve("inner").spec.ipam.config[0].gateway
        assert not await aside(talks, a, gateway, 5001, wait_s=0.5)
    both = await shoal.run("both", "inner", "outer", ports=published(80, 5002))
    with tcp_server(both, 80), tcp_server(hosts.outside, 80):
        assert await aside(talks, both, OUTSIDE_IP, 80)
        assert await aside(talks, hosts.outside, HOST_IP, 5002)


async def test_containers_of_a_network_without_icc_do_not_reach_each_other(shoal: Engine) -> None:
    await shoal.networks.create(NetworkSpec(name="strict", options={ENABLE_ICC: "false"}))
    a, b = await shoal.run("a", "strict"), await shoal.run("b", "strict", ports=published(80, 5000))
    with tcp_server(b, 80):
        assert not await aside(talks, a, ip_of(b), 80, wait_s=0.5)
        assert await aside(talks, a, HOST_IP, 5000), "but its published port is there for all"


async def test_a_routed_network_is_reached_without_translation(shoal: Engine, hosts: Hosts) -> None:
    from shoal.drivers.network import netlink as nl
    from shoal.drivers.network.namespace import inside, own_namespace

    spec = NetworkSpec(name="routed", options={GATEWAY_MODE_IPV4: "routed"})
    await shoal.networks.create(spec)
    web = await shoal.run("web", "routed", ports=published(80, 5000))
    with inside(hosts.outside, own_namespace()), nl.Netlink() as netlink:
        netlink.send([nl.default_route(netlink.links()["eth0"][0], HOST_IP)])
    with tcp_server(web, 80) as clients, tcp_server(web, 81), tcp_server(hosts.outside, 90) as seen_outside:
        assert await aside(talks, hosts.outside, ip_of(web), 80)
        assert not await aside(talks, hosts.outside, ip_of(web), 81, wait_s=0.3)
        assert await aside(talks, web, OUTSIDE_IP, 90)
    assert clients == [OUTSIDE_IP]
    assert seen_outside == [ip_of(web)]


async def test_ipv6_networks(shoal: Engine, hosts: Hosts) -> None:
    pools = Ipam(config=(Pool(subnet="fd00:5::/64"),))
    await shoal.networks.create(NetworkSpec(name="six", enable_ipv6=True, ipam=pools))
    a, b = await shoal.run("a", "six"), await shoal.run("b", "six", ports=published(80, 5000))
    assert ip6_of(a) == "fd00:5::2"
    with tcp_server(b, 80, "::") as clients, tcp_server(hosts.outside, 90, "::") as seen_outside:
        assert await aside(talks, a, ip6_of(b), 80)
        assert await aside(talks, a, OUTSIDE_IP6, 90), "masqueraded"
        for where, address in ((None, "::1"), (None, HOST_IP6), (hosts.outside, HOST_IP6), (a, HOST_IP6)):
            assert await aside(talks, where, address, 5000), address
    assert OUTSIDE_IP6 in clients, "no proxy between: the client's own address is seen"
    assert seen_outside == [HOST_IP6]
    default = await shoal.networks.create(NetworkSpec(name="ula", enable_ipv6=True))
    assert default.spec.ipam.config[1].subnet.startswith("fd01:2345:6789:")


async def test_an_ipv6_only_network(shoal: Engine) -> None:
    await shoal.networks.create(NetworkSpec(name="six", enable_ipv4=False, enable_ipv6=True))
    a, b = await shoal.run("a", "six"), await shoal.run("b", "six", ports=published(80, 5000))
    assert ip_of(a) == "" and ip6_of(a)
    with tcp_server(b, 80, "::"):
        assert await aside(talks, a, ip6_of(b), 80)
        assert await aside(talks, None, "::1", 5000)
        assert await aside(talks, None, "127.0.0.1", 5000), "passed on by netd"


async def test_macvlan_containers_are_on_the_parents_link(shoal: Engine, hosts: Hosts) -> None:
    with nl.Netlink() as netlink:  # a link of the name that the container's has: older kernels mind
        netlink.send([nl.new_link(nl.attribute(nl.IFLA_IFNAME, "eth0"), nl.link_info("bridge"))])
    pool = Pool(subnet="10.77.0.0/24", gateway="10.77.0.2", ip_range="10.77.0.128/25")
    spec = NetworkSpec(name="lan", driver="macvlan", options={PARENT: "up0"}, ipam=Ipam(config=(pool,)))
    await shoal.networks.create(spec)
    a, b = await shoal.run("a", "lan"), await shoal.run("b", "lan")
    assert ip_of(a) == "10.77.0.128"
    with tcp_server(hosts.outside, 80) as clients, tcp_server(b, 80):
        assert await aside(talks, a, OUTSIDE_IP, 80)
        assert await aside(talks, a, ip_of(b), 80)
    assert clients == ["10.77.0.128"], "its own address, not the host's"


async def test_host_none_and_shared_networks(shoal: Engine) -> None:
    host = await shoal.run("host", network_mode="host")
    assert host.netns_path is None
    none = await shoal.run("none", network_mode="none")
    with tcp_server(none, 80):
        assert await aside(talks, none, "127.0.0.1", 80)
    assert not await aside(talks, none, OUTSIDE_IP, 80, wait_s=0.3)
    owner = await shoal.run("owner", "bridge")
    guest = await shoal.run("guest", network_mode=f"container:{owner.container_id}")
    assert guest.netns_path == owner.netns_path
    with tcp_server(owner, 80):
        assert await aside(talks, guest, "127.0.0.1", 80)
    await shoal.networks.leave(guest.container_id)
    with tcp_server(owner, 80):
        assert await aside(talks, None, ip_of(owner), 80), "the owner's network stays when a guest leaves"


async def test_mtu_comes_from_the_uplink_and_from_the_option(shoal: Engine) -> None:
    await shoal.networks.create(NetworkSpec(name="small", options={MTU: "1300"}))
    for name, network, mtu in (("a", "bridge", 1400), ("b", "small", 1300)):
        sandbox = await shoal.run(name, network)
        with socket_in(sandbox) as inside_it:
            request = struct.pack("16si20x", b"eth0", 0)
            assert struct.unpack("16si20x", fcntl.ioctl(inside_it, SIOCGIFMTU, request))[1] == mtu


def router_advertisement(source: str) -> bytes:
    """A frame to all hosts: "the way to everywhere is by me". Source: RFC 4861, 4.2"""
    address, everyone = inet_pton(AF_INET6, source), inet_pton(AF_INET6, "ff02::1")
    option = b"\x01\x01\x02\x42\x00\x00\x00\x01"
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + option
    words = address + everyone + struct.pack("!II", len(body), 58) + body
    total = sum(struct.unpack(f"!{len(words) // 2}H", words))
    total = (total & 0xFFFF) + (total >> 16)
    checked = body[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + address + everyone
    return b"\x33\x33\x00\x00\x00\x01" + b"\x02\x42\x00\x00\x00\x01" + b"\x86\xdd" + header + checked


async def test_a_container_can_not_make_itself_the_hosts_router(shoal: Engine) -> None:
    """By a router advertisement on its bridge (CVE-2020-13401), also where IPv6 is forwarded."""
    await shoal.networks.create(NetworkSpec(name="six", enable_ipv6=True))
    for network in ("six", "bridge"):
        box = await shoal.run(f"in-{network}", network)
        with socket_in(box, AF_PACKET, SOCK_RAW) as sender:
            sender.bind(("eth0", 0))
            sender.send(router_advertisement("fe80::42:ff:fe00:1"))
        with tcp_server(None, 99):
            assert await aside(talks, box, HOST_IP, 99)
    with Netlink() as netlink:
        bridges = {index for name, (index, *_) in netlink.links().items() if name != "eth0"}
        assert [route for route in netlink.routes() if route[0] == "::/0" and route[1] in bridges] == []
