"""Containers on one overlay network, wherever they are: by address, by name, by the service's virtual address."""

import json

from tests.support.overlay import Plan, asked, telling

SLEEP = ("sleep", "1000")


def test_addresses_names_and_virtual_addresses(plan: Plan) -> None:
    net = plan.network("net1", "10.1.0.0/16", "fd11::/64")
    _, tasks = plan.web(3, net)
    route = plan.services["service-web"]
    for caller in tasks:
        for other in tasks:
            address = other.addresses[0]
            for text in (address.ipv4, f"[{address.ipv6}]"):
                told = plan.asked_by(caller, 1, f"http://{text}:80")
                assert told[0]["name"] == other.task_name.rpartition(".")[0]
            by_name = plan.asked_by(caller, 1, f"http://{other.task_name}:80")
            assert by_name[0]["name"] == other.task_name.rpartition(".")[0]
        for name in ("web", "web.net1", f"[{route.vips[0].ipv6}]", route.vips[0].ipv4):
            told = plan.asked_by(caller, 40, f"http://{name}:80")
            assert {t.get("name") for t in told} == {"web.1", "web.2", "web.3"}, (name, told)
        # Who called is seen, but for a task that is led to itself.
        own = {caller.addresses[0].ipv4, "10.1.0.1"}
        assert {t["peer"] for t in plan.asked_by(caller, 40, f"http://{route.vips[0].ipv4}:80")} <= own
    asks = "import socket; print(sorted({a[4][0] for a in socket.getaddrinfo('%s', 80, socket.AF_INET)}))"
    found = plan.inside(tasks[0], "python3", "-c", asks % "tasks.web")
    assert found.strip() == str(sorted(t.addresses[0].ipv4 for t in tasks))
    assert plan.inside(tasks[0], "python3", "-c", asks % "web").strip() == str([route.vips[0].ipv4])


def test_every_port_and_protocol_of_a_virtual_address(plan: Plan) -> None:
    net = plan.network("net1", "10.1.0.0/16")
    route, tasks = plan.web(2, net)
    vip = route.vips[0].ipv4
    told = plan.asked_by(tasks[0], "--udp", 40, vip, 80)
    assert {t.get("name") for t in told} == {"web.1", "web.2"}
    busybox = plan.run(plan.hosts[2], plan.service("shell", net), *SLEEP)
    assert "0% packet loss" in plan.inside(busybox, "ping", "-c2", "-W2", vip)
    refused = plan.asked_by(tasks[0], 1, f"http://{vip}:81")
    assert "refused" in refused[0]["error"]


def test_dnsrr_names_tasks_and_has_no_virtual_address(plan: Plan) -> None:
    net = plan.network("net1", "10.1.0.0/16")
    _, tasks = plan.web(3, net, mode="dnsrr")
    shell = plan.run(plan.hosts[0], plan.service("shell", net), *SLEEP)
    addresses = {t.addresses[0].ipv4 for t in tasks}
    for name in ("web", "tasks.web"):
        orders = [plan.inside(shell, "nslookup", "-type=a", name).split("Address: ")[1:] for _ in range(12)]
        found = [[text.split()[0] for text in order] for order in orders]
        assert all(set(order) == addresses for order in found)
        assert {order[0] for order in found} == addresses, "no task is always the first"


def test_packets_are_as_long_as_fits_and_longer_ones_get_through(plan: Plan) -> None:
    """The uplink takes 1500 bytes, the tunnel's header 50 of them. No black hole: not for TCP, not for datagrams."""
    net = plan.network("net1", "10.1.0.0/16")
    shells = plan.service("shell", net)
    one, two = (plan.run(host, shells, *SLEEP) for host in plan.hosts[:2])
    there = two.addresses[0].ipv4
    assert "mtu 1450" in plan.inside(one, "ip", "link", "show", "eth0")
    for size in (56, 1422, 1423, 8000):
        assert " 0% packet loss" in plan.inside(one, "ping", "-c2", "-W2", "-s", str(size), there)
    _, tasks = plan.web(2, net, ports=[(8080, 80)])
    got = plan.inside(tasks[0], "python3", "-c", _FETCH, tasks[1].addresses[0].ipv4)
    assert json.loads(got) == 3_000_000
    for host in plan.hosts:
        done = plan.farm.outside.exec("curl", "-s", "-m", "20", f"http://{host.address}:8080/big/3000000")
        assert len(done.stdout) == 3_000_000


