"""Managers over a store in memory, for tests without a machine."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from shoal.model.cluster.cluster import Cluster, ClusterSpec
from shoal.model.cluster.node import ManagerStatus, Node, NodeSpec, Role
from shoal.model.cluster.service import ServiceSpec
from shoal.model.cluster.task import Task, TaskSpec, TaskState, TaskStatus
from shoal.model.container import ContainerSpec
from shoal.simulation.store import SimulatedCluster, SimulatedStore, Weather
from shoal.swarm.manager import Manager

MANAGER, WORKER = "m", "w"


class PlainSeal:
    """Seals so that a test sees whether something was sealed."""

    def seal(self, data: bytes) -> bytes:
        return b"sealed:" + data

    def unseal(self, sealed: bytes) -> bytes:
        assert sealed.startswith(b"sealed:")
        return sealed.removeprefix(b"sealed:")


@dataclass
class Clock:
    now: int = 1_000_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now


@dataclass
class Ids:
    """Of one manager: those of others are different."""

    owner: str = ""
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __call__(self) -> str:
        return f"{self.owner}{next(self.numbers):0{25 - len(self.owner)}d}"


def service_spec(name: str = "web", replicas: int = 1, **task: Any) -> ServiceSpec:
    return ServiceSpec(name=name, replicas=replicas, task=task_spec(**task))


def task_spec(image: str = "busybox", **task: Any) -> TaskSpec:
    return TaskSpec(container=task.pop("container", None) or ContainerSpec(image=image), **task)


def node(node_id: str, role: Role = Role.WORKER) -> Node:
    manager = ManagerStatus(address=f"{node_id}:2377") if role is Role.MANAGER else None
    return Node(id=node_id, spec=NodeSpec(role=role), created_at=1, updated_at=1, manager=manager)


def task(task_id: str = "t1", state: TaskState = TaskState.ASSIGNED, **changes: Any) -> Task:
    given: dict[str, Any] = {
        "service_id": "s",
        "service_name": "web",
        "spec": task_spec(),
        "spec_version": 1,
        "slot": 1,
        "node_id": WORKER,
        "status": TaskStatus(state=state),
    }
    return Task(id=task_id, **(given | changes))


def manager_on(
    cluster: SimulatedCluster,
    node_id: str = MANAGER,
    now_ns: Callable[[], int] | None = None,
    weather: Weather | None = None,
) -> Manager:
    """A manager that is not open yet."""
    return Manager(
        SimulatedStore(cluster, weather),
        node_id=node_id,
        seal=PlainSeal(),
        now_ns=now_ns or Clock(),
        new_id=Ids(node_id),
        choose=lambda below: 0,
    )


@asynccontextmanager
async def open_manager(
    *records: Any, cluster: SimulatedCluster | None = None, manager: Manager | None = None
) -> AsyncIterator[Manager]:
    """A manager of a cluster with two nodes and these records, that leads."""
    manager = manager or manager_on(cluster or SimulatedCluster())
    await manager.ledger.store.open()
    await manager.open()
    try:
        about = Cluster(id="c", spec=ClusterSpec(), created_at=1, updated_at=1, ca_certificate="")
        await manager.ledger.write([about, node(MANAGER, Role.MANAGER), node(WORKER), *records])
        while not manager.dispatcher.leads:
            await manager.ledger.mirror.catch_up()
        yield manager
    finally:
        await manager.close()
        await manager.ledger.store.close()
