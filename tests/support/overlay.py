"""A cluster without managers: a test says which tasks there are, and every host's overlay is told.

with overlay_farm(2) as farm:
    net = farm.network("net1", "10.1.0.0/16")
    web = farm.service("web", net, ports=[(8080, 80)])
    farm.run(farm.hosts[0], web, "httpd", "-f")     # a container that is a task of the service
    farm.tell()
"""

import json
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec

from shoal.model.cluster.assignment import OverlayState, Peer, ServiceRoute, TaskEndpoint
from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.cluster.service import PortConfig, VirtualAddress
from shoal.model.cluster.task import Address
from shoal.model.network import Ipam, NetworkSpec, Pool
from tests.support.deadlines import patient
from tests.support.engine import wait_for
from tests.support.hosts import Farm, Host, Place, hosts
from tests.support.overlay_daemon import SOCKET

INGRESS = "ingress0000000000000000xx"


def ask(host: Host, **request: Any) -> Any:
    """What the overlay of this host answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(patient(60))
        connection.connect(str(host.engine.run / SOCKET))
        connection.sendall(json.dumps(request).encode() + b"\n")
        reply = json.loads(connection.makefile().readline())
    assert "error" not in reply, f"{host.name}: {reply['error']}"
    return reply["result"]


def node_id(host: Host) -> str:
    return f"node{host.number:021d}"


@dataclass
class Plan:
    """What the managers would know."""

    farm: Farm
    networks: dict[str, ClusterNetwork] = field(default_factory=dict)
    services: dict[str, ServiceRoute] = field(default_factory=dict)
    endpoints: dict[str, TaskEndpoint] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    _next: int = 1
    _given: dict[str, int] = field(default_factory=dict)

    @property
    def hosts(self) -> Sequence[Host]:
        return self.farm

    def network(
        self, name: str, *subnets: str, internal: bool = False, ingress: bool = False, attachable: bool = False
    ) -> ClusterNetwork:
        """One more overlay network."""
        pools = tuple(Pool(subnet=s, gateway=str(ip_network(s)[1])) for s in subnets)
        spec = NetworkSpec(
            name=name,
            driver="overlay",
            scope="swarm",
            internal=internal,
            ingress=ingress,
            attachable=attachable,
            enable_ipv6=any(":" in s for s in subnets),
            ipam=Ipam(config=pools),
        )
        id = INGRESS if ingress else f"{name}{'0' * 25}"[:25]
        network = self.networks[id] = ClusterNetwork(id=id, spec=spec, created_at=1)
        return network

    def service(
        self, name: str, *networks: ClusterNetwork, ports: Sequence[tuple[Any, ...]] = (), mode: str = "vip"
    ) -> ServiceRoute:
        """One more service. ports: (published, target) or (published, target, protocol)"""
        vips = [VirtualAddress(network_id=n.id, **self._next_addresses(n)) for n in networks if mode == "vip"]
        configs = tuple(PortConfig(published=p[0], target=p[1], protocol=(*p, "tcp")[2]) for p in ports)
        route = ServiceRoute(
            service_id=f"service-{name}",
            name=name,
            mode=mode,
            vips=tuple(vips),
            ports=configs,
            networks=tuple(n.id for n in networks),
        )
        self.services[route.service_id] = route
        return route

    def _next_addresses(self, network: ClusterNetwork) -> dict[str, str]:
        offset = self._given[network.id] = self._given.get(network.id, 1) + 1
        found = {}
        for pool in network.spec.ipam.config:
            found["ipv6" if ":" in pool.subnet else "ipv4"] = str(ip_network(pool.subnet)[offset])
        return found

    def task(self, host: Host, route: ServiceRoute, **more: Any) -> TaskEndpoint:
        """One more task of a service; nobody runs it yet."""
        number, self._next = self._next, self._next + 1
        task_id = f"task{number:021d}"
        networks = [self.networks[id] for id in route.networks]
        if route.ports and INGRESS in self.networks:
            networks.append(self.networks[INGRESS])
        slot = 1 + sum(e.service_id == route.service_id for e in self.endpoints.values())
        endpoint = TaskEndpoint(
            task_id=task_id,
            task_name=f"{route.name}.{slot}.{task_id}",
            service_id=route.service_id,
            node_id=node_id(host),
            slot=slot,
            addresses=tuple(Address(network_id=n.id, **self._next_addresses(n)) for n in networks),
            **more,
        )
        self.endpoints[task_id] = endpoint
        return endpoint

    def state_of(self, host: Host) -> OverlayState:
        """As the managers would tell this host, which gets to know all networks."""
        peers = {
            node_id(h): Peer(node_id=node_id(h), number=h.number, address=h.address, is_ready=h.name not in self.down)
            for h in self.farm
        }
        endpoints = {
            id: replace(e, takes_new=e.takes_new and self.host_of(e).name not in self.down)
            for id, e in self.endpoints.items()
        }
        return OverlayState(
            own=peers.pop(node_id(host)),
            peers=peers,
            networks=self.networks,
            services=self.services,
            endpoints=endpoints,
        )

    def tell(self, *only: Host) -> None:
        """Every host (or only these) applies what there is now."""
        for host in only or self.farm:
            ask(host, op="apply", state=msgspec.to_builtins(self.state_of(host)))

    def run(self, host: Host, route: ServiceRoute, *cmd: str, image: str = "busybox", **more: Any) -> TaskEndpoint:
        """One more task, its container started; hosts are told before it gets new connections, and after."""
        endpoint = self.task(host, route, takes_new=False)
        self.tell()
        self.start(host, endpoint, *cmd, image=image, **more)
        self.endpoints[endpoint.task_id] = endpoint = replace(endpoint, takes_new=True)
        self.tell()
        return endpoint

    def start(self, host: Host, endpoint: TaskEndpoint, *cmd: str, image: str = "busybox", **more: Any) -> str:
        """The container of a task."""
        settings = {
            a.network_id: {"IPAMConfig": {"IPv4Address": a.ipv4, **({"IPv6Address": a.ipv6} if a.ipv6 else {})}}
            for a in endpoint.addresses
        }
        body = {
            "Image": image,
            "Cmd": list(cmd) or None,
            "Labels": {"com.docker.swarm.task.id": endpoint.task_id},
            "HostConfig": {"NetworkMode": endpoint.addresses[0].network_id, **more.pop("host_config", {})},
            "NetworkingConfig": {"EndpointsConfig": settings},
            **more,
        }
        status, answer = host.engine.call("POST", f"/containers/create?name={endpoint.task_name}", body)
        assert status == 201, answer
        status, answer2 = host.engine.call("POST", f"/containers/{answer['Id']}/start")
        assert status == 204, answer2
        return str(answer["Id"])

    def host_of(self, endpoint: TaskEndpoint) -> Host:
        return next(host for host in self.farm if node_id(host) == endpoint.node_id)

    def web(
        self, count: int, *networks: ClusterNetwork, ports: Sequence[tuple[Any, ...]] = (), mode: str = "vip"
    ) -> tuple[ServiceRoute, list[TaskEndpoint]]:
        """A service "web" whose tasks tell "web.1", "web.2", … on the hosts in turn, and are ready."""
        route = self.service("web", *networks, ports=ports, mode=mode)
        return route, [self.telling(route, self.farm[i % len(self.farm)]) for i in range(count)]

    def telling(self, route: ServiceRoute, host: Host) -> TaskEndpoint:
        """One more task that tells its name; ready."""
        slot = 1 + sum(e.service_id == route.service_id for e in self.endpoints.values())
        endpoint = self.task(host, route, takes_new=False)
        self.tell()
        self.start(host, endpoint, *telling(f"{route.name}.{slot}"), image="python:alpine")
        log = ("logs", endpoint.task_name)
        wait_for(f"{endpoint.task_name} is ready", lambda: "ready" in host.engine.docker(*log).stdout)
        self.endpoints[endpoint.task_id] = endpoint = replace(endpoint, takes_new=True)
        self.tell()
        return endpoint

    def inside(self, endpoint: TaskEndpoint, *argv: str, check: bool = True, timeout_s: float = 30) -> str:
        """What a program in a task's container prints."""
        done = self.host_of(endpoint).engine.docker("exec", endpoint.task_name, *argv, check=check, timeout_s=timeout_s)
        return done.stdout + done.stderr

    def asked_by(self, endpoint: TaskEndpoint, *words: object) -> list[dict[str, Any]]:
        """What tests.support.telling_client hears inside a task's container (image python:alpine)."""
        text = Path(CLIENT).read_text()
        return [
            json.loads(line) for line in self.inside(endpoint, "python3", "-c", text, *map(str, words)).splitlines()
        ]

    def drain(self, endpoint: TaskEndpoint) -> TaskEndpoint:
        """It gets no new connections from now on."""
        changed = self.endpoints[endpoint.task_id] = replace(endpoint, takes_new=False)
        self.tell()
        return changed

    def remove(self, endpoint: TaskEndpoint) -> None:
        """Its container is gone, and everybody knows."""
        self.host_of(endpoint).engine.docker("rm", "-f", endpoint.task_name)
        del self.endpoints[endpoint.task_id]
        self.tell()

    def clear(self) -> None:
        """No tasks, services or networks any more."""
        for endpoint in list(self.endpoints.values()):
            self.host_of(endpoint).engine.docker("rm", "-f", endpoint.task_name, check=False)
        self.endpoints.clear()
        self.services.clear()
        self.networks = {id: n for id, n in self.networks.items() if n.spec.ingress}
        self._given.clear()
        self.tell()


@contextmanager
def overlay_farm(count: int, *flags: str, **options: Any) -> Iterator[Plan]:
    """Hosts with overlays that know each other; every one leaves at the end."""
    with hosts(count, *flags, module="tests.support.overlay_daemon", **options) as farm:
        plan = Plan(farm)
        try:
            yield plan
        finally:
            for host in farm:
                if host.engine.process is not None and host.engine.process.poll() is None:
                    host.engine.remove_everything()
                    ask(host, op="leave")


SERVER = (Path(__file__).parent / "telling_server.py").read_text()
CLIENT = str(Path(__file__).parent / "telling_client.py")


def telling(name: str, port: int = 80) -> tuple[str, ...]:
    """The command of a container (image python:alpine) that tells its name and its caller's address."""
    return ("python3", "-c", SERVER, name, str(port))


def asked(place: Place, *words: object) -> list[dict[str, Any]]:
    """What tests.support.telling_client hears when it runs at this place."""
    done = place.exec(sys.executable, CLIENT, *map(str, words), timeout_s=120)
    return [json.loads(line) for line in done.stdout.splitlines()]
