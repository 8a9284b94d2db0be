"""Lists of services and tasks, filtered; and how many tasks of a service run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from shoal.cluster.reconcile.turn import host_ports
from shoal.cluster.view import View
from shoal.contracts.cluster.control import Filters
from shoal.errors import InvalidArgument
from shoal.model.cluster.node import NodeState
from shoal.model.cluster.service import Service, ServiceMode
from shoal.model.cluster.task import Task, TaskState
from shoal.model.filters import check_filters, match_labels, parse_flag
from shoal.swarm.manager.control.find import begins, oldest_first, resolve
from shoal.swarm.manager.control.nodes import name_of

_SERVICE_FILTERS = ("id", "label", "mode", "name", "runtime")
_TASK_FILTERS = ("desired-state", "id", "label", "name", "node", "runtime", "service", "_up-to-date")
#: what may be asked for. Source: Docker Engine API v1.51, TaskList
_DESIRED: Mapping[str, Callable[[TaskState], bool]] = {
    "running": lambda state: state in (TaskState.RUNNING, TaskState.COMPLETE),
    "shutdown": lambda state: state in (TaskState.SHUTDOWN, TaskState.REMOVE),
    "accepted": lambda state: state in (TaskState.ACCEPTED, TaskState.READY),
}


def services(view: View, filters: Filters) -> list[Service]:
    """Those that pass, oldest first. Raises: InvalidArgument"""
    check_filters(filters, _SERVICE_FILTERS)
    found = [
        service
        for service in view.services.values()
        if begins(service.id, filters.get("id", ()))
        and begins(service.spec.name, filters.get("name", ()))
        and match_labels(service.spec.labels, filters.get("label", ()))
        and (not filters.get("mode") or service.spec.mode.value in filters["mode"])
        and (not filters.get("runtime") or "container" in filters["runtime"])
    ]
    return oldest_first(found, lambda service: service.created_at)


def tasks(view: View, filters: Filters, self_id: str) -> list[Task]:
    """Those that pass, oldest first. Raises: InvalidArgument, NotFound"""
    check_filters(filters, _TASK_FILTERS)
    wanted_services = [
        resolve("service", reference, view.services, lambda service: service.spec.name).id
        for reference in filters.get("service", ())
    ]
    wanted_nodes = [
        resolve("node", self_id if reference == "self" else reference, view.nodes, name_of).id
        for reference in filters.get("node", ())
    ]
    is_desired = _desired(filters.get("desired-state", ()))
    up_to_date = parse_flag("_up-to-date", filters.get("_up-to-date", ()))
    found = [
        task
        for task in _candidates(view, wanted_services, wanted_nodes)
        if not task.is_attachment
        and begins(task.id, filters.get("id", ()))
        and begins(task.name, filters.get("name", ()))
        and match_labels(task.labels or task.spec.container.labels, filters.get("label", ()))
        and is_desired(task.desired)
        and (up_to_date is None or _is_up_to_date(view, task) is up_to_date)
        and (not filters.get("runtime") or "container" in filters["runtime"])
    ]
    return oldest_first(found, lambda task: task.created_at)


def _candidates(view: View, wanted_services: Sequence[str], wanted_nodes: Sequence[str]) -> list[Task]:
    """By the index that fits, so that one service of thousands of tasks is not searched for."""
    if wanted_services:
        some = [task for identity in wanted_services for task in view.tasks_of.get(identity, {}).values()]
        return [task for task in some if not wanted_nodes or task.node_id in wanted_nodes]
    if wanted_nodes:
        return [task for identity in wanted_nodes for task in view.tasks_on.get(identity, {}).values()]
    return list(view.tasks.values())


def _desired(wanted: Sequence[str]) -> Callable[[TaskState], bool]:
    for name in wanted:
        if name not in _DESIRED:
            raise InvalidArgument(f"invalid filter 'desired-state={name}'")
    return lambda state: not wanted or any(_DESIRED[name](state) for name in wanted)


def _is_up_to_date(view: View, task: Task) -> bool:
    """Whether its service asks for no other task: a scale keeps those that are there."""
    service = view.services.get(task.service_id)
    if service is None or task.spec_version >= service.spec_version:
        return service is not None
    wanted = service.spec.task
    return replace(task.spec, placement=wanted.placement) == wanted and task.host_ports == host_ports(service)


def count(view: View, service: Service) -> tuple[int, int, int]:
    """(running, desired, completed) tasks; what is on a node that is down does not run, as far as can be known.

    Source: SwarmKit, ListServiceStatuses
    """
    of_service = view.tasks_of.get(service.id, {})
    is_job = service.spec.mode in (ServiceMode.REPLICATED_JOB, ServiceMode.GLOBAL_JOB)
    running = desired = completed = 0
    for task in of_service.values():
        if is_job and task.iteration != service.iteration:
            continue
        node = view.nodes.get(task.node_id)
        is_up = node is not None and node.state is not NodeState.DOWN
        running += is_up and task.status.state is TaskState.RUNNING and task.desired <= TaskState.COMPLETE
        desired += task.desired in (TaskState.RUNNING, TaskState.COMPLETE) and (
            not is_job or task.status.state < TaskState.COMPLETE
        )
        completed += task.status.state is TaskState.COMPLETE
    if service.spec.mode is ServiceMode.REPLICATED:
        desired = service.spec.replicas
    elif service.spec.mode is ServiceMode.REPLICATED_JOB:
        desired = service.spec.max_concurrent or service.spec.replicas
    return running, desired, completed