_FETCH = """
import sys, urllib.request
print(len(urllib.request.urlopen(f"http://{sys.argv[1]}/big/3000000", timeout=20).read()))
"""


def test_networks_are_shut_to_each_other(plan: Plan) -> None:
    net1 = plan.network("net1", "10.1.0.0/16")
    net2 = plan.network("net2", "10.2.0.0/16")
    _, tasks = plan.web(2, net1)
    stranger = plan.run(plan.hosts[0], plan.service("shell", net2), *SLEEP)
    local, remote = (t.addresses[0].ipv4 for t in tasks)
    vip = plan.services["service-web"].vips[0].ipv4
    for address in (local, remote, vip):
        assert "100% packet loss" in plan.inside(stranger, "ping", "-c1", "-W1", address, check=False)
    assert vip not in plan.inside(stranger, "nslookup", "web", check=False)
    # nor does the node's own network lead in, unless a port is published
    for target in (local, remote, vip):
        plan.farm.outside.ip(f"route replace 10.1.0.0/16 via {plan.hosts[0].address}")
        try:
            assert plan.farm.outside.exec("curl", "-sm1", f"http://{target}", check=False).returncode != 0
        finally:
            plan.farm.outside.ip("route del 10.1.0.0/16")
    bystander = plan.hosts[0].engine.docker("run", "-d", "--rm", "busybox", *SLEEP).stdout.strip()
    for address in (local, remote):
        done = plan.hosts[0].engine.docker("exec", bystander, "ping", "-c1", "-W1", address, check=False)
        assert "100% packet loss" in done.stdout
    plan.hosts[0].engine.docker("kill", bystander)


def test_internal_networks_lead_nowhere_else(plan: Plan) -> None:
    open_net = plan.network("net1", "10.1.0.0/16")
    shut = plan.network("net2", "10.2.0.0/16", internal=True)
    outs, ins = plan.service("outs", open_net), plan.service("ins", shut)
    free = [plan.run(host, outs, *SLEEP) for host in plan.hosts[:2]]
    bound = [plan.run(host, ins, *SLEEP) for host in plan.hosts[:2]]
    outside = plan.farm.outside.address
    for task in free:
        assert " 0% packet loss" in plan.inside(task, "ping", "-c1", "-W2", outside)
    assert " 0% packet loss" in plan.inside(bound[0], "ping", "-c1", "-W2", bound[1].addresses[0].ipv4)
    assert "default" not in plan.inside(bound[0], "ip", "route")
    for target in (outside, *(host.address for host in plan.hosts[:2]), "10.2.0.1", free[0].addresses[0].ipv4):
        said = plan.inside(bound[0], "ping", "-c1", "-W1", target, check=False)
        assert "100% packet loss" in said or "unreachable" in said
    for task, is_reached in ((free[0], True), (bound[0], False)):
        pinged = plan.hosts[0].exec("busybox", "ping", "-c1", "-W1", task.addresses[0].ipv4, check=False)
        assert (pinged.returncode == 0) == is_reached, "nor does the node itself get in"


