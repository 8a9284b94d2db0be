"""The routing mesh: a published port answers on every node, and the task sees who called."""

from collections import Counter

from tests.support.overlay import Plan, ask, asked


def test_every_node_answers_and_tasks_see_the_callers_own_address(plan: Plan) -> None:
    """1,000 connections to each node, also the one without a task: every task is used, every caller is seen."""
    route = plan.service("web", ports=[(8080, 80)])
    for host in (plan.hosts[0], plan.hosts[1], plan.hosts[1]):
        plan.telling(route, host)
    outside = plan.farm.outside
    for host in plan.hosts:
        told = asked(outside, 1000, f"http://{host.address}:8080")
        assert Counter(t.get("peer") for t in told) == {outside.address: 1000}
        names = Counter(t["name"] for t in told)
        assert set(names) == {"web.1", "web.2", "web.3"}
        assert min(names.values()) > 333 - 4 * 15, "of 1,000 draws a third each: within 4 standard deviations"


def test_ipv6_too(plan: Plan) -> None:
    plan.web(2, ports=[(8080, 80)])
    outside = plan.farm.outside
    for host in plan.hosts:
        told = asked(outside, 200, f"http://[{host.address6}]:8080")
        assert Counter(t.get("peer") for t in told) == {outside.address6: 200}
        assert {t["name"] for t in told} == {"web.1", "web.2"}


def test_datagrams_too(plan: Plan) -> None:
    plan.web(2, ports=[(5353, 80, "udp")])
    outside = plan.farm.outside
    for host in plan.hosts:
        for address, own in ((host.address, outside.address), (host.address6, outside.address6)):
            told = asked(outside, "--udp", 50, address, 5353)
            assert Counter(t.get("peer") for t in told) == {own: 50}
            assert {t["name"] for t in told} == {"web.1", "web.2"}


def test_nodes_call_themselves_and_each_other(plan: Plan) -> None:
    """A program on a node keeps the node's address; what calls 127.0.0.1 is seen as the node."""
    plan.web(3, ports=[(8080, 80)])
    for host in plan.hosts:
        for other in plan.hosts:
            told = asked(host, 60, f"http://{other.address}:8080")
            assert Counter(t.get("peer") for t in told) == {host.address: 60}, f"{host.name} calls {other.name}"
            assert {t["name"] for t in told} == {"web.1", "web.2", "web.3"}
        for own in ("127.0.0.1", "[::1]"):
            told = asked(host, 60, f"http://{own}:8080")
            assert {t.get("name") for t in told} == {"web.1", "web.2", "web.3"}
            assert all(t["peer"].startswith(("169.254.", "10.0.0.1")) for t in told)


def test_one_local_port_and_two_nodes(plan: Plan) -> None:
    """A caller may use the same port of its own for two nodes at once; the one task tells them apart."""
    plan.web(1, ports=[(8080, 80)])
    first, *others = plan.hosts
    for local, trio in ((20001, [*others, first]), (20002, [first, *others])):  # below those that the kernel gives
        words = [word for host in trio for word in (host.address, 8080)]
        told = asked(plan.farm.outside, "--from", local, *words)
        assert Counter(t["peer"] for t in told) == {plan.farm.outside.address: 6}
        assert len({t["port"] for t in told}) == 3


def test_tasks_call_the_mesh_and_may_be_chosen_themselves(plan: Plan) -> None:
    net = plan.network("net1", "10.1.0.0/16")
    _, tasks = plan.web(2, net, ports=[(8080, 80)])
    for task in tasks:
        for host in plan.hosts:
            told = plan.asked_by(task, 30, f"http://{host.address}:8080")
            assert {t.get("name") for t in told} == {"web.1", "web.2"}, f"{task.task_name} calls {host.name}: {told}"


def test_a_port_that_nobody_serves_is_refused_at_once(plan: Plan) -> None:
    route = plan.service("web", ports=[(8080, 80)])
    plan.tell()
    for host in plan.hosts:
        for place, address in ((plan.farm.outside, host.address), (host, "127.0.0.1"), (host, host.address)):
            told = asked(place, 1, f"http://{address}:8080")
            assert "refused" in told[0]["error"], (place.name, told)
        for address in (host.address6, "::1"):
            place = host if address == "::1" else plan.farm.outside
            assert "error" in asked(place, 1, f"http://[{address}]:8080")[0]
    plan.telling(route, plan.hosts[0])
    assert asked(plan.hosts[2], 1, "http://127.0.0.1:8080")[0]["name"] == "web.1"


def test_a_port_is_kept_from_others_and_left_to_who_has_it(plan: Plan) -> None:
    one, two, _ = plan.hosts
    server = one.spawn("busybox", "httpd", "-f", "-p", "8080", "-h", "/tmp")
    try:
        plan.web(1, ports=[(8080, 80), (8081, 80)])
        assert asked(plan.farm.outside, 1, f"http://{two.address}:8080")[0]["name"] == "web.1"
        assert "404" in plan.farm.outside.exec("curl", "-sI", f"http://{one.address}:8080/none").stdout.split("\n")[0]
        assert asked(plan.farm.outside, 1, f"http://{one.address}:8081")[0]["name"] == "web.1"
    finally:
        server.kill()
        server.wait()
    refused = two.engine.docker("run", "--rm", "-p", "8080:80", "busybox", "true", check=False)
    assert refused.returncode == 125 and "8080" in refused.stderr
    plan.tell(one)
    assert asked(plan.farm.outside, 1, f"http://{one.address}:8080")[0]["name"] == "web.1"


def test_idle_connections_live_as_long_as_the_kernel_has_it(plan: Plan) -> None:
    """Docker's IPVS forgets them after 15 minutes; here the limit is conntrack's own, five days, and left alone."""
    plan.web(1, ports=[(8080, 80)])
    for host in plan.hosts:
        limit = host.exec("sysctl", "-n", "net.netfilter.nf_conntrack_tcp_timeout_established").stdout
        assert int(limit) == 432000
    ask(plan.hosts[0], op="leave")
    plan.tell()
