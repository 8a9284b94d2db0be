"""Replicated services: created, scaled, healed, removed."""

import pytest

from shoal.model.cluster.node import Availability, NodeState
from shoal.model.cluster.service import EndpointSpec, PortConfig
from shoal.model.cluster.task import Attachment, RestartCondition, RestartPolicy
from shoal.model.cluster.task import TaskState as S
from tests.support.cluster_world import SECOND, World, a_network, causes, service_spec, task_spec


def test_replicas_are_created_and_spread_over_the_nodes_in_one_plan() -> None:
    world = World(nodes=3)
    web = world.create(service_spec(replicas=3))
    plan = world.decide()
    assert world.shown(web) == [
        "1 node1 RUNNING ASSIGNED",
        "2 node2 RUNNING ASSIGNED",
        "3 node3 RUNNING ASSIGNED",
    ]
    assert set(causes(plan)) == {"create"}
    assert world.decide().changes == ()


def test_scaling_down_takes_slots_that_do_not_run_first_then_from_the_fullest_node() -> None:
    world = World(nodes=2)
    web = world.create(service_spec(replicas=5))
    world.settle()
    world.end(next(task for task in world.tasks(web) if task.slot == 2), S.FAILED)
    world.change(web, replicas=3)
    world.settle(seconds=5)
    assert [(task.slot, task.node_id) for task in world.running(web)] == [(1, "node1"), (3, "node1"), (4, "node2")]


def test_removing_a_service_leaves_nothing() -> None:
    world = World(nodes=2)
    web = world.create(service_spec(replicas=4))
    world.settle()
    world.drop("services", web)
    world.decide()
    assert {task.desired for task in world.tasks(web)} == {S.REMOVE}
    world.settle()
    assert world.tasks(web) == []


def test_an_ended_task_is_followed_by_another_in_its_slot_after_a_tenth_of_a_second() -> None:
    world = World(nodes=1)
    web = world.create(service_spec())
    world.settle()
    world.end(world.tasks(web)[0])
    plan = world.decide()
    assert world.shown(web) == ["1 node1 SHUTDOWN FAILED", "1 node1 READY ASSIGNED"]
    assert plan.wake_at == world.now + SECOND // 10
    world.settle(seconds=0.2)
    assert world.shown(web) == ["1 node1 SHUTDOWN FAILED", "1 node1 RUNNING RUNNING"]


@pytest.mark.parametrize(
    ("condition", "end", "is_restarted"),
    [
        (RestartCondition.ANY, S.COMPLETE, True),
        (RestartCondition.ANY, S.FAILED, True),
        (RestartCondition.ON_FAILURE, S.COMPLETE, False),
        (RestartCondition.ON_FAILURE, S.FAILED, True),
        (RestartCondition.ON_FAILURE, S.REJECTED, True),
        (RestartCondition.NONE, S.FAILED, False),
        (RestartCondition.NONE, S.COMPLETE, False),
    ],
)
def test_the_condition_says_after_which_ends_a_slot_is_filled_again(
    condition: RestartCondition, end: S, is_restarted: bool
) -> None:
    world = World(nodes=1)
    web = world.create(service_spec(task=task_spec(restart=RestartPolicy(condition=condition))))
    world.settle()
    world.end(world.tasks(web)[0], end)
    world.settle(seconds=10)
    assert bool(world.running(web)) == is_restarted
    assert len(world.tasks(web)) == 1 + is_restarted


def test_delays_double_up_to_a_minute_while_tasks_end_at_once() -> None:
    world = World(nodes=1, history=100)
    web = world.create(service_spec())
    world.settle(seconds=250, fails=lambda task: True, rounds=1000)
    starts = [task.start_after - task.created_at for task in world.tasks(web) if task.start_after]
    assert [round(start / SECOND, 1) for start in starts[:12]] == [
        *(0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60.0, 60.0)
    ]


