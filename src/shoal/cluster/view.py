"""What the store holds, as one immutable, indexed snapshot."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from shoal.cluster.replacing import copied
from shoal.model.cluster.cluster import Cluster, ClusterNetwork, Sealed
from shoal.model.cluster.node import Node
from shoal.model.cluster.service import Service
from shoal.model.cluster.task import Task

#: what the store keeps. Keys in the store: "<kind>/<id>"
ClusterRecord = Cluster | ClusterNetwork | Sealed | Node | Service | Task

KINDS: Mapping[str, type[ClusterRecord]] = {
    "cluster": Cluster,
    "networks": ClusterNetwork,
    "secrets": Sealed,
    "configs": Sealed,
    "nodes": Node,
    "services": Service,
    "tasks": Task,
}


_KIND_OF = {cls: kind for kind, cls in KINDS.items()}


def kind_of(record: ClusterRecord) -> str:
    """The kind under which the store keeps a record."""
    if isinstance(record, Sealed):
        return record.kind
    return _KIND_OF[type(record)]


#: steps that a view remembers, and one: more than come between two decisions
TRAIL = 63


@dataclass(frozen=True, slots=True)
class Step:
    """after: the version that was changed    tasks: (service id, task id) of each that was put or is gone"""

    after: int
    tasks: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A snapshot. Nobody edits what it holds; `changed` gives a new one that shares what is the same.

    version: the store's revision that it shows
    revisions: {"<kind>/<id>": revision that wrote it}
    tasks_of: {service id: {task id: task}}    tasks_on: {node id: {task id: task}}; "" = not placed yet
    trail: the last changes that led here, the newest last
    """

    version: int = 0
    cluster: Cluster | None = None
    nodes: Mapping[str, Node] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    networks: Mapping[str, ClusterNetwork] = field(default_factory=dict)
    secrets: Mapping[str, Sealed] = field(default_factory=dict)
    configs: Mapping[str, Sealed] = field(default_factory=dict)
    revisions: Mapping[str, int] = field(default_factory=dict)
    tasks_of: Mapping[str, Mapping[str, Task]] = field(default_factory=dict)
    tasks_on: Mapping[str, Mapping[str, Task]] = field(default_factory=dict)
    trail: tuple[Step, ...] = field(default=(), compare=False, repr=False)

    def tasks_since(self, version: int) -> Collection[tuple[str, str]] | None:
        """(service id, task id) of what the changes after this version have touched; None = that is forgotten."""
        for number, step in enumerate(self.trail):
            if step.after == version:
                return dict.fromkeys(chain.from_iterable(later.tasks for later in self.trail[number:]))
        return None

    def changed(
        self, version: int, puts: Iterable[tuple[ClusterRecord, int]], gone: Iterable[tuple[str, str]] = ()
    ) -> "View":
        """This view after changes. puts: (record, revision that wrote it); gone: (kind, id)"""
        kinds: dict[str, dict[str, ClusterRecord]] = {}
        revisions = copied(self.revisions)
        moved: list[tuple[Task | None, Task | None]] = []
        cluster = self.cluster

        def of(kind: str) -> dict[str, ClusterRecord]:
            if kind not in kinds:
                kinds[kind] = copied(getattr(self, kind))
            return kinds[kind]

        for record, revision in puts:
            kind = kind_of(record)
            revisions[f"{kind}/{record.key}"] = revision
            if isinstance(record, Cluster):
                cluster = record
                continue
            if isinstance(record, Task):
                old = of(kind).get(record.key)
                moved.append((old if isinstance(old, Task) else None, record))
            of(kind)[record.key] = record
        for kind, key in gone:
            revisions.pop(f"{kind}/{key}", None)
            if kind == "cluster":
                cluster = None
                continue
            record_gone = of(kind).pop(key, None)
            if isinstance(record_gone, Task):
                moved.append((record_gone, None))
        same = {kind: getattr(self, kind) for kind in KINDS if kind != "cluster"}
        step = Step(self.version, [(task.service_id, task.id) for pair in moved for task in pair if task is not None])
        return View(
            version=version,
            cluster=cluster,
            revisions=revisions,
            tasks_of=_indexed(self.tasks_of, moved, lambda task: task.service_id),
            tasks_on=_indexed(self.tasks_on, moved, lambda task: task.node_id),
            trail=(*self.trail[-TRAIL:], step),
            **(same | kinds),
        )


def _indexed(
    old: Mapping[str, Mapping[str, Task]],
    moved: Sequence[tuple[Task | None, Task | None]],
    by: Callable[[Task], str],
) -> Mapping[str, Mapping[str, Task]]:
    if not moved:
        return old
    new = copied(old)
    fresh: dict[str, dict[str, Task]] = {}

    def own(key: str) -> dict[str, Task]:
        if key not in fresh:
            fresh[key] = copied(new.get(key, {}))
        return fresh[key]

    for before, after in moved:
        if before is not None:
            key = by(before)
            own(key).pop(before.id, None)
        if after is not None:
            key = by(after)
            own(key)[after.id] = after
    for key, tasks in fresh.items():
        if tasks:
            new[key] = tasks
        else:
            new.pop(key, None)
    return new
