"""Which node a task goes to, and what is said when it fits nowhere."""

from collections import Counter
from dataclasses import replace

import pytest

from shoal.cluster.schedule.constraints import satisfies
from shoal.cluster.schedule.explain import explain
from shoal.model.cluster.node import Availability, NodeState
from shoal.model.cluster.service import EndpointSpec, PortConfig, ServiceMode, UpdateConfig
from shoal.model.cluster.task import Amounts, Placement, RestartPolicy
from shoal.model.cluster.task import TaskState as S
from tests.support.cluster_world import GIB, SECOND, World, a_node, service_spec, task_spec


def placed(world: World, service_id: str) -> dict[str, int]:
    return dict(sorted(Counter(task.node_id for task in world.tasks(service_id) if task.node_id).items()))


def errors(world: World, service_id: str) -> set[str]:
    return {task.status.error for task in world.tasks(service_id) if task.status.state == S.PENDING}


@pytest.mark.parametrize(
    ("constraint", "fits"),
    [
        ("node.id==node2", True),
        ("node.id != node2", False),
        ("node.id==NODE2", True),
        ("node.hostname == host2", True),
        ("NODE.HOSTNAME == host2", True),
        ("node.role==worker", True),
        ("node.role==manager", False),
        ("node.ip==192.0.2.2", True),
        ("node.ip==192.0.2.0/24", True),
        ("node.ip!=192.0.2.0/24", False),
        ("node.platform.os==Linux", True),
        ("node.platform.arch==x86_64", True),
        ("node.platform.arch==amd64", True),
        ("node.platform.arch!=aarch64", True),
        ("node.labels.zone==EU", True),
        ("node.labels.Zone==eu", False),
        ("node.labels.none!=x", True),
        ("engine.labels.storage==ssd", True),
        ("node.colour==red", False),
        ("node.colour!=red", False),
    ],
)
def test_constraints(constraint: str, fits: bool) -> None:
    node = a_node(2, labels={"zone": "eu"})
    node = replace(node, description=replace(node.description, engine_labels={"storage": "SSD"}))
    assert satisfies((constraint,), node) == fits


def test_reasons_are_ordered_by_weight_and_detailed() -> None:
    refusals = [("resources", "memory"), ("ready", "drained"), ("resources", "memory"), ("ready", "down")]
    refusals += [("constraints", ""), ("replicas", "")]
    assert explain(refusals) == (
        "no suitable node (2 nodes not available for new tasks: 1 down, 1 drained; "
        "insufficient resources on 2 nodes: memory; scheduling constraints not satisfied on 1 node; "
        "max replicas per node limit exceed)"
    )
    assert explain([]) == "no suitable node"


def test_tasks_spread_by_service_then_by_load() -> None:
    world = World(nodes=3)
    first = world.create(service_spec("first", replicas=4))
    world.settle()
    second = world.create(service_spec("second", replicas=2))
    world.settle()
    assert placed(world, first) == {"node1": 2, "node2": 1, "node3": 1}
    assert placed(world, second) == {"node2": 1, "node3": 1}


