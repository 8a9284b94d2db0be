"""Managers that are demoted and promoted again, also while they lead, and while they are away."""

import time
from collections.abc import Iterator

import pytest

from tests.support import clusters
from tests.support.clusters import create_service, leader, nodes, swarm_info, update_node, wait_running, within
from tests.support.hosts import Farm, Host, hosts


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(3) as farm:
        clusters.found(farm[0], managers=farm[1:])
        create_service(farm[0], "web", 6)
        wait_running(farm[0], "web", 6)
        yield farm


def is_in_the_store(manager: Host, host: Host) -> bool:
    return "ManagerStatus" in nodes(manager)[host.name]


def is_manager(host: Host) -> bool:
    return bool(swarm_info(host)["ControlAvailable"] and nodes(host) and is_in_the_store(host, host))


def leading(managers: list[Host]) -> Host:
    within(15, "somebody leads", lambda: leader(managers))
    return next(host for host in managers if host.name == leader(managers))


def demote(managers: list[Host], host: Host) -> None:
    """It is a worker and out of the store, and the others write again."""
    others = [manager for manager in managers if manager is not host]
    update_node(others[0], host, Role="worker")
    within(10, f"{host.name} is out of the store", lambda: not is_in_the_store(others[0], host))
    within(10, f"{host.name} is a worker", lambda: not swarm_info(host)["ControlAvailable"])
    within(10, "another one leads", lambda: leader(others) in [other.name for other in others])
    within(10, "all are there", lambda: all(clusters.node_state(others[0], each) == "ready" for each in managers))


def promote(managers: list[Host], host: Host) -> None:
    other = next(manager for manager in managers if manager is not host)
    update_node(other, host, Role="manager")
    within(20, f"{host.name} is a manager", lambda: is_manager(host))


def test_a_leader_hands_over_and_comes_back(farm: Farm):
    """Three times: whoever leads next has not been there for long. No task stops."""
    managers = list(farm)
    kept = [clusters.containers(host) for host in farm]
    for _ in range(3):
        host = leading(managers)
        demote(managers, host)
        promote(managers, host)
    assert [clusters.containers(host) for host in farm] == kept


def test_of_two_managers_the_leader_hands_over(farm: Farm):
    one, two, three = farm
    kept = [clusters.containers(host) for host in farm]
    demote(list(farm), three)
    for _ in range(2):
        host = leading([one, two])
        demote([one, two], host)
        promote([one, two], host)
    promote(list(farm), three)
    assert [clusters.containers(host) for host in farm] == kept


def test_who_was_demoted_and_promoted_while_away_begins_anew(farm: Farm):
    one, two, three = farm
    three.engine.kill()
    within(12, "it is down", lambda: clusters.node_state(one, three) == "down")
    update_node(one, three, Role="worker")
    within(20, "it is out of the store", lambda: not is_in_the_store(one, three))
    update_node(two, three, Role="manager")
    three.engine.start()
    within(30, "it is a manager", lambda: is_manager(three))
    began = time.monotonic()
    create_service(three, "of-three", 2)
    wait_running(one, "of-three", 2)
    assert time.monotonic() - began < 15


def test_no_manager_is_demoted_that_the_others_need(farm: Farm):
    one, _two, three = farm
    within(10, "all are managers", lambda: all(is_in_the_store(one, host) for host in farm))
    three.engine.kill()
    within(12, "it is down", lambda: clusters.node_state(one, three) == "down")
    done = one.shoal("node", "demote", "host2", check=False)
    assert done.returncode == 1 and "this would result in a loss of quorum" in done.stderr
    three.engine.start()
    within(20, "it is back", lambda: clusters.node_state(one, three) == "ready" and is_manager(three))
