"""A cluster on paper: a view, what is decided on it, and nodes that do as they are told."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from shoal.cluster.book import EMPTY
from shoal.cluster.decide import decide
from shoal.cluster.plan import Plan, Put
from shoal.cluster.services import created, updated
from shoal.cluster.task import advance, has_ended, reported
from shoal.cluster.view import ClusterRecord, View
from shoal.model.cluster.cluster import Cluster, ClusterNetwork, ClusterSpec
from shoal.model.cluster.node import Availability, Node, NodeDescription, NodeSpec, NodeState, Role
from shoal.model.cluster.service import Service, ServiceSpec
from shoal.model.cluster.task import Amounts, Task, TaskSpec, TaskStatus
from shoal.model.cluster.task import TaskState as S
from shoal.model.container import ContainerSpec
from shoal.model.network import Ipam, NetworkSpec, Pool

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
GIB = 1 << 30


def container(image: str = "nginx", **fields: object) -> ContainerSpec:
    return ContainerSpec(image=image, **fields)  # type: ignore[arg-type]


def task_spec(image: str = "nginx", **fields: object) -> TaskSpec:
    return TaskSpec(**{"container": container(image), **fields})  # type: ignore[arg-type]


def service_spec(
    name: str = "web", image: str = "nginx", task: TaskSpec | None = None, **fields: object
) -> ServiceSpec:
    return ServiceSpec(name=name, task=task or task_spec(image), **fields)  # type: ignore[arg-type]


def a_node(number: int, *, labels: dict[str, str] | None = None, cpus: int = 4, memory: int = 8 * GIB) -> Node:
    return Node(
        id=f"node{number}",
        spec=NodeSpec(labels=labels or {}, role=Role.MANAGER if number == 1 else Role.WORKER),
        created_at=START,
        updated_at=START,
        number=number,
        state=NodeState.READY,
        address=f"192.0.2.{number}",
        description=NodeDescription(
            hostname=f"host{number}", resources=Amounts(nano_cpus=cpus * SECOND, memory_bytes=memory)
        ),
    )


def a_network(name: str, subnet: str, *, ingress: bool = False, subnet6: str = "") -> ClusterNetwork:
    pools = (Pool(subnet=subnet), *([Pool(subnet=subnet6)] if subnet6 else []))
    spec = NetworkSpec(name=name, driver="overlay", ingress=ingress, enable_ipv6=bool(subnet6), ipam=Ipam(config=pools))
    return ClusterNetwork(id=f"{name}-id", spec=spec, created_at=START)


class World:
    """Commits plans; its nodes carry tasks one state further at each `work`."""

    def __init__(self, nodes: int = 0, *, history: int = 5, remembers: bool = True) -> None:
        self.now = START
        self.view = View()
        self.book = EMPTY
        self.remembers = remembers
        self._ids = 0
        self.plan = Plan(version=0)
        self.put(Cluster(id="c", spec=ClusterSpec(task_history=history), created_at=0, updated_at=0, ca_certificate=""))
        self.put(*(a_node(number) for number in range(1, nodes + 1)))

    def new_id(self) -> str:
        self._ids += 1
        return f"id{self._ids:05d}"

    def put(self, *records: ClusterRecord) -> None:
        version = self.view.version + 1
        self.view = self.view.changed(version, [(record, version) for record in records])

    def drop(self, kind: str, key: str) -> None:
        self.view = self.view.changed(self.view.version + 1, (), [(kind, key)])

    def create(self, spec: ServiceSpec) -> str:
        service = created(self.new_id(), spec, self.now)
        self.put(service)
        return service.id

    def update(self, service_id: str, spec: ServiceSpec) -> None:
        self.put(updated(self.service(service_id), spec, self.now))

    def change(self, service_id: str, **fields: object) -> None:
        """Update parts of the spec."""
        self.update(service_id, replace(self.service(service_id).spec, **fields))  # type: ignore[arg-type]

    def set_node(
        self, node_id: str, *, state: NodeState | None = None, availability: Availability | None = None
    ) -> None:
        node = self.view.nodes[node_id]
        spec = replace(node.spec, availability=availability) if availability else node.spec
        self.put(replace(node, spec=spec, state=state or node.state))

    def service(self, service_id: str) -> Service:
        return self.view.services[service_id]

    def ask(self) -> Plan:
        """What is decided now."""
        book = self.book if self.remembers else None
        return decide(self.view, self.now, new_id=self.new_id, choose=lambda below: 0, book=book)

    def commit(self, plan: Plan) -> None:
        """Write what was decided."""
        self.plan, self.book = plan, plan.book
        puts = [change.record for change in plan.changes if isinstance(change, Put)]
        gone = [(change.kind, change.id) for change in plan.changes if not isinstance(change, Put)]
        if puts or gone:
            version = self.view.version + 1
            self.view = self.view.changed(version, [(record, version) for record in puts], gone)

    def decide(self) -> Plan:
        """Decide once and commit."""
        self.commit(self.ask())
        return self.plan

    def work(self, *, fails: Callable[[Task], bool] = lambda task: False) -> bool:
        """Each node that is up brings each of its tasks as far as it is wanted; whether that changed anything."""
        changed = []
        for task in self.view.tasks.values():
            node = self.view.nodes.get(task.node_id)
            if task.status.state < S.ASSIGNED or node is None or node.state != NodeState.READY or has_ended(task):
                continue
            state = task.status.state
            while True:
                following, _ = advance(state, task.desired)
                if following in (state, S.COMPLETE):
                    break
                state = following
            if state == S.RUNNING and fails(task):
                state = S.FAILED
            if state != task.status.state:
                changed.append(reported(task, TaskStatus(state=state, at=self.now), self.now))
        self.put(*filter(None, changed))
        return bool(changed)

    def end(self, task: Task, state: S = S.FAILED, error: str = "task: non-zero exit (1)") -> None:
        """A task ends by itself."""
        done = reported(self.view.tasks[task.id], TaskStatus(state=state, at=self.now, error=error), self.now)
        assert done is not None
        self.put(done)

    def settle(
        self, *, seconds: float = 0, fails: Callable[[Task], bool] = lambda task: False, rounds: int = 500
    ) -> None:
        """Decide as long as there is something to decide, work, and again, for at most so many seconds."""
        until = self.now + int(seconds * SECOND)
        for _ in range(rounds):
            if self.decide().changes or self.work(fails=fails):
                continue
            if not self.plan.wake_at or self.plan.wake_at > until:
                self.now = max(self.now, until)
                return
            self.now = max(self.now, self.plan.wake_at)
        raise AssertionError("does not come to rest")

    def tasks(self, service_id: str) -> list[Task]:
        return sorted(self.view.tasks_of.get(service_id, {}).values(), key=lambda t: (t.slot, t.created_at, t.id))

    def running(self, service_id: str) -> list[Task]:
        """Those that run where their node is up."""
        return [task for task in self.tasks(service_id) if task.status.state == S.RUNNING and self.is_up(task.node_id)]

    def is_up(self, node_id: str) -> bool:
        node = self.view.nodes.get(node_id)
        return node is not None and node.state == NodeState.READY

    def shown(self, service_id: str) -> list[str]:
        """ "slot node desired state" of each task, as a table that tests compare whole"""
        return [
            f"{task.slot or task.node_id} {task.node_id or '-'} {task.desired.name} {task.status.state.name}"
            for task in self.tasks(service_id)
        ]


def causes(plan: Plan) -> Iterable[str]:
    return [change.cause for change in plan.changes]