@pytest.mark.parametrize("replicas", [6, 60])
def test_preferences_spread_over_labels_first(replicas: int) -> None:
    world = World()
    zones = {1: "a", 2: "a", 3: "a", 4: "b", 5: "c"}
    world.put(*(a_node(number, labels={"zone": zone}) for number, zone in zones.items()))
    web = world.create(
        service_spec(task=task_spec(placement=Placement(spread=("node.labels.zone",))), replicas=replicas)
    )
    world.settle()
    by_zone = Counter(zones[int(task.node_id[4:])] for task in world.tasks(web))
    assert by_zone == {"a": replicas // 3, "b": replicas // 3, "c": replicas // 3}
    # One by one ends as evenly as all at once.
    world.change(web, replicas=replicas + 3)
    world.settle()
    by_zone = Counter(zones[int(task.node_id[4:])] for task in world.tasks(web))
    assert set(by_zone.values()) == {replicas // 3 + 1}


def test_two_levels_of_preferences() -> None:
    world = World()
    places = [("eu", "1"), ("eu", "2"), ("us", "1"), ("us", "1")]
    world.put(*(a_node(n, labels={"region": r, "rack": k}) for n, (r, k) in enumerate(places, 1)))
    spread = ("node.labels.region", "node.labels.rack")
    web = world.create(service_spec(task=task_spec(placement=Placement(spread=spread)), replicas=8))
    world.settle()
    assert placed(world, web) == {"node1": 2, "node2": 2, "node3": 2, "node4": 2}


def test_reservations_fill_nodes_and_what_is_freed_is_taken_at_once() -> None:
    world = World(nodes=2)
    big = task_spec(reservations=Amounts(memory_bytes=3 * GIB))
    web = world.create(service_spec(task=big, replicas=5))
    world.settle()
    assert placed(world, web) == {"node1": 2, "node2": 2}
    assert errors(world, web) == {"no suitable node (insufficient resources on 2 nodes: memory)"}
    assert world.decide().changes == ()
    other = world.create(service_spec("other", task=task_spec(reservations=Amounts(nano_cpus=5 * SECOND))))
    world.settle()
    assert errors(world, other) == {"no suitable node (insufficient resources on 2 nodes: cpu)"}
    world.drop("services", web)
    world.settle()
    again = world.create(service_spec("again", task=big, replicas=4))
    world.settle()
    assert len(world.running(again)) == 4
    world.put(a_node(3, cpus=8))
    world.settle()
    assert placed(world, other) == {"node3": 1}


def test_generic_resources_are_counted() -> None:
    world = World(nodes=1)
    node = world.view.nodes["node1"]
    resources = replace(node.description.resources, generic={"gpu": 2})
    world.put(replace(node, description=replace(node.description, resources=resources)))
    web = world.create(service_spec(task=task_spec(reservations=Amounts(generic={"gpu": 1})), replicas=3))
    world.settle()
    assert len(world.running(web)) == 2
    assert errors(world, web) == {"no suitable node (insufficient resources on 1 node: gpu)"}
    world.end(world.running(web)[0])
    world.settle()
    assert len(world.running(web)) == 2


def test_ports_of_mode_host_are_taken_once_a_node_and_freed_by_an_update() -> None:
    world = World(nodes=2)
    endpoint = EndpointSpec(ports=(PortConfig(target=80, published=80, mode="host"),))
    web = world.create(service_spec(replicas=3, endpoint=endpoint))
    world.settle()
    assert placed(world, web) == {"node1": 1, "node2": 1}
    assert errors(world, web) == {"no suitable node (host-mode port already in use on 2 nodes)"}
    world.change(web, replicas=2, task=task_spec("nginx:2"), update=UpdateConfig(parallelism=2))
    world.settle(seconds=10)
    assert [task.spec.container.image for task in world.running(web)] == ["nginx:2"] * 2


def test_a_limit_of_replicas_on_each_node() -> None:
    world = World(nodes=2)
    web = world.create(service_spec(task=task_spec(placement=Placement(max_replicas=2)), replicas=5))
    world.settle()
    assert placed(world, web) == {"node1": 2, "node2": 2}
    assert errors(world, web) == {"no suitable node (max replicas per node limit exceed)"}


def test_platforms() -> None:
    world = World(nodes=2)
    node = world.view.nodes["node2"]
    world.put(replace(node, description=replace(node.description, architecture="aarch64")))
    arm = task_spec(placement=Placement(platforms=(("linux", "arm64"),)))
    web = world.create(service_spec(task=arm, replicas=2))
    windows = world.create(service_spec("w", task=task_spec(placement=Placement(platforms=(("windows", ""),)))))
    everywhere = world.create(service_spec("g", task=arm, mode=ServiceMode.GLOBAL))
    world.settle()
    assert placed(world, web) == {"node2": 2}
    assert errors(world, windows) == {"no suitable node (unsupported platform on 2 nodes)"}
    assert placed(world, everywhere) == {"node2": 1}


def test_nodes_that_take_nothing_new() -> None:
    world = World(nodes=3)
    web = world.create(service_spec())
    world.set_node("node1", availability=Availability.PAUSE)
    world.set_node("node2", state=NodeState.UNKNOWN)
    world.set_node("node3", availability=Availability.DRAIN)
    world.settle()
    assert errors(world, web) == {
        "no suitable node (3 nodes not available for new tasks: 1 drained, 1 paused, 1 unknown)"
    }
    world.set_node("node2", state=NodeState.READY)
    world.settle()
    assert placed(world, web) == {"node2": 1}


def test_a_global_task_that_does_not_fit_its_node_says_so() -> None:
    world = World()
    world.put(a_node(1), a_node(2, memory=GIB))
    big = task_spec(reservations=Amounts(memory_bytes=2 * GIB))
    agent = world.create(service_spec(task=big, mode=ServiceMode.GLOBAL))
    world.settle()
    assert [task.node_id for task in world.running(agent)] == ["node1"]
    assert errors(world, agent) == {"no suitable node (insufficient resources on 1 node: memory)"}


def test_a_node_on_which_tasks_keep_failing_is_the_last_choice() -> None:
    world = World(nodes=2, history=20)
    web = world.create(service_spec(task=task_spec(restart=RestartPolicy(delay_s=1.0))))
    world.create(
        service_spec("ballast", task=task_spec(placement=Placement(constraints=("node.id==node2",))), replicas=9)
    )
    world.settle(seconds=20, fails=lambda task: task.service_id == web and task.node_id == "node1")
    assert [task.node_id for task in world.running(web)] == ["node2"]
    assert len(world.tasks(web)) == 6


def test_what_another_leader_left_waiting_gets_a_node_as_soon_as_there_is_one() -> None:
    world = World(nodes=1)
    service_id = world.create(service_spec())
    world.settle()
    mine = world.book  # this leader knows one task, and then another one leads
    world.set_node("node1", availability=Availability.PAUSE)
    world.change(service_id, replicas=2)
    world.settle()
    assert world.shown(service_id)[1] == "2 - RUNNING PENDING"
    world.book = mine
    world.decide()
    world.set_node("node1", availability=Availability.ACTIVE)
    world.settle()
    assert len(world.running(service_id)) == 2
