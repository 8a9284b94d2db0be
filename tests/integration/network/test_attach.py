"""Running and stopped containers connected to networks and disconnected from them; rules of networks."""

from dataclasses import replace
from pathlib import Path

import pytest

from shoal.errors import Conflict, DriverError, Forbidden, InvalidArgument, NotFound, NotSupported, Unavailable
from shoal.model.endpoint import EndpointSettings, PortBinding
from shoal.model.network import BRIDGE_NAME, IFNAME, PARENT, Ipam, NetworkSpec, Pool
from tests.support.network import HOST_IP, OUTSIDE_IP, Engine, Hosts, addresses, aside, ask, ip_of, talks, tcp_server


def subnet(cidr: str, **more: str) -> Ipam:
    return Ipam(config=(Pool(subnet=cidr, **more),))


async def test_a_running_container_is_connected_and_disconnected(shoal: Engine, hosts: Hosts) -> None:
    await shoal.networks.create(NetworkSpec(name="one"))
    await shoal.networks.create(NetworkSpec(name="two", ipam=subnet("10.9.0.0/24")))
    web = await shoal.run("web", "one", ports=(PortBinding(container_port=80, host_port="5000"),))
    two = await shoal.run("two", "two")
    await shoal.networks.connect("two", "web", EndpointSettings(ipv4_address="10.9.0.77", aliases=("site",)))
    now = shoal.networks.sandbox(web.container_id)
    assert now is not None and ip_of(now, "two") == "10.9.0.77"
    assert now.endpoints["two"].interface == "eth1"
    assert "10.9.0.77\t" in Path(web.request.hosts_path).read_text()
    assert shoal.book.member("web").endpoints["two"].ipv4_address == "10.9.0.77"
    with tcp_server(two, 80), tcp_server(now, 80):
        assert await aside(talks, now, ip_of(two), 80)
        assert addresses(await aside(ask, two, "site")) == ["10.9.0.77"]
        with pytest.raises(Forbidden, match="endpoint with name web already exists in network two"):
            await shoal.networks.connect("two", "web", EndpointSettings())

        # its way out and its published port move to the network that is left
        await shoal.networks.disconnect("one", "web")
        assert await aside(talks, hosts.outside, HOST_IP, 5000)
        assert await aside(talks, None, "::1", 5000)
    with tcp_server(hosts.outside, 80):
        assert await aside(talks, now, OUTSIDE_IP, 80)
    assert list(shoal.book.member("web").endpoints) == ["two"]
    assert f"{ip_of(web)}\t" not in Path(web.request.hosts_path).read_text()
    await shoal.networks.remove("one")
    with pytest.raises(Conflict, match="is not connected to network bridge"):
        await shoal.networks.disconnect("bridge", "web")


async def test_a_container_of_the_default_bridge_gets_names_when_connected(shoal: Engine) -> None:
    await shoal.networks.create(NetworkSpec(name="app"))
    db, web = await shoal.run("db", "app"), await shoal.run("web", "bridge")
    assert "127.0.0.11" not in web.resolv_conf
    await shoal.networks.connect("app", "web", EndpointSettings())
    assert "nameserver 127.0.0.11" in Path(web.request.resolv_conf_path).read_text()
    assert addresses(await aside(ask, web, "db")) == [ip_of(db)]


async def test_a_connect_that_fails_leaves_all_as_it_was(shoal: Engine) -> None:
    await shoal.networks.create(NetworkSpec(name="one"))
    await shoal.networks.create(NetworkSpec(name="two"))
    db, web = await shoal.run("db", "one"), await shoal.run("web", "one")
    before = Path(web.request.hosts_path).read_text()
    with pytest.raises(DriverError, match="file exists"):
        await shoal.networks.connect("two", "web", EndpointSettings(driver_opts={IFNAME: "eth0"}))
    assert shoal.networks.sandbox(web.container_id) == web
    assert list(shoal.book.member("web").endpoints) == ["one"]
    assert Path(web.request.hosts_path).read_text() == before
    with tcp_server(db, 80):
        assert await aside(talks, web, ip_of(db), 80)
    await shoal.networks.remove("two")


async def test_a_stopped_container_keeps_the_wish(shoal: Engine) -> None:
    await shoal.networks.create(NetworkSpec(name="app"))
    web = await shoal.run("web", "bridge")
    await shoal.networks.leave(web.container_id)
    shoal.book.members[web.container_id] = replace(shoal.book.member("web"), is_running=False)
    await shoal.networks.connect("app", "web", EndpointSettings(aliases=("x",)))
    assert set(shoal.book.member("web").endpoints) == {"bridge", "app"}
    await shoal.networks.disconnect("bridge", "web")
    assert set(shoal.book.member("web").endpoints) == {"app"}


