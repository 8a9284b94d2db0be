"""Rolling update and rollback."""

from dataclasses import replace

import pytest

from shoal.cluster.services import rebalanced, rolled_back
from shoal.cluster.task import is_live
from shoal.model.cluster.node import Availability, NodeState
from shoal.model.cluster.service import EndpointSpec, PortConfig, ServiceMode, UpdateConfig
from shoal.model.cluster.task import Placement, Task
from shoal.model.cluster.task import TaskState as S
from tests.support.cluster_world import SECOND, World, a_network, a_node, service_spec, task_spec


def images(world: World, service_id: str) -> list[str]:
    return [task.spec.container.image for task in world.running(service_id)]


def status(world: World, service_id: str) -> tuple[str, str]:
    found = world.service(service_id).update_status
    return (found.state, found.message) if found else ("", "")


def is_of(image: str) -> object:
    return lambda task: task.spec.container.image == image


def test_the_same_spec_again_touches_no_task() -> None:
    world = World(nodes=2)
    web = world.create(service_spec(replicas=3))
    world.settle(seconds=10)
    before = world.tasks(web)
    world.update(web, service_spec(replicas=3))
    world.settle(seconds=10)
    assert world.tasks(web) == before
    world.update(web, service_spec(replicas=3, labels={"a": "b"}, update=UpdateConfig(parallelism=7)))
    world.settle(seconds=10)
    assert world.tasks(web) == before
    assert status(world, web) == ("", "")


@pytest.mark.parametrize(
    ("parallelism", "order"),
    [(1, "stop-first"), (2, "stop-first"), (0, "stop-first"), (1, "start-first"), (2, "start-first")],
)
def test_slots_are_replaced_a_few_at_a_time(parallelism: int, order: str) -> None:
    world = World(nodes=2)
    web = world.create(service_spec(replicas=4, update=UpdateConfig(parallelism=parallelism, order=order)))
    world.settle()
    world.change(web, task=task_spec("nginx:2"))
    least = most = 4
    for _ in range(40):
        world.decide()
        world.work()
        least, most = min(least, len(world.running(web))), max(most, len(world.running(web)))
    down, up = ((parallelism or 4), 0) if order == "stop-first" else (0, parallelism)
    assert (least, most) == (4 - down, 4 + up)
    assert images(world, web) == ["nginx:2"] * 4
    assert status(world, web)[0] == "updating"
    world.settle(seconds=5)
    assert status(world, web) == ("completed", "update completed")


def test_a_new_task_starts_only_when_the_old_one_has_ended() -> None:
    world = World(nodes=1)
    web = world.create(service_spec())
    world.settle()
    world.change(web, task=task_spec("nginx:2"))
    world.decide()
    assert world.shown(web) == ["1 node1 SHUTDOWN RUNNING", "1 node1 READY ASSIGNED"]
    assert world.decide().changes == ()
    world.work()
    assert world.shown(web) == ["1 node1 SHUTDOWN SHUTDOWN", "1 node1 READY READY"]
    world.decide()
    assert world.shown(web)[1] == "1 node1 RUNNING READY"


