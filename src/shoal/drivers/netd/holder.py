"""What netd holds for each container: its namespace, its resolver, its names, its ports."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shoal.drivers.netd.proxy import TcpProxy, UdpProxy, bind, proxy
from shoal.drivers.netd.resolver import Resolver
from shoal.drivers.netd.upstream import Server
from shoal.drivers.network.namespace import inside, own_namespace
from shoal.lifecycle.network.names import Asker, Entry, Names

DNS_PORT = 53
_NAMED = "named/"  #: before ids that are of no container


class Refused(Exception):
    """A port could not be taken: which wish, on which address, and the system's words."""

    def __init__(self, index: int, ip: str, detail: str) -> None:
        super().__init__(detail)
        self.reply = {"index": index, "ip": ip, "detail": detail}


@dataclass(slots=True)
class Port:
    """A host port held on some addresses. proxies: one for each address; () for SCTP, which can't be held."""

    protocol: str
    host_ips: tuple[str, ...]
    number: int
    proxies: tuple[TcpProxy | UdpProxy, ...] = ()

    def aim(self, wish: Mapping[str, Any]) -> None:
        for ip, each in zip(self.host_ips, self.proxies, strict=False):
            each.target = _target(ip, wish)

    def close(self) -> None:
        for each in self.proxies:
            each.close()


@dataclass(slots=True)
class Held:
    """One container's. namespace: a descriptor, -1 where it has none of its own."""

    namespace: int = -1
    resolver: Resolver | None = None
    ports: list[Port] = field(default_factory=list)


def _entries(entries: Sequence[Mapping[str, Any]]) -> list[Entry]:
    return [Entry(**{**entry, "names": tuple(entry["names"])}) for entry in entries]  # JSON has no tuples


def _target(host_ip: str, wish: Mapping[str, Any]) -> tuple[str, int]:
    """Where a connection to `host_ip` goes: the same IP version if the container has it."""
    ips = (wish["ipv6"], wish["ipv4"]) if ":" in host_ip else (wish["ipv4"], wish["ipv6"])
    return ips[0] or ips[1], wish["container_port"]


def _take(index: int, wish: Mapping[str, Any]) -> Port:
    ips = tuple(wish["host_ips"])
    error = Refused(index, ips[0], "all ports are allocated")
    for number in wish["candidates"]:
        if wish["protocol"] not in ("tcp", "udp"):
            return Port(wish["protocol"], ips, number)
        sockets: list[socket.socket] = []
        try:
            for ip in ips:
                sockets.append(bind(wish["protocol"], ip, number))
        except OSError as refusal:
            for sock in sockets:
                sock.close()
            error = Refused(index, ips[len(sockets)], os.strerror(refusal.errno or 0).lower())
            continue
        proxies = tuple(proxy(wish["protocol"], s, _target(ip, wish)) for s, ip in zip(sockets, ips, strict=True))
        return Port(wish["protocol"], ips, number, proxies)
    raise error


class Holder:
    """All of it. home: a descriptor of the host's namespace."""

    def __init__(self, home: int) -> None:
        self._home = home
        self._names = Names()
        self._held: dict[str, Held] = {}
        self._named: set[str] = set()  #: ids of names that belong to no container here

    @property
    def ids(self) -> list[str]:
        return list(self._held)

    def put(self, id: str, message: Mapping[str, Any], descriptors: Sequence[int]) -> list[int]:
        """The host port of each wish. Replaces what is held for `id`. Raises: Refused, and nothing has changed"""
        held = self._held.get(id) or Held()
        ports = self._take_ports(held, message["ports"])
        for port in held.ports:
            if port not in ports:
                port.close()
        held.ports = ports
        self._held[id] = held
        self._adopt(held, descriptors)
        self._names.put(id, _entries(message["entries"]))
        if held.resolver is not None:
            asker = message["asker"]
            links = {alias: (link[0], link[1]) for alias, link in asker["links"].items()}
            held.resolver.asker = Asker(networks=tuple(asker["networks"]), links=links)
            held.resolver.servers = [self._server(held.namespace, text) for text in message["forward"]]
        return [port.number for port in ports]

    def put_names(self, put: Mapping[str, Any], drop: Sequence[str], *, full: bool) -> None:
        """Names of others: those of `put` {id: entries} come or change, those of `drop` go; full: all others too."""
        for id in [*drop, *(self._named - put.keys() if full else ())]:
            self._names.drop(_NAMED + id)
            self._named.discard(id)
        for id, entries in put.items():
            self._names.put(_NAMED + id, _entries(entries))
            self._named.add(id)

    def _take_ports(self, held: Held, wishes: Sequence[Mapping[str, Any]]) -> list[Port]:
        ports: list[Port] = []
        new: list[Port] = []
        try:
            for i, wish in enumerate(wishes):
                kept = self._find(held, wish, ports)
                if kept is None:
                    kept = _take(i, wish)
                    new.append(kept)
                ports.append(kept)
        except Refused:
            for port in new:
                port.close()
            raise
        for port, wish in zip(ports, wishes, strict=True):
            port.aim(wish)
        return ports

    @staticmethod
    def _find(held: Held, wish: Mapping[str, Any], taken: Sequence[Port]) -> Port | None:
        for port in held.ports:
            same = port.protocol == wish["protocol"] and port.host_ips == tuple(wish["host_ips"])
            if same and port.number in wish["candidates"] and port not in taken:
                return port
        return None

    def _adopt(self, held: Held, descriptors: Sequence[int]) -> None:
        if descriptors:
            if held.namespace >= 0:
                os.close(held.namespace)
            held.namespace = descriptors[0]
        if len(descriptors) == 3:
            if held.resolver is not None:
                held.resolver.close()
            udp, tcp = socket.socket(fileno=descriptors[1]), socket.socket(fileno=descriptors[2])
            held.resolver = Resolver(self._names, udp, tcp)

    def _server(self, namespace: int, text: str) -> Server:
        """ "host:ADDRESS" is reached from the host's namespace, "ADDRESS" from the container's."""
        from_host = text.startswith("host:")

        def make_socket(family: int, kind: int) -> socket.socket:
            if from_host or namespace < 0:
                return socket.socket(family, kind)
            with inside(namespace, self._home):
                return socket.socket(family, kind)

        return Server(text.removeprefix("host:"), DNS_PORT, make_socket)

    def drop(self, id: str) -> None:
        """Let go of everything of a container. Idempotent."""
        held = self._held.pop(id, None)
        self._names.drop(id)
        if held is None:
            return
        for port in held.ports:
            port.close()
        if held.resolver is not None:
            held.resolver.close()
        if held.namespace >= 0:
            os.close(held.namespace)

    def descriptors(self, id: str) -> tuple[int, ...]:
        """What is held for a container: (namespace, udp, tcp), (namespace,) or ()."""
        held = self._held.get(id)
        if held is None or held.namespace < 0:
            return ()
        return (held.namespace, *(held.resolver.descriptors if held.resolver is not None else ()))

    @classmethod
    def of_this_namespace(cls) -> "Holder":
        """A holder at home in the namespace of the calling thread."""
        return cls(own_namespace())
