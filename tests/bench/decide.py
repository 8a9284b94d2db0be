"""python -m tests.bench.decide: CPU time of the orchestrator's decisions with 1,000 nodes and 30,000 tasks."""

import gc
import sys
import time

from shoal.cluster.services import created
from shoal.model.cluster.task import Amounts, Attachment, Placement
from shoal.model.cluster.task import TaskState as S
from tests.support.cluster_world import GIB, World, a_network, a_node, service_spec, task_spec

NODES, SERVICES, REPLICAS, CHANGES = 1000, 300, 100, 100
ROUNDS = 60
LIMIT_ALL_S, LIMIT_P99_S = 20.0, 0.020


def main() -> int:
    """Prints two figures; 1 when one is over what is wanted."""
    world = World()
    world.put(*(a_node(n, labels={"zone": f"z{n % 4}"}, cpus=32, memory=128 * GIB) for n in range(1, NODES + 1)))
    world.put(*(a_network(f"net{n}", f"10.{n}.0.0/16") for n in range(1, 21)))
    for number in range(SERVICES):
        spec = task_spec(
            reservations=Amounts(nano_cpus=10**8, memory_bytes=GIB // 8),
            networks=(Attachment(target=f"net{number % 20 + 1}-id"),),
            placement=Placement(spread=("node.labels.zone",) if number % 10 == 0 else ()),
        )
        world.put(created(f"service{number:03}", service_spec(f"s{number}", task=spec, replicas=REPLICAS), world.now))
    all_s = _timed(world)
    placed = sum(task.status.state == S.ASSIGNED for task in world.view.tasks.values())
    world.settle(seconds=1)
    seconds = sorted(_tick(world, number) for number in range(ROUNDS))
    p50, p99 = seconds[len(seconds) // 2], seconds[-1 - len(seconds) // 100]
    print(f"decide: {placed} tasks on {NODES} nodes placed in {all_s:.2f} s ({placed / all_s:.0f}/s)")
    print(f"decide: {CHANGES} tasks failed: p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms of {ROUNDS}")
    return int(all_s > LIMIT_ALL_S or p99 > LIMIT_P99_S or placed != SERVICES * REPLICAS)


def _tick(world: World, number: int) -> float:
    """Seconds of one decision after so many tasks all over the cluster have failed."""
    running = [task for task in world.view.tasks.values() if task.status.state == S.RUNNING]
    step = len(running) // CHANGES
    for task in running[number % step :: step][:CHANGES]:
        world.end(task)
    taken = _timed(world)
    assert len(world.plan.changes) >= 2 * CHANGES, len(world.plan.changes)
    world.now += 10**9
    world.settle(seconds=1)
    return taken


def _timed(world: World) -> float:
    """CPU seconds of the decision alone; its plan is committed then."""
    gc.collect()
    started_at = time.process_time()
    plan = world.ask()
    taken = time.process_time() - started_at
    world.commit(plan)
    return taken


if __name__ == "__main__":
    sys.exit(main())
