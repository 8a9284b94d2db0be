"""What is told of the cluster's objects."""

from dataclasses import replace

from shoal.cluster.view import View
from shoal.model.cluster.cluster import ClusterNetwork, Sealed
from shoal.model.cluster.node import NodeState
from shoal.model.cluster.service import Service, UpdateStatus, VirtualAddress
from shoal.model.network import NetworkSpec
from shoal.swarm.manager.events import happenings
from tests.support.managers import node, service_spec, task

SERVICE = Service(id="s", spec=service_spec(), created_at=1, updated_at=1)
SECRET = Sealed(kind="secrets", id="k", name="key", value=b"", size_bytes=1, created_at=1, updated_at=1)
NETWORK = ClusterNetwork(id="n", spec=NetworkSpec(name="net", driver="overlay"), created_at=1)
ALL = View().changed(1, [(record, 1) for record in (SERVICE, SECRET, NETWORK, node("w"))])


def test_objects_that_come_and_go() -> None:
    told = happenings(View(), ALL)
    assert {(noun, action, attributes["name"]) for noun, action, _, attributes in told} == {
        ("service", "create", "web"),
        ("secret", "create", "key"),
        ("network", "create", "net"),
        ("node", "create", ""),
    }
    assert [happening[:3] for happening in happenings(ALL, ALL.changed(2, [], [("secrets", "k")]))] == [
        ("secret", "remove", "k")
    ]


def test_what_changed_is_told() -> None:
    status = UpdateStatus(state="updating")
    updated = replace(SERVICE, spec=service_spec(replicas=3), update_status=status)
    [told] = happenings(ALL, ALL.changed(2, [(updated, 2)]))
    assert told == (
        "service",
        "update",
        "s",
        {"name": "web", "replicas.new": "3", "replicas.old": "1", "updatestate.new": "updating"},
    )
    ready = replace(node("w"), state=NodeState.READY)
    [(_, action, _, attributes)] = happenings(ALL, ALL.changed(2, [(ready, 2)]))
    assert (action, attributes["state.new"], attributes["state.old"]) == ("update", "ready", "unknown")


def test_what_only_the_leader_needs_is_not_told() -> None:
    with_address = replace(SERVICE, vips=(VirtualAddress(network_id="n", ipv4="10.1.0.2"),))
    assert happenings(ALL, ALL.changed(2, [(with_address, 2), (task(), 2)])) == []
