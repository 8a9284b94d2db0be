"""Containers outside services on an attachable network: addresses, names and ways of the whole cluster."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.support import clusters
from tests.support.clusters import nodes, within
from tests.support.engine import wait_for
from tests.support.hosts import Farm, Host, hosts

SUBNET = "10.77.0.0/24"


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(3) as farm:
        clusters.found(farm[0], farm[1:])
        yield farm


@pytest.fixture(autouse=True)
def network(farm: Farm) -> Iterator[None]:
    one = farm[0]
    one.docker("network", "create", "-d", "overlay", "--attachable", "--subnet", SUBNET, "ov")
    yield
    for host in farm:
        names = host.docker("ps", "-aq", "--filter", "name=by-hand").stdout.split()
        if names:
            host.docker("rm", "-f", *names)
    clusters.remove_services(one)
    for name in one.docker("network", "ls", "-q", "--filter", "driver=overlay", "--format", "{{.Name}}").stdout.split():
        if name != "ingress":
            within(
                10,
                f"{name} is unused",
                lambda name=name: one.docker("network", "rm", name, check=False).returncode == 0,
            )  # type: ignore[misc]


def run(host: Host, name: str, *flags: str, network: str = "ov", check: bool = True) -> Any:
    return host.docker(
        "run", "-d", "--name", f"by-hand-{name}", "--network", network, *flags, "busybox", "sleep", "900", check=check
    )


def address(host: Host, name: str, network: str = "ov") -> str:
    (found,) = json.loads(host.docker("inspect", f"by-hand-{name}").stdout)
    text: str = found["NetworkSettings"]["Networks"][network]["IPAddress"]
    return text


def reaches(host: Host, name: str, target: str) -> bool:
    return host.docker("exec", f"by-hand-{name}", "ping", "-c", "1", "-W", "1", target, check=False).returncode == 0


def test_containers_of_different_nodes_have_different_addresses_and_find_each_other_by_name(farm: Farm) -> None:
    for number, host in enumerate(farm):
        run(host, f"c{number}", "--network-alias", f"alias{number}")
    assert len({address(host, f"c{number}") for number, host in enumerate(farm)}) == 3
    for number, host in enumerate(farm):
        for other in range(3):
            for target in (f"by-hand-c{other}", f"alias{other}"):
                within(5, f"c{number} reaches {target}", partial(reaches, host, f"c{number}", target))


def test_a_fixed_address_belongs_to_one_container_of_the_cluster(farm: Farm) -> None:
    one, two, three = farm
    run(two, "first", "--ip", "10.77.0.200")
    assert address(two, "first") == "10.77.0.200"
    for host in farm:
        refused = run(host, "second", "--ip", "10.77.0.200", check=False)
        assert "Address already in use" in refused.stderr
        host.docker("rm", "-f", "by-hand-second")
    run(three, "third")
    within(5, "it is reached from elsewhere", partial(reaches, three, "third", "10.77.0.200"))
    two.docker("rm", "-f", "by-hand-first")
    within(
        5,
        "it is free again",
        lambda: (
            run(one, "second", "--ip", "10.77.0.200", check=False).returncode == 0
            or not one.docker("rm", "-f", "by-hand-second")
        ),
    )
    within(5, "the new one answers", partial(reaches, three, "third", "10.77.0.200"))


def test_addresses_of_tasks_virtual_ones_and_those_of_nobody_are_refused(farm: Farm) -> None:
    one, two, _three = farm
    clusters.create_service(one, "web", network="ov")
    (task,) = clusters.wait_running(one, "web", 1)
    (own,) = (item["Addresses"][0].partition("/")[0] for item in task["NetworksAttachments"])
    service = one.engine.call("GET", "/services/web")[1]
    (vip,) = (item["Addr"].partition("/")[0] for item in service["Endpoint"]["VirtualIPs"])
    for wanted in (own, vip, "10.77.0.1"):
        refused = run(two, "taken", "--ip", wanted, check=False)
        assert "Address already in use" in refused.stderr, refused.stderr
        two.docker("rm", "-f", "by-hand-taken")
    refused = run(two, "outside", "--ip", "10.78.0.5", check=False)
    assert "no configured subnet or ip-range contain the IP address 10.78.0.5" in refused.stderr


def test_a_network_that_only_services_use_takes_no_container_with_an_address_either(farm: Farm) -> None:
    one = farm[0]
    one.docker("network", "create", "-d", "overlay", "--subnet", "10.79.0.0/24", "shut")
    one.docker("network", "create", "-d", "overlay", "--attachable", "shown")
    clusters.create_service(one, "web", network="shut")
    (task,) = clusters.wait_running(one, "web", 1)
    (host,) = (host for host in farm if host.name == clusters.hostnames(one, [task])[0])
    for flags in ((), ("--ip", "10.79.0.99")):
        refused = run(host, "shut", *flags, network="shut", check=False)
        assert "network shut not manually attachable" in refused.stderr
        host.docker("rm", "-f", "by-hand-shut")


def test_a_worker_runs_a_container_on_a_network_that_was_made_just_now(farm: Farm) -> None:
    one, two, three = farm
    for turn in range(5):
        one.docker("network", "create", "-d", "overlay", "--attachable", f"new{turn}")
        for host in (two, three):
            run(host, f"new{turn}", network=f"new{turn}")


def test_a_network_that_is_removed_and_made_again_is_the_new_one_on_every_node(farm: Farm) -> None:
    one, two, three = farm
    for turn in range(5):
        one.docker("network", "create", "-d", "overlay", "--attachable", "again")
        for host in (two, three):
            run(host, f"again{turn}", network="again")
        for host in (two, three):
            host.docker("rm", "-f", f"by-hand-again{turn}")
        one.docker("network", "rm", "again")


def test_without_a_manager_a_container_gets_an_address_of_its_node_that_the_manager_is_told_of(farm: Farm) -> None:
    one, two, three = farm
    run(three, "caller")
    one.engine.kill()
    run(two, "alone")
    refused = run(two, "fixed", "--ip", "10.77.0.77", check=False)
    assert refused.returncode != 0 and "Address already in use" not in refused.stderr
    one.engine.start()
    wait_for(
        "both are back", lambda: [nodes(one)[h.name]["Status"]["State"] for h in (two, three)] == ["ready"] * 2, 30
    )
    within(10, "it is found by name", partial(reaches, three, "caller", "by-hand-alone"))
    refused = run(three, "same", "--ip", address(two, "alone"), check=False)
    assert "Address already in use" in refused.stderr


def test_an_engine_that_was_killed_keeps_and_frees_addresses(farm: Farm) -> None:
    _one, two, three = farm
    run(two, "kept", "--ip", "10.77.0.50")
    run(two, "ends", "--ip", "10.77.0.51")
    pid = int(two.docker("inspect", "-f", "{{.State.Pid}}", "by-hand-ends").stdout)
    two.engine.kill()
    two.exec("kill", "-9", str(pid))
    two.engine.start()
    wait_for("it is back", lambda: clusters.swarm_info(two)["LocalNodeState"] == "active")
    refused = run(three, "second", "--ip", "10.77.0.50", check=False)
    assert "Address already in use" in refused.stderr
    three.docker("rm", "-f", "by-hand-second")

    def is_free() -> bool:
        three.docker("rm", "-f", "by-hand-second", check=False)
        return bool(run(three, "second", "--ip", "10.77.0.51", check=False).returncode == 0)

    within(10, "that of the container that ended is free", is_free)


def test_a_network_with_a_container_on_another_node_is_not_removed(farm: Farm) -> None:
    one, two, _three = farm
    run(two, "user")
    refused = one.docker("network", "rm", "ov", check=False)
    assert "is in use by task" in refused.stderr
    two.docker("rm", "-f", "by-hand-user")
    within(5, "it can go", lambda: one.docker("network", "rm", "ov", check=False).returncode == 0)