def test_a_task_that_ran_for_a_while_begins_again_with_the_first_delay() -> None:
    world = World(nodes=1)
    web = world.create(service_spec())
    world.settle(seconds=30, fails=lambda task: True)
    world.settle(seconds=60)
    world.now += 20 * SECOND
    world.end(world.running(web)[0])
    world.decide()
    newest = world.tasks(web)[-1]
    assert newest.start_after - newest.created_at == SECOND // 10


def test_a_task_that_ends_before_it_may_start_is_followed_no_sooner_than_if_it_had_started() -> None:
    world = World(nodes=1)
    web = world.create(service_spec())
    world.decide()
    waits = []
    for _ in range(4):
        newest = world.tasks(web)[-1]
        waits.append(round((newest.start_after - newest.created_at) / SECOND, 1) if newest.start_after else 0)
        world.end(newest, S.REJECTED)
        if newest.start_after:
            assert world.decide().wake_at == newest.start_after
            assert world.tasks(web)[-1].id == newest.id
            world.now = newest.start_after
        world.decide()
    assert waits == [0, 0.1, 0.2, 0.4]
    rejected = world.tasks(web)[-1]
    world.end(rejected, S.REJECTED)
    world.change(web, task=task_spec("nginx:2"))
    world.decide()
    assert world.tasks(web)[-1].start_after <= world.now, "another spec is tried at once"


@pytest.mark.parametrize(("window_s", "tasks"), [(0.0, 4), (1000.0, 4)])
def test_attempts_are_limited(window_s: float, tasks: int) -> None:
    world = World(nodes=1)
    policy = RestartPolicy(max_attempts=3, delay_s=2.0, window_s=window_s)
    web = world.create(service_spec(task=task_spec(restart=policy)))
    world.settle(seconds=100, fails=lambda task: True)
    assert len(world.tasks(web)) == tasks


def test_attempts_outside_the_window_do_not_count() -> None:
    world = World(nodes=1, history=50)
    policy = RestartPolicy(max_attempts=3, delay_s=2.0, window_s=4.0)
    web = world.create(service_spec(task=task_spec(restart=policy)))
    world.settle(seconds=60, fails=lambda task: True, rounds=1000)
    assert len(world.tasks(web)) > 20


def test_a_slot_keeps_as_many_tasks_as_the_history_is_long() -> None:
    world = World(nodes=1, history=3)
    web = world.create(service_spec(task=task_spec(restart=RestartPolicy(delay_s=1.0))))
    world.settle(seconds=20, fails=lambda task: True, rounds=1000)
    assert len(world.tasks(web)) == 3


def test_tasks_of_a_node_that_is_down_run_elsewhere_at_once() -> None:
    world = World(nodes=2)
    web = world.create(service_spec(replicas=2))
    world.settle()
    world.set_node("node2", state=NodeState.DOWN)
    world.settle()
    assert world.shown(web) == [
        "1 node1 RUNNING RUNNING",
        "2 node2 SHUTDOWN RUNNING",
        "2 node1 RUNNING RUNNING",
    ]
    world.set_node("node2", state=NodeState.READY)
    world.settle()
    assert world.shown(web)[1] == "2 node2 SHUTDOWN SHUTDOWN"


def test_tasks_of_a_node_that_left_for_good_are_orphaned() -> None:
    world = World(nodes=2)
    web = world.create(service_spec(replicas=2))
    world.settle()
    world.drop("nodes", "node2")
    world.settle()
    assert world.shown(web) == [
        "1 node1 RUNNING RUNNING",
        "2 node2 SHUTDOWN ORPHANED",
        "2 node1 RUNNING RUNNING",
    ]
    world.drop("services", web)
    world.settle()
    assert world.tasks(web) == []


