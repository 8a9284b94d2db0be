"""What the tasks of a node take of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from shoal.model.cluster.node import Node
from shoal.model.cluster.task import HostPort, Task
from shoal.model.cluster.task import TaskState as S

ASSIGNED, RUNNING, COMPLETE = S.ASSIGNED, S.RUNNING, S.COMPLETE
Change = tuple[Task | None, Task | None]  #: a task before and after, None = is not there
BoundPort = tuple[str, int, str]  #: protocol, port, address of the node ("" = all)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUse:
    """tasks: those that are wanted; what is reserved counts until a task has ended"""

    tasks: int = 0
    nano_cpus: int = 0
    memory_bytes: int = 0
    generic: tuple[tuple[str, int], ...] = ()
    ports: frozenset[BoundPort] = frozenset()

    def plus(self, task: Task) -> "NodeUse":
        """With one more task."""
        wants = task.spec.reservations
        generic = self.generic
        if wants.generic:
            sums = dict(generic)
            for kind, number in wants.generic.items():
                sums[kind] = sums.get(kind, 0) + number
            generic = tuple(sorted(sums.items()))
        return NodeUse(
            tasks=self.tasks + 1,
            nano_cpus=self.nano_cpus + wants.nano_cpus,
            memory_bytes=self.memory_bytes + wants.memory_bytes,
            generic=generic,
            ports=self.ports.union(bound(task.host_ports)) if task.host_ports else self.ports,
        )

    def has_less_than(self, other: "NodeUse") -> bool:
        """Whether something became free since `other`."""
        return (
            self.tasks < other.tasks
            or self.nano_cpus < other.nano_cpus
            or self.memory_bytes < other.memory_bytes
            or self.generic != other.generic
            or not other.ports <= self.ports
        )


UNUSED = NodeUse()


def use_of(tasks: Iterable[Task]) -> NodeUse:
    """What these tasks of one node take."""
    count = cpus = memory = 0
    generic: dict[str, int] = {}
    ports: set[BoundPort] = set()
    for task in tasks:
        if not ASSIGNED <= task.status.state <= RUNNING:
            continue
        count += task.desired <= COMPLETE
        wants = task.spec.reservations
        cpus += wants.nano_cpus
        memory += wants.memory_bytes
        if wants.generic:
            for kind, number in wants.generic.items():
                generic[kind] = generic.get(kind, 0) + number
        if task.host_ports:
            ports.update(bound(task.host_ports))
    return NodeUse(
        tasks=count,
        nano_cpus=cpus,
        memory_bytes=memory,
        generic=tuple(sorted(generic.items())),
        ports=frozenset(ports),
    )


def use_after(use: NodeUse, changes: Iterable[Change]) -> NodeUse | None:
    """What a node's tasks take after these of them have changed; None = not to be told from them alone."""
    count, cpus, memory = use.tasks, use.nano_cpus, use.memory_bytes
    for before, after in changes:
        for task, step in ((before, -1), (after, 1)):
            if task is None or not ASSIGNED <= task.status.state <= RUNNING:
                continue
            wants = task.spec.reservations
            if wants.generic or task.host_ports:
                return None
            count += step * (task.desired <= COMPLETE)
            cpus += step * wants.nano_cpus
            memory += step * wants.memory_bytes
    return NodeUse(tasks=count, nano_cpus=cpus, memory_bytes=memory, generic=use.generic, ports=use.ports)


def bound(ports: Iterable[HostPort]) -> set[BoundPort]:
    """Ports of a node that are taken for good; those that the node chooses are not among them."""
    return {(port.protocol, port.published, port.host_ip) for port in ports if port.published}


def lacks(node: Node, use: NodeUse, task: Task) -> tuple[str, ...]:
    """What a node has too little of for one more task: "cpu", "memory", kinds of generic resources."""
    wants, has = task.spec.reservations, node.description.resources
    missing: list[str] = []
    if wants.nano_cpus and use.nano_cpus + wants.nano_cpus > has.nano_cpus:
        missing.append("cpu")
    if wants.memory_bytes and use.memory_bytes + wants.memory_bytes > has.memory_bytes:
        missing.append("memory")
    if wants.generic:
        taken = dict(use.generic)
        missing.extend(
            kind for kind, number in wants.generic.items() if taken.get(kind, 0) + number > has.generic.get(kind, 0)
        )
    return tuple(missing)


def has_port_taken(use: NodeUse, task: Task) -> bool:
    """Whether one of the task's ports of mode host is bound already."""
    return any(
        protocol == other_protocol and port == other_port and (address == other or not address or not other)
        for protocol, port, address in bound(task.host_ports)
        for other_protocol, other_port, other in use.ports
    )
