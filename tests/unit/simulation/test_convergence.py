"""What counts as converged: services, judged by their tasks."""

import pytest

from shoal.model.cluster.node import Availability
from shoal.model.cluster.task import Placement
from shoal.model.cluster.task import TaskState as S
from shoal.simulation.convergence import of_services
from tests.support.cluster_world import World, service_spec, task_spec

ON_WORKERS = Placement(constraints=("node.role==worker",))


def test_a_paused_node_keeps_its_tasks_and_gets_no_more() -> None:
    world = World(nodes=2)
    web = world.create(service_spec(replicas=3, task=task_spec(placement=ON_WORKERS)))
    assert of_services(world.view)
    world.settle()
    assert of_services(world.view) == []
    world.set_node("node2", availability=Availability.PAUSE)
    world.change(web, replicas=5)
    world.settle()
    assert len(world.running(web)) == 3
    assert of_services(world.view) == []
    world.end(world.running(web)[0], S.FAILED)
    assert of_services(world.view) == [], "its place is no longer there"
    world.set_node("node2", availability=Availability.ACTIVE)
    assert of_services(world.view) == ["web: {<Availability.ACTIVE: 'active'>: 2} tasks run, 5 wanted, 5 places"]


@pytest.mark.parametrize(("limit", "moved"), [(0, 2), (2, 0), (3, 1)])
def test_a_drained_node_keeps_what_has_no_place_elsewhere(limit: int, moved: int) -> None:
    world = World(nodes=2)
    web = world.create(service_spec(replicas=4, task=task_spec(placement=Placement(max_replicas=limit))))
    world.settle()
    world.set_node("node2", availability=Availability.DRAIN)
    assert (of_services(world.view) == []) == (moved == 0)
    world.settle(seconds=60)
    assert of_services(world.view) == []
    assert sum(task.node_id == "node1" for task in world.running(web)) == 2 + moved
