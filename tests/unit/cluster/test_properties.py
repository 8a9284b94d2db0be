"""Whatever happens to a cluster: what must hold after every decision, and where it must end when faults do."""

import os
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoal.cluster.book import EMPTY
from shoal.cluster.decide import decide
from shoal.cluster.plan import Put
from shoal.cluster.schedule.constraints import satisfies
from shoal.cluster.services import rebalanced, rolled_back
from shoal.cluster.task import has_ended, is_live, is_wanted
from shoal.cluster.view import View
from shoal.model.cluster.node import Availability, NodeState
from shoal.model.cluster.service import EndpointSpec, PortConfig, ServiceMode, UpdateConfig
from shoal.model.cluster.task import Amounts, Attachment, Placement, RestartPolicy, Task
from shoal.model.cluster.task import TaskState as S
from tests.support.cluster_world import GIB, SECOND, World, a_network, a_node, service_spec, task_spec

EXAMPLES = int(os.environ.get("SHOAL_CLUSTER_EXAMPLES", "60"))
NODES = ("node1", "node2", "node3", "node4")
SHAPES = (
    {"replicas": 3},
    {"replicas": 4, "update": UpdateConfig(order="start-first", parallelism=2)},
    {"replicas": 2, "update": UpdateConfig(on_failure="rollback", parallelism=0)},
    {"mode": ServiceMode.GLOBAL, "update": UpdateConfig(on_failure="continue")},
    {"mode": ServiceMode.REPLICATED_JOB, "replicas": 3, "max_concurrent": 2},
    {"mode": ServiceMode.GLOBAL_JOB},
)
TASKS = (
    {"networks": (Attachment(target="app-id"),)},
    {"reservations": Amounts(memory_bytes=2 * GIB), "networks": (Attachment(target="small-id"),)},
    {"placement": Placement(constraints=("node.labels.zone==a",), spread=("node.labels.rack",))},
    {"restart": RestartPolicy(delay_s=1.0, max_attempts=2)},
)
EVENTS = (
    *("create", "create", "image", "scale", "remove", "force", "rollback", "rebalance", "pin"),
    *("down", "up", "drain", "active", "leave", "join"),
    *("fail", "fail", "end", "work", "work", "work", "wait", "lost-plan", "half-plan"),
)
number = st.integers(0, 11)
events = st.lists(
    st.tuples(
        st.sampled_from(EVENTS),
        number,
        number,
    ),
    max_size=25,
)


