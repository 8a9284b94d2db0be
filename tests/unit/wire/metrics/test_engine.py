"""What is told of the engine and of a cluster."""

from collections import Counter

from shoal.model.build import BuildCounts
from shoal.model.cluster.node import ManagerStatus, Node, NodeDescription, NodeSpec, NodeState, Role
from shoal.model.cluster.service import Service, ServiceSpec
from shoal.model.cluster.task import Task, TaskSpec, TaskState, TaskStatus
from shoal.model.container import ContainerSpec
from shoal.wire.metrics.cluster import cluster_families
from shoal.wire.metrics.engine import OperationTimes, build_families, event_family, object_families, request_families
from shoal.wire.metrics.exposition import page


def _task(id: str, service: str, slot: int, state: TaskState) -> Task:
    spec = TaskSpec(container=ContainerSpec(image="nginx"))
    return Task(
        id=id,
        service_id=service,
        service_name="shop_web",
        spec_version=1,
        slot=slot,
        spec=spec,
        created_at=0,
        status=TaskStatus(state=state),
    )


def _values(families) -> list[str]:
    return [line.removeprefix("shoal_") for line in page(families).splitlines() if not line.startswith("#")]


def test_request_times_are_a_histogram_whose_buckets_grow():
    times = OperationTimes()
    for seconds in (0.001, 0.004, 0.2, 99.0):
        times.add(200, seconds)
    times.add(404, 0.005)
    lines = _values(request_families({"Ping": times}))
    assert lines[:2] == [
        'api_requests_total{operation="Ping",status="200"} 4',
        'api_requests_total{operation="Ping",status="404"} 1',
    ]
    buckets = {line.split('le="')[1].split('"')[0]: int(line.split()[-1]) for line in lines if "_bucket" in line}
    assert (buckets["0.005"], buckets["0.1"], buckets["0.25"], buckets["10.0"], buckets["+Inf"]) == (3, 3, 4, 4, 5)
    assert lines[-2:] == [
        'api_request_seconds_sum{operation="Ping"} 99.21',
        'api_request_seconds_count{operation="Ping"} 5',
    ]


def test_objects_builds_and_events_are_counted():
    assert _values(object_families([], {"images": 3})) == [
        'containers{state="paused"} 0',
        'containers{state="running"} 0',
        'containers{state="stopped"} 0',
        "images 3",
    ]
    assert _values(build_families(BuildCounts(running=1, ended={"failed": 2}, seconds=1.5))) == [
        "builds_running 1",
        'builds_total{result="failed"} 2',
        "build_seconds_total 1.5",
    ]
    assert _values([event_family(Counter({("image", "pull"): 2}))]) == ['events_total{type="image",action="pull"} 2']


def test_nodes_services_and_tasks_of_a_cluster():
    node = Node(
        id="n1",
        spec=NodeSpec(role=Role.MANAGER),
        created_at=0,
        updated_at=0,
        description=NodeDescription(hostname="alpha"),
        state=NodeState.READY,
        manager=ManagerStatus(address="x:2377", is_leader=True),
    )
    task_spec = TaskSpec(container=ContainerSpec(image="nginx"))
    spec = ServiceSpec(name="shop_web", task=task_spec, labels={"com.docker.stack.namespace": "shop"}, replicas=2)
    service = Service(id="s1", spec=spec, created_at=0, updated_at=0)
    tasks = [
        _task(str(slot), of, slot, state)
        for slot, of, state in (
            (1, "s1", TaskState.RUNNING),
            (2, "s1", TaskState.FAILED),
            (3, "s1", TaskState.FAILED),
            (4, "gone", TaskState.RUNNING),
        )
    ]
    labels = 'service="shop_web",stack="shop",mode="replicated"'
    assert _values(cluster_families([node], [service], tasks, {"s1": (1, 2, 0), "gone": (1, 1, 0)})) == [
        "cluster_services 1",
        'cluster_node{node="alpha",node_id="n1",role="manager",availability="active",state="ready",leader="true"} 1',
        f"service_tasks_running{{{labels}}} 1",
        f"service_tasks_desired{{{labels}}} 2",
        f"service_tasks_completed{{{labels}}} 0",
        f'service_tasks{{{labels},state="failed"}} 2',
        f'service_tasks{{{labels},state="running"}} 1',
    ]
