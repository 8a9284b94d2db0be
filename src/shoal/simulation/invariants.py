"""What must hold after every write, whatever fails: safety."""

from collections import Counter
from collections.abc import Iterator, Mapping

from shoal.cluster.view import ClusterRecord, View
from shoal.contracts.cluster.store import Changes
from shoal.model.cluster.service import ServiceMode
from shoal.model.cluster.task import Task, TaskState
from shoal.swarm.manager import records

_JOBS = (ServiceMode.REPLICATED_JOB, ServiceMode.GLOBAL_JOB)


class Broken(Exception):
    """A property does not hold."""


class Witness:
    """Sees every write of the store and checks it."""

    def __init__(self) -> None:
        self.view = View()
        self.writes = 0

    def note(self, changes: Changes) -> None:
        """A write that happened. Raises: Broken"""
        puts: list[tuple[ClusterRecord, int]] = []
        gone: list[tuple[str, str]] = []
        for key, value in changes.values.items():
            if (place := records.split_key(key)) is None:
                continue
            if value is None:
                gone.append(place)
            else:
                puts.append((records.decode(place[0], value.data), value.revision))
        before, self.view = self.view, self.view.changed(changes.revision, puts, gone)
        self.writes += 1
        for record, _ in puts:
            if isinstance(record, Task):
                _check_task(before.tasks.get(record.id), record)
        for problem in _problems(self.view):
            raise Broken(problem)

    def stopped(self, node_id: str, task_id: str) -> None:
        """A node stops or removes this container, which runs. Raises: Broken"""
        task = self.view.tasks.get(task_id)
        if task is None or task.node_id != node_id or task.status.state > TaskState.RUNNING:
            return
        if task.desired <= TaskState.COMPLETE:
            raise Broken(f"{node_id}: stops {task.name}, which is to be {task.desired.name}")


def _check_task(before: Task | None, task: Task) -> None:
    if before is None:
        return
    if task.status.state < before.status.state:
        raise Broken(f"{task.name}: its state went back from {before.status.state.name} to {task.status.state.name}")
    if task.desired < before.desired:
        raise Broken(f"{task.name}: its desired state went back from {before.desired.name} to {task.desired.name}")
    if before.node_id and task.node_id != before.node_id:
        raise Broken(f"{task.name}: it moved from {before.node_id} to {task.node_id}")
    if (task.service_id, task.slot) != (before.service_id, before.slot):
        raise Broken(f"{task.name}: it changed its service or slot")


def _problems(view: View) -> Iterator[str]:
    yield from _addresses(view)
    yield from _ports(view)
    for service_id, tasks in view.tasks_of.items():
        if service_id in view.services:
            yield from _slots(view, service_id, tasks)


def _addresses(view: View) -> Iterator[str]:
    owners: dict[tuple[str, str], str] = {}
    for service in view.services.values():
        for vip in service.vips:
            if vip.ipv4:
                yield from _own(owners, (vip.network_id, vip.ipv4), f"service {service.spec.name}")
    for task in view.tasks.values():
        if task.status.state > TaskState.RUNNING:
            continue
        for address in task.addresses:
            if address.ipv4:
                yield from _own(owners, (address.network_id, address.ipv4), f"task {task.name}")


def _own(owners: dict[tuple[str, str], str], key: tuple[str, str], owner: str) -> Iterator[str]:
    if (other := owners.setdefault(key, owner)) != owner:
        yield f"address {key[1]} of network {key[0]} belongs to {other} and to {owner}"


def _ports(view: View) -> Iterator[str]:
    owners: dict[tuple[str, int], str] = {}
    for service in view.services.values():
        for port in service.ports:
            key = (port.protocol, port.published)
            if port.mode == "ingress" and port.published:
                other = owners.setdefault(key, service.spec.name)
                if other != service.spec.name:
                    yield f"port {port.published} belongs to {other} and to {service.spec.name}"


def _slots(view: View, service_id: str, tasks: Mapping[str, Task]) -> Iterator[str]:
    service = view.services[service_id]
    wanted = [t for t in tasks.values() if t.desired <= TaskState.RUNNING and t.status.state <= TaskState.RUNNING]
    if service.spec.mode not in _JOBS:
        slots = Counter((t.slot, t.node_id if not t.slot else "") for t in wanted)
        for slot, count in slots.items():
            if count > 3 and (slot[0] or slot[1]):  # old, new, and newer of an update during an update
                yield f"{service.spec.name}: {count} tasks want to run in slot {slot}"
    limit = service.spec.task.placement.max_replicas
    if limit and service.spec.mode is ServiceMode.REPLICATED:
        placed = Counter(t.node_id for t in wanted if t.node_id and t.spec.placement.max_replicas == limit)
        for node_id, count in placed.items():
            # While one is replaced by another on its node, both count for a moment.
            if count > limit * 2:
                yield f"{service.spec.name}: {count} tasks on {node_id}, at most {limit} may be"