def test_the_delay_is_between_two_slots() -> None:
    world = World(nodes=1)
    web = world.create(service_spec(replicas=3, update=UpdateConfig(delay_s=10.0)))
    world.settle()
    world.change(web, task=task_spec("nginx:2"))
    began_at = world.now
    world.settle(seconds=9)
    assert images(world, web).count("nginx:2") == 1
    world.settle(seconds=40)
    at = sorted((task.running_at - began_at) // SECOND for task in world.running(web))
    assert at == [0, 10, 20]
    assert status(world, web)[0] == "completed"


def test_force_replaces_every_task() -> None:
    world = World(nodes=1)
    web = world.create(service_spec(replicas=2))
    world.settle()
    before = {task.id for task in world.running(web)}
    world.change(web, task=task_spec(force=1))
    world.settle(seconds=10)
    assert len(world.running(web)) == 2
    assert not before & {task.id for task in world.running(web)}


def test_only_tasks_that_the_new_placement_excludes_move() -> None:
    world = World()
    world.put(a_node(1, labels={"disk": "ssd"}), a_node(2, labels={"disk": "hdd"}))
    web = world.create(service_spec(replicas=4))
    world.settle()
    stays = {task.id for task in world.running(web) if task.node_id == "node1"}
    world.change(web, task=task_spec(placement=Placement(constraints=("node.labels.disk == SSD",))))
    world.settle(seconds=10)
    assert {task.node_id for task in world.running(web)} == {"node1"}
    assert stays < {task.id for task in world.running(web)}
    assert len(world.running(web)) == 4


@pytest.mark.parametrize("order", ["stop-first", "start-first"])
def test_an_update_to_a_crashing_image_pauses(order: str) -> None:
    world = World(nodes=2, history=50)
    web = world.create(service_spec(replicas=3, update=UpdateConfig(order=order)))
    world.settle()
    world.change(web, task=task_spec("bad"))
    world.settle(seconds=30, fails=is_of("bad"))  # type: ignore[arg-type]
    first = next(task for task in world.tasks(web) if task.cause == "update")
    assert status(world, web) == ("paused", f"update paused due to failure or early termination of task {first.id}")
    assert images(world, web).count("nginx") == (2 if order == "stop-first" else 3)
    assert {task.slot for task in world.tasks(web) if task.spec.container.image == "bad"} == {1}
    # A task that ends while the update is paused is followed by one like itself.
    world.end(next(task for task in world.running(web) if task.slot == 3))
    world.settle(seconds=1, fails=is_of("bad"))  # type: ignore[arg-type]
    assert {task.spec.container.image for task in world.running(web)} == {"nginx"}
    assert len([task for task in world.running(web) if task.slot == 3]) == 1


def test_an_update_to_a_crashing_image_is_rolled_back() -> None:
    world = World(nodes=2)
    config = UpdateConfig(on_failure="rollback", parallelism=2)
    web = world.create(service_spec(replicas=4, update=config))
    world.settle()
    untouched = {task.id for task in world.running(web) if task.slot > 2}
    world.change(web, task=task_spec("bad"))
    world.settle(seconds=60, fails=is_of("bad"))  # type: ignore[arg-type]
    assert images(world, web) == ["nginx"] * 4
    assert untouched <= {task.id for task in world.running(web)}
    assert status(world, web) == ("rollback_completed", "rollback completed")
    assert world.service(web).previous is None


def test_failures_below_the_ratio_are_let_pass() -> None:
    world = World(nodes=2)
    config = UpdateConfig(max_failure_ratio=0.3, parallelism=1)
    web = world.create(service_spec(replicas=4, update=config))
    world.settle()
    world.change(web, task=task_spec("nginx:2"))

    def one_fails(task: Task) -> bool:
        return task.slot == 2 and task.cause == "update"

    world.settle(seconds=60, fails=one_fails)
    assert images(world, web) == ["nginx:2"] * 4
    assert status(world, web)[0] == "completed"


def test_a_failure_within_the_monitored_time_counts_and_later_ones_do_not() -> None:
    for after_s, expected in ((4, "paused"), (6, "updating")):
        world = World(nodes=1)
        web = world.create(service_spec(replicas=2, update=UpdateConfig(delay_s=20.0)))
        world.settle()
        world.change(web, task=task_spec("nginx:2"))
        world.settle(seconds=after_s)
        world.end(next(task for task in world.running(web) if task.cause == "update"))
        world.decide()
        assert status(world, web)[0] == expected


def test_continue_goes_on_whatever_fails() -> None:
    world = World(nodes=1)
    web = world.create(service_spec(replicas=3, update=UpdateConfig(on_failure="continue")))
    world.settle()
    world.change(web, task=task_spec("bad"))
    world.settle(seconds=20, fails=is_of("bad"))  # type: ignore[arg-type]
    assert {task.slot for task in world.tasks(web) if task.spec.container.image == "bad"} == {1, 2, 3}


def test_a_rollback_by_hand_uses_its_own_config() -> None:
    world = World(nodes=1)
    web = world.create(service_spec(replicas=4, rollback=UpdateConfig(parallelism=0)))
    world.settle()
    world.change(web, task=task_spec("nginx:2"))
    world.settle(seconds=10)
    world.put(rolled_back(world.service(web), world.now))
    world.decide()
    assert status(world, web) == ("rollback_started", "manually requested rollback")
    assert [task.desired for task in world.tasks(web)].count(S.READY) == 4
    world.settle(seconds=10)
    assert images(world, web) == ["nginx"] * 4
    assert status(world, web)[0] == "rollback_completed"


def test_a_paused_update_goes_on_when_the_spec_is_sent_again() -> None:
    world = World(nodes=1)
    web = world.create(service_spec(replicas=2))
    world.settle()
    world.change(web, task=task_spec("nginx:2"))
    broken = [True]
    world.settle(seconds=5, fails=lambda task: broken[0] and task.spec.container.image == "nginx:2")
    assert status(world, web)[0] == "paused"
    broken[0] = False
    world.settle(seconds=60)
    world.update(web, world.service(web).spec)
    world.settle(seconds=60)
    assert images(world, web) == ["nginx:2"] * 2
    assert status(world, web)[0] == "completed"


def test_an_update_while_another_is_under_way_ends_at_the_newest_spec() -> None:
    for order in ("stop-first", "start-first"):
        world = World(nodes=2)
        web = world.create(service_spec(replicas=3, update=UpdateConfig(order=order)))
        world.settle()
        world.change(web, task=task_spec("nginx:2"))
        world.decide()
        world.work()
        world.decide()
        world.change(web, task=task_spec("nginx:3"))
        world.settle(seconds=20)
        assert images(world, web) == ["nginx:3"] * 3


def test_global_services_are_on_every_node_that_takes_tasks_and_are_updated_alike() -> None:
    world = World(nodes=3)
    agent = world.create(service_spec("agent", mode=ServiceMode.GLOBAL))
    world.settle()
    assert world.shown(agent) == [f"node{n} node{n} RUNNING RUNNING" for n in (1, 2, 3)]
    world.set_node("node3", availability=Availability.DRAIN)
    world.settle()
    assert sorted(task.node_id for task in world.running(agent)) == ["node1", "node2"]
    world.set_node("node3", availability=Availability.ACTIVE)
    world.put(a_node(4))
    world.settle()
    assert sorted(task.node_id for task in world.running(agent)) == ["node1", "node2", "node3", "node4"]
    world.set_node("node4", state=NodeState.DOWN)
    world.change(agent, task=task_spec("nginx:2"))
    world.settle(seconds=20)
    assert images(world, agent) == ["nginx:2"] * 3
    assert status(world, agent)[0] == "completed"
    world.set_node("node4", state=NodeState.READY)
    world.settle(seconds=20)
    assert images(world, agent) == ["nginx:2"] * 4


def test_a_global_service_leaves_its_task_on_a_node_that_is_down() -> None:
    """Nothing replaces it elsewhere, so nothing is won by stopping it."""
    world = World(nodes=3)
    web = world.create(service_spec(mode=ServiceMode.GLOBAL))
    world.settle()
    before = world.tasks(web)
    world.set_node("node3", state=NodeState.DOWN)
    world.settle(seconds=60)
    world.set_node("node3", state=NodeState.READY)
    world.settle(seconds=60)
    assert world.tasks(web) == before

    world.set_node("node3", state=NodeState.DOWN, availability=Availability.DRAIN)
    world.settle()
    world.set_node("node3", state=NodeState.READY)  # still to be drained
    world.settle()
    assert {task.node_id for task in world.running(web)} == {"node1", "node2"}


def test_a_global_service_leaves_nodes_that_its_placement_excludes() -> None:
    world = World(nodes=2)
    placement = Placement(constraints=("node.labels.agent != no",))
    agent = world.create(service_spec("agent", task=task_spec(placement=placement), mode=ServiceMode.GLOBAL))
    world.settle()
    node = world.view.nodes["node2"]
    world.put(replace(node, spec=replace(node.spec, labels={"agent": "NO"})))
    world.settle()
    assert [task.node_id for task in world.running(agent)] == ["node1"]
    assert not [task for task in world.tasks(agent) if task.status.state < S.ASSIGNED]


def test_rebalancing_moves_as_few_tasks_as_possible_each_one_elsewhere_first() -> None:
    world = World(nodes=2)
    web = world.create(service_spec(replicas=6))
    world.settle()
    world.put(a_node(3))
    world.settle()
    before = {task.id for task in world.running(web)}
    world.put(rebalanced(world.service(web), world.now))
    least = 6
    for _ in range(20):
        world.decide()
        world.work()
        least = min(least, len(world.running(web)))
    assert least == 6
    on = [task.node_id for task in world.running(web)]
    assert sorted(on.count(f"node{n}") for n in (1, 2, 3)) == [2, 2, 2]
    assert len(before & {task.id for task in world.running(web)}) == 4
    assert world.service(web).rebalance_at == 0


def test_rebalancing_what_is_even_changes_nothing_but_the_request() -> None:
    world = World(nodes=3)
    web = world.create(service_spec(replicas=4))
    world.settle()
    before = world.tasks(web)
    world.put(rebalanced(world.service(web), world.now))
    world.settle()
    assert world.tasks(web) == before
    assert world.service(web).rebalance_at == 0


def test_ports_of_the_mesh_touch_no_task_but_one_that_the_mesh_cannot_reach() -> None:
    world = World(nodes=1)
    world.put(a_network("ingress", "10.0.0.0/24", ingress=True))
    web = world.create(service_spec())
    world.settle()
    before = {task.id for task in world.running(web)}
    world.change(web, endpoint=EndpointSpec(ports=(PortConfig(target=80, published=8080),)))
    world.settle(seconds=10)
    reachable = {task.id for task in world.running(web)}
    assert not before & reachable
    assert [address.network_id for address in world.running(web)[0].addresses] == ["ingress-id"]
    world.change(web, endpoint=EndpointSpec(ports=(PortConfig(target=80, published=8081),)))
    world.settle(seconds=10)
    assert {task.id for task in world.running(web)} == reachable
    assert [port.published for port in world.service(web).ports] == [8081]


def test_two_changes_on_the_heels_of_each_other_leave_no_third_task_in_a_slot() -> None:
    world = World(nodes=2)
    web = world.create(service_spec(replicas=2, update=UpdateConfig(order="start-first", parallelism=2)))
    world.settle()
    world.change(web, task=task_spec("nginx:2"))
    world.decide()
    world.work()  # old and new run
    world.change(web, task=task_spec("nginx:3"))
    world.decide()
    live = [task.slot for task in world.tasks(web) if is_live(task)]
    assert sorted(live) == [1, 1, 2, 2]
    world.settle(seconds=10)
    assert images(world, web) == ["nginx:3"] * 2