def test_a_drained_node_keeps_its_tasks_until_others_run() -> None:
    world = World(nodes=2)
    web = world.create(service_spec(replicas=2))
    world.settle()
    world.set_node("node2", availability=Availability.DRAIN)
    world.decide()
    assert world.shown(web)[1:] == ["2 node2 RUNNING RUNNING", "2 node1 RUNNING ASSIGNED"]
    world.settle()
    assert world.shown(web)[1:] == ["2 node2 SHUTDOWN SHUTDOWN", "2 node1 RUNNING RUNNING"]


def test_a_drained_task_that_fits_nowhere_else_is_stopped_and_the_next_one_waits() -> None:
    world = World(nodes=1)
    web = world.create(service_spec())
    world.settle()
    world.set_node("node1", availability=Availability.DRAIN)
    world.settle()
    assert world.shown(web) == ["1 node1 SHUTDOWN SHUTDOWN", "1 - RUNNING PENDING"]
    assert world.tasks(web)[1].status.error == "no suitable node (1 node not available for new tasks: drained)"


def test_addresses_ports_and_virtual_addresses_are_given_once() -> None:
    world = World(nodes=2)
    world.put(a_network("ingress", "10.0.0.0/24", ingress=True), a_network("app", "10.1.0.0/24", subnet6="fd00:1::/64"))
    ports = (PortConfig(target=80, published=8080), PortConfig(target=81), PortConfig(target=82, mode="host"))
    spec = task_spec(networks=(Attachment(target="app-id", aliases=("w",)),))
    web = world.create(service_spec(task=spec, replicas=2, endpoint=EndpointSpec(ports=ports)))
    world.settle()
    service = world.service(web)
    assert [(vip.network_id, vip.ipv4, vip.ipv6, vip.prefix) for vip in service.vips] == [
        ("app-id", "10.1.0.2", "fd00:1::2", 24),
        ("ingress-id", "10.0.0.2", "", 24),
    ]
    assert [port.published for port in service.ports] == [8080, 30000, 0]
    assert [[(a.network_id, a.ipv4, a.ipv6) for a in task.addresses] for task in world.tasks(web)] == [
        [("app-id", "10.1.0.3", "fd00:1::3"), ("ingress-id", "10.0.0.3", "")],
        [("app-id", "10.1.0.4", "fd00:1::4"), ("ingress-id", "10.0.0.4", "")],
    ]
    assert world.tasks(web)[0].host_ports[0].target == 82


def test_a_network_that_is_full_says_so_and_a_freed_address_is_taken() -> None:
    world = World(nodes=1)
    world.put(a_network("app", "10.1.0.0/29"))
    spec = task_spec(networks=(Attachment(target="app-id"),))
    web = world.create(service_spec(task=spec, replicas=5))
    world.settle()
    waiting = [task for task in world.tasks(web) if task.status.state == S.NEW]
    assert [task.status.error for task in waiting] == ["no available addresses on network app"]
    world.change(web, replicas=3)
    world.settle()
    world.change(web, replicas=4)
    world.settle()
    assert len(world.running(web)) == 4
    given = [task.addresses[0].ipv4 for task in world.running(web)]
    assert len(set(given)) == 4


def test_a_port_that_another_service_has_makes_tasks_wait_until_it_is_free() -> None:
    world = World(nodes=1)
    endpoint = EndpointSpec(ports=(PortConfig(target=80, published=8080),))
    first = world.create(service_spec("first", endpoint=endpoint))
    second = world.create(service_spec("second", endpoint=endpoint))
    world.settle()
    assert [task.status.error for task in world.tasks(second)] == [
        f"port '8080' is already in use by service 'first' ({first}) as an ingress port"
    ]
    world.drop("services", first)
    world.settle()
    assert len(world.running(second)) == 1


def test_a_task_waits_for_a_network_that_is_not_there_yet() -> None:
    world = World(nodes=1)
    web = world.create(service_spec(task=task_spec(networks=(Attachment(target="late-id"),))))
    world.settle()
    assert world.tasks(web)[0].status.error == "network late-id not found"
    world.put(a_network("late", "10.2.0.0/24"))
    world.settle()
    assert len(world.running(web)) == 1
