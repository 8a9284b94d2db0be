"""Managers: promoted in place, one killed, one lost for good and replaced, no quorum, a survivor, a lock."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import clusters
from tests.support.clusters import (
    containers,
    create_service,
    leader,
    nodes,
    running,
    swarm_info,
    update_node,
    wait_running,
    within,
)
from tests.support.engine import wait_for
from tests.support.hosts import Farm, Host, hosts


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(3) as farm:
        clusters.found(farm[0], farm[1:])
        yield farm


def is_manager(host: Host) -> bool:
    return bool(swarm_info(host)["ControlAvailable"])


def answers(host: Host) -> bool:
    return bool(nodes(host))


def test_the_second_and_third_manager_come_and_no_task_stops(farm: Farm):
    one, two, three = farm
    create_service(one, "web", 6)
    before = {task["ID"] for task in wait_running(one, "web", 6)}
    kept = [containers(host) for host in farm]
    for host in (two, three):
        update_node(one, host, Role="manager")
        within(20, f"{host.name} is a manager", lambda host=host: is_manager(host) and answers(host))
    for host in farm:
        wait_for("all know all", lambda host=host: swarm_info(host)["Managers"] == 3)
        assert {task["ID"] for task in running(host, "web")} == before
    assert [containers(host) for host in farm] == kept
    wait_for("the newest one knows who leads", lambda: leader([three]) == "host1")
    create_service(two, "from-two", 3)
    wait_running(three, "from-two", 3)


def test_the_leader_is_killed_and_another_one_leads(farm: Farm):
    one, two, three = farm
    farm.cut(one)
    began = time.monotonic()
    within(15, "another one leads", lambda: leader([two]) in ("host2", "host3"))
    assert time.monotonic() - began > 0.5  # it did lead
    create_service(two, "without-one", 4)
    within(20, "it runs on those that are left", lambda: len(running(three, "without-one")) == 4)
    status, answer = one.engine.call("POST", "/services/create", {"Name": "x", "TaskTemplate": {}}, timeout_s=30)
    assert status in (400, 503), answer
    farm.heal(one)
    within(20, "it follows", lambda: answers(one) and leader([one]) == leader([two]) != "")
    wait_for("it is ready", lambda: clusters.node_state(two, one) == "ready")
    wait_running(one, "without-one", 4)
    wait_for("what was replaced is stopped", lambda: sum(len(containers(host)) for host in farm) == 6 + 3 + 4)


def test_who_can_not_reach_the_leader_is_carried_by_another_manager(farm: Farm):
    leading = next(host for host in farm if host.name == leader(farm))
    apart, between = [host for host in farm if host is not leading]
    farm.part([apart], [leading])
    try:
        until = time.monotonic() + 9  # longer than a node may be silent
        wait_for("time has passed", lambda: time.monotonic() > until, 10)
        assert clusters.node_state(leading, apart) == "ready"
        kept = containers(apart)
        create_service(leading, "everywhere", Global={})
        wait_running(leading, "everywhere", 3)
        assert len(containers(apart) - kept) == 1
        assert clusters.node_state(between, apart) == "ready"
    finally:
        farm.rejoin()
    identity = next(s["ID"] for s in leading.engine.call("GET", "/services")[1] if s["Spec"]["Name"] == "everywhere")
    assert leading.engine.call("DELETE", f"/services/{identity}")[0] == 200
    wait_for("it is removed", lambda: sum(len(containers(host)) for host in farm) == 6 + 3 + 4)


def test_all_engines_are_started_anew(farm: Farm):
    kept = [containers(host) for host in farm]
    for host in farm:
        host.engine.kill()
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda host: host.engine.start(), farm))
    for host in farm:
        within(10, f"{host.name} is a manager", lambda host=host: answers(host))
        within(10, "it is ready", lambda host=host: clusters.node_state(farm[0], host) == "ready")
    assert [containers(host) for host in farm] == kept


def test_locked_managers_ask_for_their_key_after_a_restart(farm: Farm):
    one, two, _three = farm
    swarm = one.engine.call("GET", "/swarm")[1]
    spec = swarm["Spec"] | {"EncryptionConfig": {"AutoLockManagers": True}}
    assert one.engine.call("POST", f"/swarm/update?version={swarm['Version']['Index']}", spec)[0] == 200
    key = one.engine.call("GET", "/swarm/unlockkey")[1]["UnlockKey"]
    assert key.startswith("SWMKEY-1-")
    folder = two.engine.root / "swarm"
    wait_for("its keys are sealed", lambda: b'"is_locked":true' in (folder / "keys.json").read_bytes())
    two.engine.kill()
    two.engine.start()
    assert swarm_info(two)["LocalNodeState"] == "locked"
    status, answer = two.engine.call("GET", "/nodes")
    assert status == 503 and answer["message"].startswith("Swarm is encrypted and needs to be unlocked")
    assert two.engine.call("POST", "/swarm/unlock", {"UnlockKey": "SWMKEY-1-" + "A" * 43})[0] in (400, 401)
    assert two.engine.call("POST", "/swarm/unlock", {"UnlockKey": key})[0] == 200
    within(5, "it is a manager again", lambda: answers(two))
    swarm = one.engine.call("GET", "/swarm")[1]
    spec = swarm["Spec"] | {"EncryptionConfig": {"AutoLockManagers": False}}
    assert one.engine.call("POST", f"/swarm/update?version={swarm['Version']['Index']}", spec)[0] == 200
    wait_for("its keys are not sealed", lambda: b'"is_locked":false' in (folder / "keys.json").read_bytes())


def test_the_ca_changes_under_everybody(farm: Farm):
    one = farm[0]
    swarm = one.engine.call("GET", "/swarm")[1]
    old, old_token = swarm["TLSInfo"]["TrustRoot"], swarm["JoinTokens"]["Worker"]
    spec = swarm["Spec"] | {"CAConfig": swarm["Spec"].get("CAConfig", {}) | {"ForceRotate": 1}}
    assert one.engine.call("POST", f"/swarm/update?version={swarm['Version']['Index']}", spec)[0] == 200

    def done() -> bool:
        status, now = one.engine.call("GET", "/swarm")
        return status == 200 and now["TLSInfo"]["TrustRoot"] != old and not now["RootRotationInProgress"]

    within(30, "every node has a certificate of the new CA", done)
    now = one.engine.call("GET", "/swarm")[1]
    assert old.strip() not in now["TLSInfo"]["TrustRoot"]
    assert now["JoinTokens"]["Worker"] != old_token
    for host in farm:
        within(20, "it is ready", lambda host=host: clusters.node_state(host, host) == "ready")
        wait_for("it trusts the new CA alone", lambda host=host: old.strip() not in trusted(host), 30)
    for host in farm:  # each member of their store has started anew
        wait_for("it has a quorum", lambda host=host: not swarm_info(host)["Error"], 30)
    create_service(one, "after", 3)
    wait_running(one, "after", 3)


def trusted(host: Host) -> str:
    text: str = (host.engine.root / "swarm" / "ca.pem").read_text()
    return text


def test_without_a_quorum_nothing_is_written_and_a_survivor_brings_the_cluster_back(farm: Farm):
    one, two, three = farm
    before = one.engine.call("GET", "/swarm")[1]
    wait_for("there is a quorum", lambda: not swarm_info(one)["Error"], 30)
    assert one.shoal("service", "ls").stderr == ""
    farm.kill(two)
    farm.kill(three)

    def refused() -> bool:
        status, answer = one.engine.call("POST", "/secrets/create", {"Name": "s", "Data": "eA=="}, timeout_s=30)
        assert status in (201, 503), answer
        if status == 201:
            one.engine.call("DELETE", f"/secrets/{answer['ID']}", timeout_s=30)
        return bool(status == 503)

    within(30, "writes are refused", refused)
    shown = one.shoal("service", "ls")
    assert "web" in shown.stdout
    assert shown.stderr == "warning: the managers have no quorum: what is shown may be old\n"
    assert "The swarm does not have a leader." in swarm_info(one)["Error"]
    assert "Error: rpc error: code = Unknown desc = The swarm does not" in one.shoal("info").stdout
    status, answer = one.engine.call("POST", "/swarm/init", {"ListenAddr": "0.0.0.0:2377", "ForceNewCluster": True})
    assert status == 200, answer
    after = one.engine.call("GET", "/swarm")[1]
    assert (after["ID"], after["JoinTokens"]) == (before["ID"], before["JoinTokens"])
    assert nodes(one)["host1"]["ManagerStatus"]["Leader"]
    wait_for("it is its own quorum", lambda: not swarm_info(one)["Error"])
    assert one.shoal("service", "ls").stderr == ""
    within(15, "the others are down", lambda: clusters.node_state(one, two) == "down")
    within(15, "all runs here", lambda: set(clusters.hostnames(one, running(one, "web"))) == {"host1"})
    two.engine.start()  # it learns that it is a manager no more
    within(30, "it is a worker", lambda: swarm_info(two)["LocalNodeState"] == "active" and not swarm_info(two)["Error"])
    assert not is_manager(two) and clusters.node_state(one, two) == "ready"
    update_node(one, two, Role="manager")
    assert one.engine.call("DELETE", f"/nodes/{nodes(one)['host3']['ID']}?force=1")[0] == 200
    three.engine.start()
    clusters.leave(three)
    assert containers(three) == set()
    clusters.join(three, one, "Manager")
    for host in (two, three):
        within(20, f"{host.name} is a manager", lambda host=host: is_manager(host) and answers(host))


def test_a_manager_lost_for_good_is_replaced(farm: Farm):
    one, two, three = farm
    clusters.remove_services(one)
    farm.kill(three)
    within(12, "it is down", lambda: clusters.node_state(one, three) == "down")
    update_node(one, three, Role="worker")
    wait_for("it is out of the store", lambda: "ManagerStatus" not in nodes(one)["host3"], 15)
    assert one.engine.call("DELETE", f"/nodes/{nodes(one)['host3']['ID']}?force=1")[0] == 200
    three.engine.start()
    clusters.leave(three)
    clusters.join(three, two, "Manager")
    within(20, "it is a manager", lambda: is_manager(three) and answers(three))
    assert set(nodes(three)) == {"host1", "host2", "host3"}


def test_back_to_one_manager(farm: Farm):
    one, two, three = farm
    for host in (three, two):
        update_node(one, host, Role="worker")
        within(20, f"{host.name} is a worker", lambda host=host: not is_manager(host))
    wait_for("one is left", lambda: [name for name, n in nodes(one).items() if n.get("ManagerStatus")] == ["host1"], 15)
    wait_for("it is its own quorum", lambda: not swarm_info(one)["Error"])
    create_service(one, "web", 3)
    wait_running(one, "web", 3)
    status, answer = one.engine.call("POST", "/swarm/leave")
    assert status == 503 and "Removing the last manager erases all current state of the swarm." in answer["message"]


def test_the_last_manager_has_a_store_of_its_own_from_its_next_start_on(farm: Farm):
    one, two, _three = farm
    folder = one.engine.root / "swarm"
    assert (folder / "etcd").exists() and not (folder / "cluster.db").exists()
    before = [{task["ID"] for task in wait_running(one, "web", 3)}, *map(containers, farm)]
    one.engine.kill()
    one.engine.start()
    within(10, "it is a manager", lambda: answers(one))
    assert (folder / "cluster.db").exists() and not (folder / "etcd").exists()
    assert not one.exec("pgrep", "-f", f"data-dir={folder / 'etcd'}", check=False).stdout
    within(10, "all are ready", lambda: [n["Status"]["State"] for n in nodes(one).values()] == ["ready"] * 3)
    assert [{task["ID"] for task in wait_running(one, "web", 3)}, *map(containers, farm)] == before
    create_service(one, "afterwards", 3)
    wait_running(one, "afterwards", 3)
    # And forth again: what was written meanwhile goes along.
    update_node(one, two, Role="manager")
    within(20, "there are two managers", lambda: is_manager(two) and answers(two))
    assert (folder / "etcd").exists() and not (folder / "cluster.db").exists()
    assert len(wait_running(two, "afterwards", 3)) == 3