class Story:
    """A world to which things happen."""

    def __init__(self) -> None:
        self.world = World(history=3)
        self.world.put(a_network("ingress", "10.0.0.0/24", ingress=True), a_network("app", "10.1.0.0/26"))
        self.world.put(a_network("small", "10.2.0.0/29"))
        for node in NODES[:3]:
            self._join(node)

    def _join(self, node_id: str) -> None:
        index = int(node_id[4:])
        self.world.put(a_node(index, labels={"zone": "ab"[index % 2], "rack": str(index)}))

    def happen(self, event: str, first: int, second: int) -> None:
        """One event; nothing where there is nothing that it could happen to."""
        world = self.world
        if event == "work":
            world.work()
        elif event == "wait":
            world.now += (1 + first * second) * SECOND
        elif event in ("lost-plan", "half-plan"):
            plan = world.ask()
            world.book = plan.book
            half = plan.changes[: len(plan.changes) // 2] if event == "half-plan" else ()
            for change in half:
                if isinstance(change, Put):
                    world.put(change.record)
                else:
                    world.drop(change.kind, change.id)
        elif event == "create" and len(world.view.services) < 4:
            ports = (PortConfig(target=80, published=8080 + first),) if second % 2 else ()
            host = (PortConfig(target=81, published=81, mode="host"),) if second % 5 == 4 else ()
            shape = SHAPES[first % len(SHAPES)]
            spec = task_spec(**TASKS[second % len(TASKS)])
            name = f"s{len(world.view.services)}-{first}"
            world.create(service_spec(name, task=spec, endpoint=EndpointSpec(ports=ports + host), **shape))
        elif event in NODE_EVENTS:
            self._node_event(event, NODES[first % len(NODES)])
        elif world.view.services:
            self._service_event(event, sorted(world.view.services)[first % len(world.view.services)], second)

    def _node_event(self, event: str, node_id: str) -> None:
        world = self.world
        if node_id not in world.view.nodes:
            if event == "join":
                self._join(node_id)
        elif event == "leave":
            world.drop("nodes", node_id)
        elif event == "down":
            world.set_node(node_id, state=NodeState.DOWN)
        elif event == "up":
            world.set_node(node_id, state=NodeState.READY)
        elif event == "drain":
            world.set_node(node_id, availability=Availability.DRAIN)
        elif event == "active":
            world.set_node(node_id, availability=Availability.ACTIVE)

    def _service_event(self, event: str, service_id: str, value: int) -> None:
        world = self.world
        service = world.service(service_id)
        spec = service.spec.task
        running = world.running(service_id)
        if event == "image":
            container = task_spec(f"image:{value}").container
            world.change(service_id, task=task_spec(**{**_fields(spec), "container": container}))
        elif event == "pin":
            placement = Placement(constraints=(f"node.labels.zone!={'abc'[value % 3]}",))
            world.change(service_id, task=task_spec(**{**_fields(spec), "placement": placement}))
        elif event == "force":
            world.change(service_id, task=task_spec(**{**_fields(spec), "force": spec.force + 1}))
        elif event == "scale":
            world.change(service_id, replicas=value % 6)
        elif event == "remove" and value > 8:
            world.drop("services", service_id)
        elif event == "rollback" and service.previous is not None:
            world.put(rolled_back(service, world.now))
        elif event == "rebalance":
            world.put(rebalanced(service, world.now))
        elif event in ("fail", "end") and running:
            world.end(running[value % len(running)], S.FAILED if event == "fail" else S.COMPLETE)

    def decide(self) -> None:
        """Decide, commit, and hold what came of it against what must be."""
        before = self.world.view
        self.world.decide()
        check_steps(before, self.world.view)
        check_state(self.world)
        if self.world.plan.waiting:
            # What this plan has freed is not given away before the plan is written.
            for _ in range(2):
                self.world.decide()
                check_state(self.world)
        again = self.world.ask()
        assert again.changes == (), f"decided again without need: {again.changes}"
        anew = decide(self.world.view, self.world.now, new_id=self.world.new_id, choose=lambda below: 0, book=EMPTY)
        assert anew.changes == (), f"overlooked with the book: {anew.changes}"


NODE_EVENTS = frozenset(["down", "up", "drain", "active", "leave", "join"])


def _fields(spec: object) -> dict[str, object]:
    return {
        name: getattr(spec, name) for name in ("container", "reservations", "restart", "placement", "networks", "force")
    }


def check_steps(before: View, after: View) -> None:
    """A state only grows, a wish too once it is to end; a task never changes node; virtual addresses stay."""
    for task_id, task in after.tasks.items():
        old = before.tasks.get(task_id)
        if old is not None:
            assert task.status.state >= old.status.state
            assert task.node_id == old.node_id or not old.node_id
            assert is_wanted(old) or task.desired >= old.desired
            assert task.addresses == old.addresses or not old.addresses
    for task_id, old in before.tasks.items():
        if task_id not in after.tasks:
            gone = old.status.state < S.ASSIGNED or has_ended(old) or old.node_id not in after.nodes
            assert gone, f"forgotten while it may run: {old}"
    for service_id, service in after.services.items():
        known = before.services.get(service_id)
        had = {vip.network_id: vip for vip in known.vips} if known else {}
        assert all(had.get(vip.network_id, vip) == vip for vip in service.vips)


def check_state(world: World) -> None:
    """Addresses are of one endpoint, nodes are not overbooked, slots have what they may have."""
    held: Counter[tuple[str, str]] = Counter()
    for service in world.view.services.values():
        held.update((vip.network_id, vip.ipv4) for vip in service.vips)
    for task in world.view.tasks.values():
        if not has_ended(task):
            held.update((address.network_id, address.ipv4) for address in task.addresses)
        assert not task.service_id or task.service_id in world.view.services or task.desired == S.REMOVE
    assert all(count == 1 for count in held.values()), held
    for node_id, tasks in world.view.tasks_on.items():
        check_node(world, node_id, [t for t in tasks.values() if S.ASSIGNED <= t.status.state <= S.RUNNING])
    for service in world.view.services.values():
        slots = Counter(task.slot or task.node_id for task in world.tasks(service.id) if is_live(task))
        assert all(count <= 2 for count in slots.values()), world.shown(service.id)
        if service.spec.mode == ServiceMode.REPLICATED:
            assert len(slots) <= service.spec.replicas


def check_node(world: World, node_id: str, tasks: list[Task]) -> None:
    node = world.view.nodes.get(node_id)
    if node is None or not node_id:
        return
    assert sum(t.spec.reservations.memory_bytes for t in tasks) <= node.description.resources.memory_bytes
    ports = Counter(port.published for task in tasks for port in task.host_ports if port.published)
    assert all(count == 1 for count in ports.values())
    for task in tasks:
        assert satisfies(task.spec.placement.constraints, node)


@settings(
    max_examples=EXAMPLES,
    derandomize="SHOAL_CLUSTER_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(events)
def test_whatever_happens(story: list[tuple[str, int, int]]) -> None:
    told = Story()
    for event, first, second in story:
        told.happen(event, first, second)
        if event != "lost-plan" and first % 3:
            told.decide()
    told.decide()
    world = told.world
    for node_id in list(world.view.nodes):
        world.set_node(node_id, state=NodeState.READY, availability=Availability.ACTIVE)
    world.settle(seconds=300, rounds=2000)
    told.decide()
    for service in world.view.services.values():
        check_end(world, service.id)


def check_end(world: World, service_id: str) -> None:
    """Each slot has one task that runs, or one that waits and says why, or one that was given up."""
    service = world.service(service_id)
    tasks = world.tasks(service_id)
    live = [task for task in tasks if is_live(task)]
    for task in live:
        assert task.status.state == S.RUNNING or task.status.error, task
    if service.spec.mode == ServiceMode.REPLICATED and service.spec.task.restart.max_attempts == 0:
        paused = service.update_status is not None and service.update_status.state.endswith("paused")
        assert len({task.slot for task in live}) == service.spec.replicas, world.shown(service_id)
        waiting = [task for task in live if task.status.state != S.RUNNING]
        assert len(live) == service.spec.replicas or waiting or paused, world.shown(service_id)
        if not paused and not waiting:
            assert {task.spec.container.image for task in live} <= {service.spec.task.container.image}
