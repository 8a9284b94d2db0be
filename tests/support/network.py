"""Hosts in network namespaces: a host of ours with an uplink, another host behind it, and sockets inside containers.

The calling thread is moved into the first host's namespace, so the engine under test, its threads and its netd live
there, and the machine's own network is never touched.
"""

import asyncio
import os
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path, PurePosixPath

from dnslib import DNSRecord

from shoal.drivers.network import netlink as nl
from shoal.drivers.network.links import HostLinks
from shoal.drivers.network.namespace import enter, inside, make_namespace, own_namespace
from shoal.drivers.network.netd_client import NetdClient
from shoal.drivers.network.nftables import Nftables
from shoal.drivers.network.subnets import HostSubnets
from shoal.drivers.overlay.tunnel import VxlanTunnel
from shoal.drivers.plugins.ipam import PluginAddresses
from shoal.drivers.plugins.networks import PluginNetworks
from shoal.drivers.plugins.plugins import LegacyPlugins
from shoal.drivers.sqlite_store import SqliteStore
from shoal.engine.events import Events
from shoal.engine.networks import NetworkDrivers, Networks, Sources
from shoal.errors import NotFound
from shoal.model.endpoint import EndpointSettings
from shoal.model.network import JoinRequest, Member, Network, Sandbox
from shoal.model.settings import Settings
from tests.support.deadlines import patient

HOST_IP, OUTSIDE_IP = "10.77.0.1", "10.77.0.2"
HOST_IP6, OUTSIDE_IP6 = "fd77::1", "fd77::2"
TALK_S = patient(3.0)


class Hosts:
    """`home`: our host's namespace; `outside`: another host's, one hop away."""

    def __init__(self, machine: int) -> None:
        self.machine = machine
        self.home = make_namespace(machine, lambda fd: fd)
        self.outside = make_namespace(machine, lambda fd: fd)
        with inside(self.outside, machine), nl.Netlink() as far:
            with inside(self.home, machine), nl.Netlink() as near:
                near.send([nl.link(nl.RTM_SETLINK, index=1, up=True)])
                mtu = nl.attribute(nl.IFLA_MTU, 1400)
                there = nl.attribute(nl.IFLA_NET_NS_FD, self.outside)
                peer = nl.veth_peer(nl.attribute(nl.IFLA_IFNAME, "eth0"), there, mtu)
                near.send([nl.new_link(nl.attribute(nl.IFLA_IFNAME, "up0"), mtu, nl.link_info("veth", peer))])
                self._configure(near, "up0", HOST_IP, HOST_IP6)
                near.send([nl.default_route(near.links()["up0"][0], OUTSIDE_IP)])
            far.send([nl.link(nl.RTM_SETLINK, index=1, up=True)])
            self._configure(far, "eth0", OUTSIDE_IP, OUTSIDE_IP6)

    @staticmethod
    def _configure(netlink: nl.Netlink, name: str, *addresses: str) -> None:
        index = netlink.links()[name][0]
        netlink.send([nl.address(nl.RTM_NEWADDR, index, a, 64 if ":" in a else 24) for a in addresses])
        netlink.send([nl.link(nl.RTM_SETLINK, index=index, up=True)])

    def close(self) -> None:
        os.close(self.home)
        os.close(self.outside)


@contextmanager
def fake_hosts() -> Iterator[Hosts]:
    """Two hosts; the calling thread is on the first one for the block."""
    machine = own_namespace()
    hosts = Hosts(machine)
    enter(hosts.home)
    try:
        yield hosts
    finally:
        enter(machine)
        hosts.close()
        os.close(machine)


class Book:
    """The containers of a test, in place of the noun `containers`."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}

    def member(self, reference: str) -> Member:
        for member in self.members.values():
            if reference in (member.name, member.container_id):
                return member
        raise NotFound(f"No such container: {reference}")

    async def save_endpoints(self, container_id: str, endpoints: dict[str, EndpointSettings]) -> None:
        from dataclasses import replace

        self.members[container_id] = replace(self.members[container_id], endpoints=dict(endpoints))


class Engine:
    """The networks of one engine, and `run` to start a container's network without a container."""

    def __init__(self, root: Path, etc: Path | None = None) -> None:
        self.root = root
        self.settings = Settings(root=PurePosixPath(root), run=PurePosixPath(root / "run"))
        self.store = SqliteStore(root / "store.db", {"networks": Network, "sandboxes": Sandbox})
        self.events = Events(time.time_ns)
        (root / "run").mkdir(parents=True, exist_ok=True)
        self.nftables = Nftables()
        tag = self.settings.tag
        prefixes = (f"v{tag}", f"s{tag}")
        self.links = HostLinks(root / "run", prefixes, int(tag, 16), self.nftables, etc or Path("/etc"))
        self.netd = NetdClient(root / "run")
        self.plugins = LegacyPlugins([root / "plugins"])
        self.book = Book()
        self.networks: Networks

    async def open(self, living: dict[str, int] | None = None) -> "Engine":
        self.store.open()
        self.networks = Networks(
            self.settings,
            self.store,
            self.events,
            NetworkDrivers(
                links=self.links,
                subnets=HostSubnets(self.root),
                firewall=self.nftables,
                netd=self.netd,
                tunnel=VxlanTunnel(),
                plugins=PluginNetworks(self.plugins),
                addresses=PluginAddresses(self.plugins),
            ),
            Sources(
                now_ns=time.time_ns,
                new_id=lambda: secrets.token_hex(32),
                choose=secrets.randbelow,
                host_seed="0123456789",
            ),
        )
        self.networks.set_members(self.book)
        await self.networks.open(living or {})
        return self

    async def close(self) -> None:
        await self.networks.close()
        self.store.close()

    async def run(self, name: str, *networks: str, **wishes: object) -> Sandbox:
        """Join a container called `name` to its networks."""
        container_id = secrets.token_hex(32)
        endpoints = wishes.pop("endpoints", None) or {n: EndpointSettings() for n in networks}
        mode = str(wishes.pop("network_mode", "") or next(iter(endpoints), "bridge"))
        request = JoinRequest(
            container_id=container_id,
            name=name,
            hostname=container_id[:12],
            network_mode=mode,
            endpoints=endpoints,
            hosts_path=str(self.root / name / "hosts"),
            resolv_conf_path=str(self.root / name / "resolv.conf"),
            **wishes,
        )
        sandbox = await self.networks.join(request)
        self.book.members[container_id] = Member(
            container_id=container_id,
            name=name,
            hostname=request.hostname,
            is_running=True,
            network_mode=mode,
            endpoints=sandbox.request.endpoints,
        )
        return sandbox

    async def clean(self) -> None:
        """Remove every sandbox and network, so that nothing is left of this engine."""
        for sandbox in self.store.all(Sandbox):
            await self.networks.leave(sandbox.container_id)
        for network in self.networks.list({"type": ["custom"]}):
            await self.networks.remove(network.id)


