"""One service's turn in a decision: its slots, and the few things that can be done to a task."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from shoal.cluster.book import Look
from shoal.cluster.draft import Draft
from shoal.cluster.replacing import replace
from shoal.cluster.schedule.constraints import satisfies
from shoal.cluster.schedule.uses import Change
from shoal.cluster.services import is_job
from shoal.cluster.task import has_ended
from shoal.model.cluster.node import Availability, Node, NodeState
from shoal.model.cluster.service import Service
from shoal.model.cluster.task import HostPort, Task, TaskSpec
from shoal.model.cluster.task import TaskState as S

SlotKey = int | str  #: a number from 1; for global services the node
PAUSED = ("paused", "rollback_paused")


def slot_key(task: Task) -> SlotKey:
    """Which slot a task fills."""
    return task.slot or task.node_id


def host_ports(service: Service) -> tuple[HostPort, ...]:
    """What each task of the service binds on its node."""
    return tuple(
        HostPort(target=port.target, published=port.published, protocol=port.protocol, host_ip=port.host_ip)
        for port in service.spec.endpoint.ports
        if port.mode == "host"
    )


@dataclass(slots=True)
class Turn:
    """hold: why tasks of this service must not start yet, "" = they may

    is_anew: nothing is known from the decision before
    look: what was seen of its slots, before and then after this turn; None = nothing
    changed: what has become of its tasks since that look
    removing: slots with tasks that are to be removed
    changed_slots: those whose history may have become longer; None = all
    """

    draft: Draft
    service: Service
    hold: str = ""
    ports: tuple[HostPort, ...] = ()
    is_anew: bool = True
    look: Look | None = None
    changed: Collection[Change] = ()
    changed_slots: set[SlotKey] | None = None
    removing: frozenset[int] = frozenset()
    _same: dict[int, tuple[TaskSpec, str]] = field(default_factory=dict)

    @property
    def is_paused(self) -> bool:
        """Whether its update is paused."""
        status = self.service.update_status
        return status is not None and status.state in PAUSED

    @property
    def goal(self) -> S:
        """What is wished of a task when nothing holds it."""
        return S.COMPLETE if is_job(self.service.spec) else S.RUNNING

    def slots(self) -> dict[SlotKey, list[Task]]:
        """{slot: its tasks, oldest first}, tasks that are to be removed left out"""
        found: dict[SlotKey, list[Task]] = {}
        for task in self.draft.tasks_of(self.service.id).values():
            if task.desired != S.REMOVE:
                found.setdefault(slot_key(task), []).append(task)
        for tasks in found.values():
            if len(tasks) > 1:
                tasks.sort(key=age)
        return found

    def node_of(self, task: Task) -> Node | None:
        """Where it is, None = nowhere, or on a node that is no member any more."""
        return self.draft.view.nodes.get(task.node_id)

    def is_lost(self, task: Task) -> bool:
        """Whether its node is down or no member any more."""
        if not task.node_id:
            return False
        node = self.node_of(task)
        return node is None or node.state == NodeState.DOWN

    def is_down(self, node_id: str) -> bool:
        """Whether a member does not answer."""
        node = self.draft.view.nodes.get(node_id)
        return node is not None and node.state == NodeState.DOWN

    def is_draining(self, task: Task) -> bool:
        """Whether its node is to become empty."""
        node = self.node_of(task) if task.node_id else None
        return node is not None and node.spec.availability == Availability.DRAIN

    def is_clean(self, task: Task) -> bool:
        """Whether it is as the service's spec wants it; a changed placement is none of its business while it fits."""
        if task.spec_version == self.service.spec_version:
            return True
        kind = self._same.get(id(task.spec))
        if kind is None:
            kind = self._same[id(task.spec)] = (task.spec, _difference(task.spec, self.service.spec.task))
        if kind[1] == "other" or task.host_ports != self.ports or self._misses_ingress(task):
            return False
        if kind[1] == "placement":
            node = self.node_of(task) if task.node_id else None
            return node is not None and satisfies(self.service.spec.task.placement.constraints, node)
        return True

    def _misses_ingress(self, task: Task) -> bool:
        """Whether the mesh cannot reach it: it is of a time when the service published nothing."""
        if all(port.mode != "ingress" for port in self.service.spec.endpoint.ports):
            return False
        ingress = {network.id for network in self.draft.view.networks.values() if network.spec.ingress}
        return bool(ingress) and not any(address.network_id in ingress for address in task.addresses)

    def create(
        self, key: SlotKey, cause: str, *, before: Sequence[Task] = (), like: Task | None = None, start_after: int = 0
    ) -> Task:
        """A new task in a slot. before: the slot's tasks: it starts when those that were told to stop have ended

        like: take the spec of this task, not the service's
        """
        draft, service = self.draft, self.service
        newest = before[-1].created_at + 1 if before else 0
        created_at = max(draft.now, newest)
        waits = bool(self.hold) or start_after > draft.now or any(map(self.is_in_the_way, before))
        return draft.create_task(
            Task(
                id=draft.new_id(),
                service_id=service.id,
                service_name=service.spec.name,
                spec=like.spec if like else service.spec.task,
                spec_version=like.spec_version if like else service.spec_version,
                slot=key if isinstance(key, int) else 0,
                node_id=key if isinstance(key, str) else "",
                desired=S.READY if waits else self.goal,
                created_at=created_at,
                updated_at=draft.now,
                start_after=start_after,
                labels=service.spec.labels,
                host_ports=like.host_ports if like else self.ports,
                cause=cause,
                hold=self.hold,
                iteration=service.iteration if like is None else like.iteration,
            ),
            cause,
        )

    def is_in_the_way(self, task: Task) -> bool:
        """Whether it was told to stop, and has not yet, as far as can be known."""
        return task.desired > S.COMPLETE and not has_ended(task) and not self.is_lost(task)

    def stop(self, task: Task, cause: str) -> Task | None:
        """The task, told to end; None where no node has heard of it, so that it is just forgotten."""
        if task.status.state < S.ASSIGNED:
            self.draft.delete_task(task, cause)
            return None
        if task.desired > S.COMPLETE:
            return task
        return self.draft.put_task(replace(task, desired=S.SHUTDOWN, hold="", updated_at=self.draft.now), cause)

    def stop_some(self, tasks: Sequence[Task], which: Sequence[Task], cause: str) -> list[Task]:
        """All that is left of `tasks` after those in `which` were told to end."""
        ids = {task.id for task in which}
        told = [self.stop(task, cause) if task.id in ids else task for task in tasks]
        return [task for task in told if task is not None]

    def remove(self, tasks: Iterable[Task], cause: str) -> None:
        """End these tasks and leave nothing of them."""
        for task in tasks:
            remove(self.draft, task, cause)


def remove(draft: Draft, task: Task, cause: str) -> None:
    """End a task and leave nothing of it: forgotten as soon as nothing runs any more."""
    if task.status.state < S.ASSIGNED or has_ended(task) or task.node_id not in draft.view.nodes:
        draft.delete_task(task, cause)
    elif task.desired != S.REMOVE:
        draft.put_task(replace(task, desired=S.REMOVE, hold=""), cause)


def age(task: Task) -> tuple[int, str]:
    """What tasks of a slot are put in order by, oldest first."""
    return task.created_at, task.id


def _difference(old: TaskSpec, new: TaskSpec) -> str:
    if old is new or old == new:
        return "none"
    return "placement" if replace(old, placement=new.placement) == new else "other"
