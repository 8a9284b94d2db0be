"""Tasks come and go, nodes are cut off, engines are killed: who asks notices nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.support.deadlines import patient
from tests.support.engine import wait_for
from tests.support.hosts import Place
from tests.support.overlay import CLIENT, Plan, ask, asked

SLEEP = ("sleep", "1000")


class Load:
    """Connections kept alive that ask all the time, for a while."""

    def __init__(self, place: Place, url: str, seconds: float, connections: int = 8) -> None:
        argv = (sys.executable, CLIENT, "--keep", str(seconds), str(connections), url)
        self._process = place.spawn(*argv, stdout=subprocess.PIPE)

    def result(self) -> dict[str, object]:
        out, _ = self._process.communicate(timeout=patient(60))
        found: dict[str, object] = json.loads(out)
        assert int(str(found["asked"])) > 500
        return found


def test_a_task_is_replaced_under_load(plan: Plan) -> None:
    """Taken out, drained, stopped: no request fails, on kept connections and on fresh ones."""
    route, tasks = plan.web(3, ports=[(8080, 80)])
    loads = [Load(plan.farm.outside, f"http://{host.address}:8080", 8) for host in plan.hosts]
    stop_fresh = time.monotonic() + 6
    fresh: list[dict[str, object]] = []
    for old in tasks[:2]:
        fresh += asked(plan.farm.outside, 50, *(f"http://{host.address}:8080" for host in plan.hosts))
        host = plan.host_of(old)
        plan.telling(route, host)
        plan.drain(old)
        assert not ask(host, op="drained", task=old.task_id, deadline=0.3), "kept connections are still there"
        host.engine.docker("stop", old.task_name)  # its program ends each connection in good order
        assert ask(host, op="drained", task=old.task_id, deadline=5)
        plan.remove(old)
    while time.monotonic() < stop_fresh:
        fresh += asked(plan.farm.outside, 50, *(f"http://{host.address}:8080" for host in plan.hosts))
    for load in loads:
        found = load.result()
        assert found["failed"] == 0, found
    assert all("error" not in told for told in fresh)
    assert asked(plan.farm.outside, 60, f"http://{plan.hosts[0].address}:8080")
    names = {t["name"] for t in asked(plan.farm.outside, 60, f"http://{plan.hosts[0].address}:8080")}
    assert names == {t.task_name.rpartition(".")[0] for t in plan.endpoints.values()}


def test_a_task_that_drains_keeps_its_connections_and_loses_its_names(plan: Plan) -> None:
    net = plan.network("net1", "10.1.0.0/16")
    _, tasks = plan.web(2, net)
    shell = plan.run(plan.hosts[2], plan.service("shell", net), *SLEEP)
    first, second = (t.addresses[0].ipv4 for t in tasks)
    plan.drain(tasks[0])
    for name in ("tasks.web", tasks[0].task_name):
        assert first not in plan.inside(shell, "nslookup", name, check=False)
    assert second in plan.inside(shell, "nslookup", "tasks.web")
    told = plan.asked_by(tasks[1], 30, "http://web:80")
    assert {t["name"] for t in told} == {"web.2"}
    assert plan.asked_by(tasks[1], 1, f"http://{first}:80")[0]["name"] == "web.1"


def test_datagrams_go_to_another_task_at_once(plan: Plan) -> None:
    """A client that keeps sending from one port is not stuck to the task that is gone."""
    route = plan.service("web", ports=[(5353, 80, "udp")])
    old = plan.telling(route, plan.hosts[0])
    script = """
import json, socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.settimeout(1)
    sock.connect((sys.argv[1], 5353))
    for line in sys.stdin:
        sock.send(b"?")
        try:
            print(json.loads(sock.recv(1000))["name"], flush=True)
        except OSError as error:
            print(error, flush=True)