async def test_what_can_not_be_connected(shoal: Engine) -> None:
    await shoal.networks.create(NetworkSpec(name="app"))
    await shoal.run("on-host", network_mode="host")
    await shoal.run("alone", network_mode="none")
    owner = await shoal.run("owner", "bridge")
    await shoal.run("guest", network_mode=f"container:{owner.container_id}")
    for name, text in (("on-host", "host network"), ("alone", "private"), ("guest", "sharing network namespace")):
        with pytest.raises(InvalidArgument, match=text):
            await shoal.networks.connect("app", name, EndpointSettings())
    with pytest.raises(NotFound, match="No such container: nobody"):
        await shoal.networks.connect("app", "nobody", EndpointSettings())
    with pytest.raises(NotFound, match="network nowhere not found"):
        await shoal.networks.connect("nowhere", "owner", EndpointSettings())
    with pytest.raises(InvalidArgument, match="network-scoped alias"):
        await shoal.run("aliased", endpoints={"bridge": EndpointSettings(aliases=("x",))})


async def test_fixed_addresses(shoal: Engine) -> None:
    await shoal.networks.create(
        NetworkSpec(name="app", ipam=subnet("10.9.0.0/29", aux_addresses={"router": "10.9.0.2"}))
    )
    fixed = {"app": EndpointSettings(ipv4_address="10.9.0.5", mac_address="02:00:00:00:00:05")}
    web = await shoal.run("web", endpoints=fixed)
    assert (ip_of(web), web.endpoints["app"].mac_address) == ("10.9.0.5", "02:00:00:00:00:05")
    with pytest.raises(Forbidden, match="Address already in use"):
        await shoal.run("other", endpoints=fixed)
    outside = {"app": EndpointSettings(ipv4_address="10.10.0.5")}
    with pytest.raises(InvalidArgument, match=r"no configured subnet or ip-range contain the IP address 10.10.0.5"):
        await shoal.run("other", endpoints=outside)
    got = [ip_of(await shoal.run(f"c{i}", "app")) for i in range(3)]
    assert got == ["10.9.0.3", "10.9.0.4", "10.9.0.6"], "not the gateway's, the router's, the fixed one"
    with pytest.raises(Unavailable, match="no available IPv4 addresses"):
        await shoal.run("full", "app")


async def test_what_can_not_be_created(shoal: Engine) -> None:
    await shoal.networks.create(NetworkSpec(name="app", ipam=subnet("10.9.0.0/24"), options={BRIDGE_NAME: "mybr"}))
    refused = [
        (NetworkSpec(name="app"), Conflict, "network with name app already exists"),
        (NetworkSpec(name="bridge"), Forbidden, "operation is not permitted on predefined bridge network"),
        (NetworkSpec(name="x", ipam=subnet("10.9.0.128/25")), Forbidden, "Pool overlaps with other one"),
        (NetworkSpec(name="x", ipam=subnet("10.8.0.1/24")), InvalidArgument, "it should be 10.8.0.0/24"),
        (NetworkSpec(name="x", ipam=subnet("10.8.0.0/24", gateway="10.7.0.1")), InvalidArgument, "invalid gateway"),
        (NetworkSpec(name="x", driver="overlay"), NotSupported, "needs a cluster"),
        (NetworkSpec(name="x", driver="weave"), NotFound, 'plugin "weave" not found'),
        (NetworkSpec(name="x", ipam=Ipam(driver="dhcp")), NotFound, 'plugin "dhcp" not found'),
        (NetworkSpec(name="x", ipam=Ipam(driver="null")), InvalidArgument, "for networks of plugins"),
        (NetworkSpec(name="x", driver="macvlan"), InvalidArgument, 'needs the option "parent"'),
        (NetworkSpec(name="x", driver="macvlan", options={PARENT: "eth9"}), InvalidArgument, 'no link "eth9"'),
        (NetworkSpec(name="x", options={BRIDGE_NAME: "mybr"}), Forbidden, "networks have same bridge name"),
        (NetworkSpec(name="x", options={BRIDGE_NAME: "up0"}), Forbidden, 'the host has a link "up0" already'),
    ]
    for spec, kind, text in refused:
        with pytest.raises(kind, match=text):
            await shoal.networks.create(spec)
    assert [n.name for n in shoal.networks.list({})] == ["bridge", "host", "none", "app"]


async def test_remove_and_prune(shoal: Engine) -> None:
    for name in ("used", "idle", "labelled"):
        labels = {"keep": "yes"} if name == "labelled" else {}
        await shoal.networks.create(NetworkSpec(name=name, labels=labels))
    used = shoal.networks.resolve("used")
    await shoal.run("web", "used")
    text = f"error while removing network: network used id {used.id} has active endpoints"
    with pytest.raises(Forbidden, match=text):
        await shoal.networks.remove("used")
    with pytest.raises(Forbidden, match="is a pre-defined network and cannot be removed"):
        await shoal.networks.remove("host")
    assert await shoal.networks.prune({"label!": ["keep"]}) == ["idle"]
    assert await shoal.networks.prune({}) == ["labelled"]
    assert [n.name for n in shoal.networks.list({"type": ["custom"]})] == ["used"]


async def test_the_same_network_again_right_after_it_was_removed(shoal: Engine) -> None:
    for _ in range(3):
        spec = NetworkSpec(name="app", ipam=subnet("10.9.0.0/24"), options={BRIDGE_NAME: "mybr"})
        await shoal.networks.create(spec)
        a, b = await shoal.run("a", "app"), await shoal.run("b", "app")
        with tcp_server(b, 80):
            assert await aside(talks, a, ip_of(b), 80)
        for sandbox in (a, b):
            await shoal.networks.leave(sandbox.container_id)
        await shoal.networks.remove("app")
