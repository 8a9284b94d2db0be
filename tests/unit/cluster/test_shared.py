"""What many nodes are told alike: the same whether it is worked out step by step or at once."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shoal.cluster.shared import NOTHING, peer, shared_after
from shoal.model.cluster.node import NodeState
from shoal.model.cluster.service import EndpointSpec, PortConfig
from shoal.model.cluster.task import Attachment
from shoal.model.cluster.task import TaskState as S
from tests.support.cluster_world import World, a_network, a_node, service_spec, task_spec

NETWORKS = ("ingress-id", "app-id", "other-id")
PORTS = EndpointSpec(ports=(PortConfig(target=80, published=8080),))


def cluster() -> tuple[World, list[str]]:
    world = World(nodes=4)
    world.put(a_network("ingress", "10.0.0.0/24", ingress=True))
    world.put(a_network("app", "10.1.0.0/24"), a_network("other", "10.2.0.0/24"))
    both = (Attachment(target="app-id"), Attachment(target="other-id"))
    ids = [
        world.create(service_spec("web", task=task_spec(networks=both[:1]), replicas=3, endpoint=PORTS)),
        world.create(service_spec("db", task=task_spec(networks=both), replicas=2)),
    ]
    world.settle()
    return world, ids


def step(world: World, ids: list[str], kind: int, number: int) -> None:
    tasks = list(world.view.tasks.values())
    if kind == 0:
        world.change(ids[number % 2], replicas=number % 4)
    elif kind == 1 and tasks:
        world.end(tasks[number % len(tasks)]) if tasks[number % len(tasks)].status.state == S.RUNNING else None
    elif kind == 2:
        down = world.view.nodes[f"node{number % 3 + 2}"].state == NodeState.DOWN
        world.set_node(f"node{number % 3 + 2}", state=NodeState.READY if down else NodeState.DOWN)
    elif kind == 3:
        world.put(replace(world.service(ids[0]), ports=()))
    elif kind == 4:
        world.put(a_node(5 + number % 2))
    elif kind == 5 and "node6" in world.view.nodes:
        world.drop("nodes", "node6")
    else:
        world.settle(seconds=number)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=12))
def test_step_by_step_or_at_once(steps: list[tuple[int, int]]) -> None:
    world, ids = cluster()
    shared = shared_after(NOTHING, world.view)
    for kind, number in steps:
        step(world, ids, kind, number)
        shared = shared_after(shared, world.view)
        anew = shared_after(NOTHING, world.view)
        assert shared.peers == anew.peers
        for networks in ((), NETWORKS[:1], NETWORKS[1:], NETWORKS):
            assert shared.of(networks) == anew.of(networks)


def test_what_nobody_is_told_of_changes_nothing_that_is_shared() -> None:
    world, _ = cluster()
    shared = shared_after(NOTHING, world.view)
    told = shared.of(NETWORKS)
    task = next(iter(world.view.tasks.values()))
    world.put(replace(task, status=replace(task.status, message="well")))
    after = shared_after(shared, world.view)
    assert after.view is world.view and after.peers is shared.peers
    assert all(a is b for a, b in zip(after.of(NETWORKS), told, strict=True))


def test_one_task_that_ends_leaves_other_networks_as_they_are() -> None:
    world, (web, _) = cluster()
    shared = shared_after(NOTHING, world.view)
    ended = world.running(web)[0]
    world.end(ended)
    after = shared_after(shared, world.view)
    assert after.on["other-id"] is shared.on["other-id"]
    assert shared.on["app-id"].keys() - after.on["app-id"].keys() == {ended.id}
    assert shared.on["ingress-id"].keys() - after.on["ingress-id"].keys() == {ended.id}


def test_a_node_whose_tunnel_ends_elsewhere_calls_from_its_own_address_too() -> None:
    node = a_node(2)
    assert peer(node).addresses == ()
    other = peer(replace(node, data_address="198.51.100.2"))
    assert (other.address, other.addresses) == ("198.51.100.2", ("192.0.2.2",))