"""
    with plan.farm.outside.entered():
        client = subprocess.Popen(
            [sys.executable, "-c", script, plan.hosts[1].address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    with client:
        assert client.stdin is not None and client.stdout is not None

        def answer() -> str:
            assert client.stdin is not None and client.stdout is not None
            client.stdin.write("\n")
            client.stdin.flush()
            return client.stdout.readline().strip()

        assert answer() == "web.1"
        plan.telling(route, plan.hosts[2])
        plan.remove(old)
        assert answer() == "web.2"
        client.stdin.close()


def test_connections_to_a_task_that_died_end_at_once(plan: Plan) -> None:
    """They are refused, not left hanging."""
    net = plan.network("net1", "10.1.0.0/16")
    _, tasks = plan.web(2, net)
    gone = tasks[1].addresses[0].ipv4
    plan.remove(tasks[1])
    start = time.monotonic()
    assert "refused" in plan.asked_by(tasks[0], 1, f"http://{gone}:80")[0]["error"]
    assert time.monotonic() - start < patient(3)


def test_an_engine_killed_loses_nothing(plan: Plan) -> None:
    """kill -9 on a node with tasks: no request fails, names resolve, and the next engine goes on from there."""
    net = plan.network("net1", "10.1.0.0/16")
    route, tasks = plan.web(3, net, ports=[(8080, 80)])
    one = plan.hosts[0]
    vip = route.vips[0].ipv4
    load = Load(plan.farm.outside, f"http://{one.address}:8080", 6)
    inner = one.exec("docker", "inspect", "-f", "{{.State.Pid}}", tasks[0].task_name, env=one.engine.env).stdout.strip()
    one.engine.kill()
    by_name = ("nsenter", f"--net=/proc/{inner}/ns/net", sys.executable, CLIENT, "40", f"http://{vip}:80")
    told = [json.loads(line) for line in one.exec(*by_name).stdout.splitlines()]
    assert {t.get("name") for t in told} == {"web.1", "web.2", "web.3"}
    one.engine.start()
    before = one.exec("ip", "route").stdout, one.exec("ip", "rule").stdout
    plan.tell(one)
    assert (one.exec("ip", "route").stdout, one.exec("ip", "rule").stdout) == before
    fresh = plan.telling(route, plan.hosts[1])
    told = plan.asked_by(tasks[0], 60, "http://web:80")
    assert fresh.task_name.rpartition(".")[0] in {t.get("name") for t in told}
    found = load.result()
    assert found["failed"] == 0, found


def test_a_node_that_was_cut_off_serves_on(plan: Plan) -> None:
    _, tasks = plan.web(2, ports=[(8080, 80)])
    one, two, _ = plan.hosts
    plan.farm.cut(two)
    plan.down.add(two.name)
    plan.tell(one)
    told = asked(plan.farm.outside, 30, f"http://{one.address}:8080")
    assert Counter(t.get("name") for t in told) == {"web.1": 30}, "a node that is down gets no new connections"
    pings = [two.exec("curl", "-sm2", "http://127.0.0.1:8080", check=False).stdout for _ in range(12)]
    assert any("web.2" in text for text in pings), "its own task answers on"
    plan.farm.heal(two)
    plan.down.clear()
    plan.tell()
    wait_for(
        "both answer on both",
        lambda: all(
            len({t.get("name") for t in asked(plan.farm.outside, 20, f"http://{host.address}:8080")}) == 2
            for host in (one, two)
        ),
        10,
    )
    assert tasks[1].task_id in plan.endpoints


def test_what_others_take_away_comes_back(plan: Plan) -> None:
    """Somebody flushes the firewall, netd dies: names, ports and balancing are back within a moment."""
    net = plan.network("net1", "10.1.0.0/16")
    _, tasks = plan.web(2, net, ports=[(8080, 80)])
    one = plan.hosts[0]
    one.exec("nft", "flush", "ruleset")

    def serves() -> bool:
        told = asked(plan.farm.outside, 10, f"http://{one.address}:8080")
        return {t.get("name") for t in told} == {"web.1", "web.2"}

    wait_for("the mesh is back", serves, 10)
    (netd,) = [p for p in one.processes() if "shoal.drivers.netd" in Path(f"/proc/{p}/cmdline").read_text()]
    os.kill(netd, signal.SIGKILL)

    def resolves() -> bool:
        told = plan.asked_by(tasks[0], 1, "http://tasks.web:80")
        return "name" in told[0]

    wait_for("names are back", resolves, 10)
    assert asked(one, 1, "http://[::1]:8080")[0].get("name")


def test_leaving_takes_everything_away(plan: Plan) -> None:
    net = plan.network("net1", "10.1.0.0/16", "fd11::/64")
    route = plan.service("web", net, ports=[(8080, 80)])
    plan.telling(route, plan.hosts[1])
    one = plan.hosts[0]
    names = [n["Name"] for n in one.engine.call("GET", "/networks")[1]]
    assert {"net1", "ingress"} <= set(names)
    shown = one.engine.call("GET", "/networks/net1")[1]
    assert (shown["Driver"], shown["Scope"], shown["IPAM"]["Config"][0]["Gateway"]) == ("overlay", "swarm", "10.1.0.1")
    assert one.engine.call("GET", "/networks/ingress")[1]["Ingress"] is True
    ask(one, op="leave")

    def seen() -> str:
        looks = (["ip", "rule"], ["ip", "-6", "rule"], ["ip", "-j", "link"], ["nft", "list", "tables"])
        routes = (["ip", "route", "show", "table", "all"], ["ip", "-6", "route", "show", "table", "all"])
        return "\n".join(one.exec(*argv).stdout for argv in (*looks, *routes))

    def nothing_left() -> bool:
        text = seen()
        return not any(word in text for word in ("0x5000", "goto", "vxlan", "-vx", "_overlay", "10.1.0", "169.254"))

    wait_for(f"nothing is left, but {seen()}", nothing_left, 5)
    assert {n["Name"] for n in one.engine.call("GET", "/networks")[1]} == {"bridge", "host", "none"}
    assert "refused" in asked(plan.farm.outside, 1, f"http://{one.address}:8080")[0]["error"]
    ask(one, op="leave")
    plan.tell()
    assert asked(plan.farm.outside, 1, f"http://{one.address}:8080")[0]["name"] == "web.1"
