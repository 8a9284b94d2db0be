"""What containers are told when they ask for names."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from dnslib import RCODE, RR
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSRecord, DNSServer

from shoal.lifecycle.network.names import Entry
from shoal.model.endpoint import EndpointSettings
from shoal.model.network import LOCAL_RESOLVER, NetworkSpec
from tests.support.network import (
    OUTSIDE_IP,
    Engine,
    Hosts,
    addresses,
    aside,
    ask,
    engine,
    ip_of,
    socket_in,
    talks_udp,
    udp_server,
)


class Outside(BaseResolver):
    """Knows `example.org`, and `big.example.org` that is too long for UDP; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def resolve(self, request: DNSRecord, handler: object) -> DNSRecord:
        reply = request.reply()
        name = str(request.q.qname)
        self.asked.append(name)
        if name == "example.org.":
            reply.add_answer(*RR.fromZone("example.org. 60 A 192.0.2.80"))
        elif name == "big.example.org.":
            for i in range(100):
                reply.add_answer(*RR.fromZone(f"big.example.org. 60 A 192.0.2.{i}"))
        else:
            reply.header.rcode = RCODE.NXDOMAIN
        return reply


def serve(where: int | None, address: str) -> tuple[Outside, list[DNSServer]]:
    """A name server on the other host (or on ours), UDP and TCP."""
    outside = Outside()
    servers = []
    for tcp in (False, True):
        server = DNSServer(outside, address="127.0.0.1", port=0, tcp=tcp, logger=_quiet(), handler=Handler)
        server.server.socket.close()
        server.server.socket = socket_in(where, kind=socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        server.server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.server.socket.bind((address, 53))
        if tcp:
            server.server.socket.listen(8)
        threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
    return outside, servers


class Handler(DNSHandler):
    udplen = 512


def _quiet() -> DNSLogger:
    return DNSLogger(log="-request,-reply,-truncated,-error,-recv,-send,-data", logf=lambda text: None)


@pytest.fixture
def upstream(hosts: Hosts) -> Iterator[Outside]:
    outside, servers = serve(hosts.outside, OUTSIDE_IP)
    yield outside
    for server in servers:
        server.server.shutdown()
        server.server.server_close()


@pytest.fixture
async def app(shoal: Engine) -> Engine:
    await shoal.networks.create(NetworkSpec(name="app"))
    return shoal


async def test_all_names_of_a_container(app: Engine) -> None:
    settings = {"app": EndpointSettings(aliases=("db", "Database"))}
    db = await app.run("counter-redis-1", endpoints=settings, dns=(OUTSIDE_IP,))
    web = await app.run("web", "app", dns=(OUTSIDE_IP,))
    for name in ("counter-redis-1", "db", "DATABASE", db.container_id[:12], "db.app", "counter-redis-1.app."):
        for tcp in (False, True):
            assert addresses(await aside(ask, web, name, tcp=tcp)) == [ip_of(db)], name
    assert addresses(await aside(ask, db, "db")) == [ip_of(db)], "its own names too"


async def test_a_name_without_an_address_of_that_kind_exists(app: Engine) -> None:
    """NXDOMAIN for AAAA would make musl's resolver give up on the A record too."""
    web = await app.run("web", "app")
    answer = await aside(ask, web, "web", "AAAA")
    assert answer.header.rcode == RCODE.NOERROR
    assert answer.rr == []
    assert (await aside(ask, web, "web", "MX")).header.rcode == RCODE.NOERROR


async def test_several_containers_behind_one_alias_take_turns(app: Engine) -> None:
    settings = {"app": EndpointSettings(aliases=("web",))}
    ips = {ip_of(await app.run(f"web-{i}", endpoints=settings)) for i in range(3)}
    client = await app.run("client", "app")
    answers = [addresses(await aside(ask, client, "web")) for _ in range(3)]
    assert all(set(answer) == ips for answer in answers)
    assert {answer[0] for answer in answers} == ips
    many = [await app.run(f"more-{i}", endpoints=settings) for i in range(40)]
    cut = await aside(ask, client, "web")
    assert cut.header.tc, "too long for UDP without EDNS"
    assert len(addresses(await aside(ask, client, "web", tcp=True))) == 3 + len(many)


async def test_names_are_of_the_askers_networks_only(app: Engine) -> None:
    await app.networks.create(NetworkSpec(name="other"))
    one, both = await app.run("one", "app"), await app.run("both", "app", "other")
    other = await app.run("other-one", "other", dns=(OUTSIDE_IP,))
    assert addresses(await aside(ask, both, "one")) == [ip_of(one)]
    assert addresses(await aside(ask, both, "other-one")) == [ip_of(other)]
    assert addresses(await aside(ask, other, "both")) == [ip_of(both, "other")]
    assert (await aside(ask, other, "one")).header.rcode == RCODE.SERVFAIL


async def test_links_are_names_for_one_container_alone(app: Engine) -> None:
    db = await app.run("db", "app")
    linked = await app.run("web", endpoints={"app": EndpointSettings(links=("db:store",))}, links=("db:vault",))
    other = await app.run("other", "app", dns=(OUTSIDE_IP,))
    assert addresses(await aside(ask, linked, "store")) == [ip_of(db)]
    assert addresses(await aside(ask, linked, "vault")) == [ip_of(db)]
    assert (await aside(ask, other, "store")).header.rcode == RCODE.SERVFAIL


async def test_addresses_have_names(app: Engine) -> None:
    web = await app.run("web", "app")
    reverse = ".".join(reversed(ip_of(web).split("."))) + ".in-addr.arpa"
    assert addresses(await aside(ask, web, reverse, "PTR")) == ["web.app."]


async def test_names_from_outside_are_forwarded(app: Engine, upstream: Outside) -> None:
    web = await app.run("web", "app", dns=(OUTSIDE_IP,))
    for tcp in (False, True):
        assert addresses(await aside(ask, web, "example.org", tcp=tcp)) == ["192.0.2.80"]
    assert (await aside(ask, web, "nothing.example.org")).header.rcode == RCODE.NXDOMAIN
    assert (await aside(ask, web, "big.example.org")).header.tc, "the asker is sent to TCP"
    assert len(addresses(await aside(ask, web, "big.example.org", tcp=True))) == 100
    await aside(ask, web, "web")
    assert "web." not in upstream.asked, "our own names never leave the host"


async def test_an_internal_network_resolves_its_own_names_and_no_others(app: Engine, upstream: Outside) -> None:
    await app.networks.create(NetworkSpec(name="inner", internal=True))
    a = await app.run("a", "inner", dns=(OUTSIDE_IP,))
    b = await app.run("b", "inner")
    assert addresses(await aside(ask, a, "b")) == [ip_of(b)]
    assert (await aside(ask, a, "example.org")).header.rcode == RCODE.SERVFAIL
    assert upstream.asked == []


async def test_the_container_may_have_a_name_server_of_its_own(app: Engine) -> None:
    server = await app.run("server", "app")
    client = await app.run("client", "app")
    with udp_server(server, 53):
        assert await aside(talks_udp, client, ip_of(server), 53)
        assert addresses(await aside(ask, server, "client")) == [ip_of(client)]


async def test_a_resolver_inside_the_container_is_asked_by_ours(app: Engine) -> None:
    web = await app.run("web", "app", dns=("127.0.0.1",))
    outside, servers = await aside(serve_in, web)
    try:
        assert addresses(await aside(ask, web, "example.org")) == ["192.0.2.80"]
        assert outside.asked == ["example.org."]
    finally:
        for server in servers:
            server.server.shutdown()
            server.server.server_close()


def serve_in(sandbox: object) -> tuple[Outside, list[DNSServer]]:
    return serve(sandbox, "127.0.0.1")  # type: ignore[arg-type]


@pytest.fixture
async def with_local_resolver(hosts: Hosts, root: Path) -> AsyncIterator[Engine]:
    """An engine on a host whose only resolver is 127.0.0.53."""
    etc = root / "etc"
    etc.mkdir()
    (etc / "resolv.conf").write_text("nameserver 127.0.0.53\nsearch corp.example\noptions edns0\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n192.0.2.9 known-to-the-host\n")
    async with engine(root, etc) as made:
        yield made


async def test_a_resolver_on_the_hosts_loopback_serves_all_networks(with_local_resolver: Engine) -> None:
    app = with_local_resolver
    outside, servers = serve(None, "127.0.0.53")
    try:
        default = await app.run("default", "bridge")
        assert f"nameserver {LOCAL_RESOLVER}" in default.resolv_conf
        assert "search corp.example" in default.resolv_conf
        assert addresses(await aside(ask, default, "example.org")) == ["192.0.2.80"]
        await app.networks.create(NetworkSpec(name="inner", internal=True))
        inner = await app.run("inner", "inner")
        assert (await aside(ask, inner, "example.org")).header.rcode == RCODE.SERVFAIL
        assert outside.asked == ["example.org."]
        on_host = await app.run("on-host", network_mode="host", extra_hosts=("more:192.0.2.1",))
        assert "192.0.2.9 known-to-the-host" in on_host.hosts and "192.0.2.1\tmore" in on_host.hosts
        assert "nameserver 127.0.0.53" in on_host.resolv_conf
    finally:
        for server in servers:
            server.server.shutdown()
            server.server.server_close()


async def test_files_of_a_container(app: Engine) -> None:
    db = await app.run("db", "bridge")
    web = await app.run(
        "web",
        "bridge",
        links=("db:store",),
        extra_hosts=("host.docker.internal:host-gateway", "api:192.0.2.1"),
        dns=("192.0.2.53",),
        dns_search=("example.org",),
        dns_options=("timeout:1",),
        domainname="corp",
    )
    hosts = Path(web.request.hosts_path).read_text().splitlines()
    gateway = app.networks.resolve("bridge").spec.ipam.config[0].gateway
    assert f"{gateway}\thost.docker.internal" in hosts
    assert "192.0.2.1\tapi" in hosts
    assert f"{ip_of(web)}\t{web.container_id[:12]}.corp {web.container_id[:12]}" in hosts
    assert f"{ip_of(db)}\tstore {db.container_id[:12]} db" in hosts
    text = Path(web.request.resolv_conf_path).read_text()
    assert text.endswith("nameserver 192.0.2.53\nsearch example.org\noptions timeout:1\n")


async def test_a_renamed_container_has_its_new_name_only(app: Engine) -> None:
    web, client = await app.run("web", "app"), await app.run("client", "app", dns=(OUTSIDE_IP,))
    await app.networks.rename(web.container_id, "site")
    assert addresses(await aside(ask, client, "site")) == [ip_of(web)]
    assert (await aside(ask, client, "web")).header.rcode == RCODE.SERVFAIL


async def test_names_that_belong_to_no_container_here_come_and_go(shoal: Engine) -> None:
    """Those of a cluster: told in one go, kept for a moment only, and again whole for another engine."""
    app = await shoal.networks.create(NetworkSpec(name="app"))
    web = await shoal.run("web", "app")
    entry = Entry(network_id=app.id, network_name="app", names=("api", "www"), ipv4="10.9.0.1", ttl_s=1)
    await shoal.netd.put_names({"service": (entry,), "task": (replace(entry, names=("tasks.api",), ipv4="10.9.0.2"),)})
    answer = await aside(ask, web, "api")
    assert addresses(answer) == ["10.9.0.1"] and answer.rr[0].ttl == 1
    assert (await aside(ask, web, "web")).rr[0].ttl == 600
    assert addresses(await aside(ask, web, "www.app")) == ["10.9.0.1"]
    await shoal.netd.put_names({"service": (replace(entry, names=("api",), ipv4="10.9.0.3"),)}, ["task"])
    assert addresses(await aside(ask, web, "api")) == ["10.9.0.3"]
    for gone in ("www", "tasks.api"):
        assert addresses(await aside(ask, web, gone)) == []
    await shoal.netd.put_names({"task": (entry,)}, full=True)
    assert addresses(await aside(ask, web, "api")) == ["10.9.0.1"]
    await shoal.netd.put_names({}, full=True)
    assert addresses(await aside(ask, web, "api")) == []
    assert addresses(await aside(ask, web, "web")) == [ip_of(web)]