def test_a_nodes_own_published_port_leads_to_a_task(plan: Plan) -> None:
    """Ports of mode host: only this node has it, and its own 127.0.0.1 reaches it too."""
    net = plan.network("net1", "10.1.0.0/16")
    route = plan.service("web", net)
    one, two, _ = plan.hosts
    endpoint = plan.task(one, route)
    plan.tell()
    plan.start(
        one,
        endpoint,
        *telling("web.1"),
        image="python:alpine",
        host_config={"PortBindings": {"80/tcp": [{"HostPort": "9090"}]}},
        ExposedPorts={"80/tcp": {}},
    )
    url = f"http://{one.address}:9090"
    plan.farm.outside.exec("curl", "-s", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", url)
    assert asked(plan.farm.outside, 3, url)[2] | {"port": 0} == {"name": "web.1", "peer": "10.213.0.254", "port": 0}
    assert asked(one, 1, "http://127.0.0.1:9090")[0]["name"] == "web.1"
    assert asked(one, 1, "http://[::1]:9090")[0]["name"] == "web.1"
    assert "error" in asked(plan.farm.outside, 1, f"http://{two.address}:9090")[0]


def test_only_peers_send_into_the_tunnel(plan: Plan) -> None:
    """Somebody beside the nodes who knows every number gets no packet to a container."""
    net = plan.network("net1", "10.1.0.0/16")
    shell = plan.run(plan.hosts[0], plan.service("shell", net), *SLEEP)
    one, outside = plan.hosts[0], plan.farm.outside
    device = json.loads(one.exec("ip", "-j", "-d", "link", "show", "type", "vxlan").stdout)[0]
    vni, mac = device["linkinfo"]["info_data"]["id"], device["address"]
    outside.ip(
        f"link add forged type vxlan id {vni} dstport 4789 local {outside.address} nolearning",
        "link set forged address 02:53:68:00:00:02",
        "addr add 10.1.200.200/32 dev forged",
        "link set forged up",
        f"route add {shell.addresses[0].ipv4}/32 dev forged",
        f"neigh add {shell.addresses[0].ipv4} lladdr {mac} dev forged",
    )
    try:
        outside.exec("bridge", "fdb", "append", mac, "dev", "forged", "dst", one.address)
        outside.exec("busybox", "ping", "-c2", "-W1", shell.addresses[0].ipv4, check=False)
        inside = plan.inside(shell, "cat", "/proc/net/snmp")
        received = [line.split() for line in inside.splitlines() if line.startswith("Icmp:")]
        echoes = dict(zip(*received, strict=True))["InEchos"]
        assert echoes == "0"
    finally:
        outside.ip("link del forged")


def test_a_task_on_two_networks_has_its_name_on_both(plan: Plan) -> None:
    nets = [plan.network(f"net{i}", f"10.{i}.0.0/16") for i in (1, 2)]
    plan.web(1, *nets)
    for net in nets:
        shell = plan.run(plan.hosts[1], plan.service(f"shell-{net.spec.name}", net), *SLEEP)
        found = plan.inside(shell, "nslookup", "tasks.web")
        assert f"Address: {net.spec.ipam.config[0].subnet.split('.0.0/')[0]}." in found


def test_containers_attached_by_hand(plan: Plan) -> None:
    """They have addresses of their node's own, reach every task, and are reached and named on their node."""
    net = plan.network("net1", "10.1.0.0/16", attachable=True)
    plan.network("net2", "10.2.0.0/16")
    _, tasks = plan.web(3, net)
    addresses = set()
    for host in plan.hosts:
        done = host.engine.docker("run", "-d", "--name", "guest", "--network", "net1", "busybox", *SLEEP)
        guest = done.stdout.strip()
        addresses.add(
            host.engine.call("GET", f"/containers/{guest}/json")[1]["NetworkSettings"]["Networks"]["net1"]["IPAddress"]
        )
        for task in tasks:
            ping = ("exec", "guest", "ping", "-c1", "-W2", task.task_name)
            assert " 0% packet loss" in host.engine.docker(*ping).stdout
        vip = plan.services["service-web"].vips[0].ipv4
        assert vip in host.engine.docker("exec", "guest", "nslookup", "web").stdout
        local = next(task for task in tasks if plan.host_of(task) is host)
        assert "refused" in plan.asked_by(local, 1, "http://guest:80")[0]["error"]
    assert len(addresses) == 3
    for host in plan.hosts:
        refused = host.engine.docker("run", "--rm", "--network", "net2", "busybox", "true", check=False)
        assert refused.returncode == 125 and "network net2 not manually attachable" in refused.stderr
        host.engine.docker("rm", "-f", "guest")
