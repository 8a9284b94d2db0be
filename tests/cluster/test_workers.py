"""One manager and two workers: work on all of them, and what happens when one is gone and comes back."""

from collections.abc import Iterator

import pytest

from tests.support import clusters
from tests.support.clusters import containers, create_service, hostnames, node_state, wait_running, within
from tests.support.hosts import Farm, Place, hosts


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(3) as farm:
        clusters.found(farm[0], farm[1:])
        yield farm


@pytest.fixture(autouse=True)
def clean(farm: Farm) -> Iterator[None]:
    yield
    clusters.remove_services(farm[0])


def test_every_host_is_a_node_and_gets_tasks(farm: Farm):
    one, two, three = farm
    assert {name: node["Status"] for name, node in clusters.nodes(one).items()} == {
        host.name: {"State": "ready", "Addr": host.address} for host in farm
    }
    create_service(one, "web", 6)
    tasks = wait_running(one, "web", 6)
    assert hostnames(one, tasks) == [name for name in ("host1", "host2", "host3") for _ in range(2)]
    assert [len(containers(host)) for host in farm] == [2, 2, 2]
    for worker in (two, three):
        status, answer = worker.engine.call("GET", "/services")
        assert status == 503 and "Worker nodes can't be used to view or modify cluster state" in answer["message"]


def test_a_dead_host_is_noticed_and_its_tasks_run_elsewhere_and_are_stopped_on_its_return(farm: Farm):
    one, two, three = farm
    create_service(one, "web", 3)
    wait_running(one, "web", 3)
    stale = containers(three)
    assert len(stale) == 1
    farm.cut(three)
    within(10, "the dead node is noticed", lambda: node_state(one, three) == "down")
    within(2, "its task runs elsewhere", lambda: len([t for t in clusters.running(one, "web") if t["NodeID"]]) == 3)
    assert hostnames(one, clusters.running(one, "web")).count("host3") == 0
    assert containers(three) == stale  # who is cut off keeps what it has
    farm.heal(three)
    within(3, "the node is back", lambda: node_state(one, three) == "ready")
    within(3, "what was replaced meanwhile is stopped", lambda: not stale & containers(three))
    assert len(containers(one) | containers(two)) == 3


def test_an_engine_that_is_killed_comes_back_to_its_tasks(farm: Farm):
    one, two, _three = farm
    create_service(one, "web", 3)
    before = wait_running(one, "web", 3)
    kept = containers(two)
    two.engine.kill()
    two.engine.start()
    within(3, "the node has a session again", lambda: node_state(one, two) == "ready")
    assert containers(two) == kept
    assert {task["ID"] for task in clusters.running(one, "web")} == {task["ID"] for task in before}


def test_the_manager_s_engine_is_killed_and_nothing_stops(farm: Farm):
    one, two, three = farm
    create_service(one, "web", 3)
    before = wait_running(one, "web", 3)
    kept = [containers(host) for host in farm]
    one.engine.kill()
    assert [containers(host) for host in (two, three)] == kept[1:]
    one.engine.start()
    for host in farm:
        within(4, f"{host.name} is ready", lambda host=host: node_state(one, host) == "ready")
    assert [containers(host) for host in farm] == kept
    assert {task["ID"] for task in clusters.running(one, "web")} == {task["ID"] for task in before}
    create_service(one, "more", 3)
    wait_running(one, "more", 3)


def test_a_node_that_was_removed_is_refused_until_it_joins_anew(farm: Farm):
    one, _two, three = farm
    identity = clusters.nodes(one)["host3"]["ID"]
    create_service(one, "web", 3)
    wait_running(one, "web", 3)
    status, answer = one.engine.call("DELETE", f"/nodes/{identity}")
    assert status == 400 and "is not down and can't be removed" in answer["message"]
    assert one.engine.call("DELETE", f"/nodes/{identity}?force=1")[0] == 200
    within(5, "it is told", lambda: clusters.swarm_info(three)["LocalNodeState"] == "error")
    assert "not a member" in clusters.swarm_info(three)["Error"]
    wait_running(one, "web", 3)
    assert three.engine.call("POST", "/swarm/leave")[0] == 200
    assert containers(three) == set()
    clusters.join(three, one)
    within(3, "it is a node again", lambda: node_state(one, three) == "ready")
    assert clusters.nodes(one)["host3"]["ID"] != identity


def test_a_port_on_one_ipv6_address_is_answered_there_alone_wherever_the_task_is(farm: Farm):
    one, two, three = farm
    port = {"TargetPort": 80, "PublishedPort": 8090, "HostIP": two.address6}
    serve = ["sh", "-c", "mkdir /www; hostname > /www/index.html; exec httpd -f -p 80 -h /www"]
    task = {
        "ContainerSpec": {"Image": "busybox", "Command": serve, "Init": True},
        "Placement": {"Constraints": ["node.hostname==host3"]},
    }
    body = {"Name": "web", "TaskTemplate": task, "EndpointSpec": {"Ports": [port]}}
    assert one.engine.call("POST", "/services/create", body)[0] == 201
    wait_running(one, "web", 1)

    def answers(place: Place, address: str) -> bool:
        return place.exec("curl", "-s", "-g", "-m", "2", f"http://{address}:8090/", check=False).returncode == 0

    within(5, "it answers who is outside", lambda: answers(farm.outside, f"[{two.address6}]"))
    within(5, "it answers the node itself", lambda: answers(two, f"[{two.address6}]"))
    closed = [two.address, one.address, f"[{one.address6}]", f"[{three.address6}]"]
    assert not [address for address in closed if answers(farm.outside, address)]
    clusters.remove_services(one)
    within(5, "it is closed", lambda: not answers(farm.outside, f"[{two.address6}]"))
