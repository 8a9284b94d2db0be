"""What the overlay costs: throughput against a direct connection, and the time of a change in a large cluster."""

import json
import time
from statistics import median

import pytest

from shoal.drivers.network.namespace import inside, make_namespace, own_namespace
from shoal.drivers.network.nftables import Nftables
from shoal.lifecycle.network.firewall import change_text
from shoal.lifecycle.overlay import firewall
from shoal.lifecycle.overlay.networks import with_gateways
from shoal.model.cluster.assignment import OverlayState, Peer, ServiceRoute, TaskEndpoint
from shoal.model.cluster.cluster import ClusterNetwork
from shoal.model.cluster.service import VirtualAddress
from shoal.model.cluster.task import Address
from shoal.model.network import Ipam, NetworkSpec, Pool
from tests.support.engine import wait_for
from tests.support.hosts import Place
from tests.support.overlay import Plan

SECONDS = "1"
FEWEST, MOST = 5, 25  #: pairs of runs


def throughput(place: Place, address: str, port: int) -> float:
    """Gbit/s of one TCP connection, as the receiver sees it."""
    argv = ["iperf3", "-J", "-t", SECONDS, "-c", address, "-p", str(port)]

    def run() -> str:
        done = place.exec(*argv, check=False)
        return done.stdout if done.returncode == 0 else ""

    told = wait_for("the server is done with the client before", run, 30)
    return float(json.loads(told)["end"]["sum_received"]["bits_per_second"]) / 1e9


def test_the_mesh_carries_as_much_as_a_direct_connection(plan: Plan) -> None:
    """A published port against the same task's port published on its own node (mode host), both from outside.

    Others use this machine too, and take from one run what they leave to the next. So runs are compared in pairs, one
    right after the other, each way first in turn; while half of the pairs speak against the mesh, more are asked.
    """
    route = plan.service("web", ports=[(5201, 5201)])
    two = plan.hosts[1]
    task = plan.run(two, route, "sleep", "1000", host_config={"PortBindings": {"5201/tcp": [{"HostPort": "5301"}]}})
    inner = two.engine.call("GET", f"/containers/{task.task_name}/json")[1]["State"]["Pid"]
    server = two.spawn("nsenter", f"--net=/proc/{inner}/ns/net", "iperf3", "-s")
    wait_for(
        "iperf3 listens", lambda: ":5201" in two.exec("nsenter", f"--net=/proc/{inner}/ns/net", "ss", "-tln").stdout
    )
    ports = {"direct": 5301, "mesh": 5201}
    ratios: list[float] = []
    while len(ratios) < FEWEST or (median(ratios) < 0.9 and len(ratios) < MOST):
        order = sorted(ports, reverse=len(ratios) % 2 == 0)
        rate = {way: throughput(plan.farm.outside, two.address, ports[way]) for way in order}
        ratios.append(rate["mesh"] / rate["direct"])
    print(f"mesh to direct {median(ratios):.2f}, of {len(ratios)} pairs")
    server.kill()
    server.wait()
    assert median(ratios) >= 0.9, ratios


def _large(tasks: int) -> OverlayState:
    """A service a task: as many virtual addresses as tasks."""
    spec = NetworkSpec(name="net", driver="overlay", ipam=Ipam(config=(Pool(subnet="10.0.0.0/8"),)))
    networks = {"net": ClusterNetwork(id="net", spec=spec, created_at=1)}
    services, endpoints = {}, {}
    for i in range(tasks):
        vip = VirtualAddress(network_id="net", ipv4=f"10.1.{i >> 8}.{i & 255}")
        services[f"s{i}"] = ServiceRoute(service_id=f"s{i}", name=f"s{i}", vips=(vip,), networks=("net",))
        endpoints[f"t{i}"] = TaskEndpoint(
            task_id=f"t{i}",
            task_name=f"s{i}.1.t{i}",
            service_id=f"s{i}",
            node_id=f"n{i % 2}",
            slot=1,
            addresses=(Address(network_id="net", ipv4=f"10.2.{i >> 8}.{i & 255}"),),
        )
    own, peer = (Peer(node_id=f"n{i}", number=i + 1, address=f"192.0.2.{i + 1}") for i in range(2))
    return with_gateways(
        OverlayState(own=own, peers={"n1": peer}, networks=networks, services=services, endpoints=endpoints)
    )


@pytest.mark.parametrize("tasks", [5000])
def test_one_change_among_5000_takes_a_moment(tasks: int) -> None:
    """CPU time: what is taken away waits until the kernel is done with it, some 10 ms."""
    state = _large(tasks)
    content = firewall.wanted_elements(state, {"net": "br0"})
    machine = own_namespace()
    namespace = make_namespace(machine, lambda descriptor: descriptor)
    nftables = Nftables()
    with inside(namespace, machine):
        nftables.run(firewall.whole_text(firewall.Frame(table="t", prefix="br"), content, 16))
        took = []
        for i in range(20):
            new = [
                firewall.Element("ip", "reachable", f"10.3.0.{i}"),
                firewall.Element("ip", "vip_backends", f"10.1.0.{i} . 1 : 10.3.0.{i}"),
            ]
            gone = [firewall.Element("ip", "vips", f'"br0" . 10.1.0.{i} : goto vip_1')]
            new.append(firewall.Element("ip", "vips", f'"br0" . 10.1.0.{i} : goto vip_2'))
            start = time.thread_time()
            nftables.run(change_text("t", gone, new))
            took.append(time.thread_time() - start)
    print(f"one task more: {median(took) * 1000:.2f} ms of CPU")
    assert median(took) < 0.003, took
