"""Metrics of a cluster, as one of its managers sees it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from shoal.model.cluster.node import Node
from shoal.model.cluster.service import Service
from shoal.model.cluster.task import Task
from shoal.wire.metrics.exposition import Family, Sample, gauge, joined, label_text

_STACK = "com.docker.stack.namespace"


def cluster_families(
    nodes: Sequence[Node],
    services: Sequence[Service],
    tasks: Sequence[Task],
    counts: Mapping[str, tuple[int, int, int]],
) -> Iterator[Family]:
    """Nodes, services and tasks.

    counts: {service id: (running tasks, desired tasks, completed tasks)}
    """
    yield gauge("shoal_cluster_services", "Services of the cluster", len(services))
    yield Family("shoal_cluster_node", "gauge", "Always 1; the labels say what a node is", [_node(n) for n in nodes])
    named = {service.id: service for service in services}
    for index, name, help in (
        (0, "running", "Tasks that run"),
        (1, "desired", "Tasks that are to run"),
        (2, "completed", "Tasks of a job that have completed"),
    ):
        samples = [Sample(_labels(named[key]), found[index]) for key, found in counts.items() if key in named]
        yield Family(f"shoal_service_tasks_{name}", "gauge", help, samples)
    states = Counter((task.service_id, task.status.state.name.lower()) for task in tasks if task.service_id in named)
    yield Family(
        "shoal_service_tasks",
        "gauge",
        "Tasks by state, with those that are kept for their history",
        [
            Sample(joined(_labels(named[service]), f'state="{state}"'), count)
            for (service, state), count in sorted(states.items())
        ],
    )


def _node(node: Node) -> Sample:
    return Sample(
        label_text(
            {
                "node": node.description.hostname or node.id,
                "node_id": node.id,
                "role": str(node.spec.role),
                "availability": str(node.spec.availability),
                "state": str(node.state),
                "leader": "true" if node.manager and node.manager.is_leader else "",
            }
        ),
        1,
    )


def _labels(service: Service) -> str:
    spec = service.spec
    return label_text({"service": spec.name, "stack": spec.labels.get(_STACK, ""), "mode": str(spec.mode)})