@asynccontextmanager
async def engine(root: Path, etc: Path | None = None, living: dict[str, int] | None = None) -> AsyncIterator[Engine]:
    """An engine that cleans up behind itself."""
    made = await Engine(root, etc).open(living)
    try:
        yield made
    finally:
        await made.clean()
        await made.close()


def ip_of(sandbox: Sandbox, network: str = "") -> str:
    """The IPv4 address of a sandbox on a network, or on its only one."""
    endpoint = sandbox.endpoints[network] if network else next(iter(sandbox.endpoints.values()))
    return endpoint.ipv4_address


def ip6_of(sandbox: Sandbox) -> str:
    return next(iter(sandbox.endpoints.values())).ipv6_address


def socket_in(
    where: Sandbox | int | None, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM
) -> socket.socket:
    """A socket in a sandbox, in a namespace, or (None) here."""
    if where is None:
        made = socket.socket(family, kind)
    else:
        namespace = os.open(where.netns_path or "", os.O_RDONLY) if isinstance(where, Sandbox) else os.dup(where)
        here = own_namespace()
        try:
            with inside(namespace, here):
                made = socket.socket(family, kind)
        finally:
            os.close(namespace)
            os.close(here)
    made.settimeout(3.0)
    return made


@contextmanager
def tcp_server(where: Sandbox | int | None, port: int, address: str = "0.0.0.0") -> Iterator[list[str]]:
    """Answers each connection with its own address of the client, then echoes; yields the clients seen."""
    listener = socket_in(where, socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(64)
    clients: list[str] = []

    def echo(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)

    def accept() -> None:
        while True:
            try:
                connection, peer = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            clients.append(peer[0])
            connection.settimeout(3.0)
            threading.Thread(target=_quietly(echo), args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield clients
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@contextmanager
def udp_server(where: Sandbox | int | None, port: int, address: str = "0.0.0.0") -> Iterator[None]:
    """Echoes datagrams."""
    server = socket_in(where, socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, port))
    server.settimeout(0.2)
    done = threading.Event()

    def echo() -> None:
        while not done.is_set():
            try:
                data, client = server.recvfrom(65536)
                server.sendto(data, client)
            except TimeoutError:
                continue

    thread = threading.Thread(target=echo, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        server.close()


def _quietly(job: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    def run(connection: socket.socket) -> None:
        try:
            job(connection)
        except OSError:
            return

    return run


def talks(
    where: Sandbox | int | None, address: str, port: int, *, wait_s: float = TALK_S, data: bytes = b"hello"
) -> bool:
    """True when a TCP echo comes back from there. Blocking: call it through `talk`."""
    with socket_in(where, socket.AF_INET6 if ":" in address else socket.AF_INET) as client:
        client.settimeout(wait_s)
        try:
            client.connect((address, port))
            client.sendall(data)
            got = b""
            while len(got) < len(data):
                more = client.recv(65536)
                if not more:
                    return False
                got += more
            return got == data
        except OSError:
            return False


def talks_udp(where: Sandbox | int | None, address: str, port: int, *, wait_s: float = TALK_S) -> bool:
    """True when a UDP echo comes back from there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket_in(where, family, socket.SOCK_DGRAM) as client:
        client.settimeout(wait_s)
        try:
            client.connect((address, port))
            client.send(b"hello")
            return client.recv(100) == b"hello"
        except OSError:
            return False


def ask(
    where: Sandbox | int | None, name: str, kind: str = "A", *, tcp: bool = False, server: str = "127.0.0.11"
) -> DNSRecord:
    """The answer of a resolver. Blocking."""
    packet = DNSRecord.question(name, kind).pack()
    with socket_in(where, socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as client:
        client.settimeout(8.0)
        client.connect((server, 53))
        if not tcp:
            client.send(packet)
            return DNSRecord.parse(client.recv(65535))
        client.sendall(len(packet).to_bytes(2, "big") + packet)
        size = int.from_bytes(client.recv(2), "big")
        data = b""
        while len(data) < size:
            data += client.recv(size - len(data))
        return DNSRecord.parse(data)


def addresses(answer: DNSRecord) -> list[str]:
    """The addresses (or PTR names) in an answer, in order."""
    return [str(record.rdata) for record in answer.rr]


async def aside(job: Callable[..., object], *arguments: object, **options: object) -> object:
    """`job` in a thread of this host."""
    return await asyncio.to_thread(job, *arguments, **options)
