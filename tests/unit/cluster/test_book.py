"""What has changed since the last decision is found, by the trail of changes or without it."""

import pytest

from shoal.cluster.book import read
from shoal.cluster.view import TRAIL
from shoal.model.cluster.task import TaskState as S
from tests.support.cluster_world import World, a_node, service_spec


@pytest.mark.parametrize("steps", [0, 1, TRAIL - 1, TRAIL, TRAIL + 1, 3 * TRAIL])
def test_changed_tasks_are_found_however_many_changes_came_between(steps: int) -> None:
    world = World(nodes=3)
    web, other = world.create(service_spec("web", replicas=3)), world.create(service_spec("other", replicas=2))
    world.settle()
    before, book = world.view, world.book
    for number in range(steps):
        world.put(a_node(1, labels={"number": str(number)}))
    ended, gone = world.tasks(web)[1], world.tasks(other)[0]
    world.end(ended, S.FAILED)
    world.drop("tasks", gone.id)
    assert (world.view.tasks_since(before.version) is None) == (steps + 2 > TRAIL + 1)
    assert read(world.view, book).changed == {
        web: {ended.id: (ended, world.view.tasks[ended.id])},
        other: {gone.id: (gone, None)},
    }


def test_what_is_put_as_it_was_has_not_changed() -> None:
    world = World(nodes=1)
    web = world.create(service_spec(replicas=2))
    world.settle()
    world.put(*world.tasks(web))
    assert read(world.view, world.book).changed == {}
