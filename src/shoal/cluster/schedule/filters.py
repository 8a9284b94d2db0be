"""Which nodes a task may go to: what depends on the node alone, and what on who is there already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shoal.cluster.schedule.constraints import architecture, label_of, satisfies
from shoal.cluster.schedule.uses import NodeUse, has_port_taken, lacks
from shoal.model.cluster.node import Availability, Node, NodeState
from shoal.model.cluster.task import Placement, Task

#: (what is wrong, detail): counted and told by `schedule.explain`
Refusal = tuple[str, str]
NOT_READY, RESOURCES, CONSTRAINTS = "ready", "resources", "constraints"
PLATFORM, PORTS, REPLICAS = "platform", "ports", "replicas"


Path = tuple[str, ...]  #: values of the preferences' labels, outermost first


@dataclass(frozen=True, slots=True)
class Eligible:
    """nodes: {id: node} that a placement allows and that take tasks at all

    paths: {id: path} in the tree of the spread preferences
    children: {path: paths one longer}    leaves: {path: nodes}
    """

    nodes: Mapping[str, Node]
    paths: Mapping[str, Path] = field(default_factory=dict)
    children: Mapping[Path, Sequence[Path]] = field(default_factory=dict)
    leaves: Mapping[Path, Mapping[str, Node]] = field(default_factory=dict)


def eligible(placement: Placement, nodes: Mapping[str, Node]) -> Eligible:
    """The nodes that may take tasks with this placement, by what depends on the nodes alone."""
    found = {key: node for key, node in nodes.items() if static_refusal(placement, node) is None}
    if not placement.spread:
        return Eligible(found)
    paths = {key: tuple(label_of(node, label) for label in placement.spread) for key, node in found.items()}
    leaves: dict[Path, dict[str, Node]] = {}
    children: dict[Path, dict[Path, None]] = {}
    for key, path in paths.items():
        leaves.setdefault(path, {})[key] = found[key]
        for depth in range(len(path)):
            children.setdefault(path[:depth], {})[path[: depth + 1]] = None
    return Eligible(found, paths, {path: sorted(below) for path, below in children.items()}, leaves)


def static_refusal(placement: Placement, node: Node) -> Refusal | None:
    """Why this node takes no task with this placement, whoever is there; None = it may."""
    if node.spec.availability == Availability.DRAIN:
        return NOT_READY, "drained"
    if node.state != NodeState.READY:
        return NOT_READY, node.state.value
    if node.spec.availability == Availability.PAUSE:
        return NOT_READY, "paused"
    return unsuited(placement, node)


def unsuited(placement: Placement, node: Node) -> Refusal | None:
    """Why a node is of the wrong kind for this placement; None = it is not."""
    if placement.constraints and not satisfies(placement.constraints, node):
        return CONSTRAINTS, ""
    if placement.platforms and not _has_platform(placement.platforms, node):
        return PLATFORM, ""
    return None


def dynamic_refusal(node: Node, use: NodeUse, task: Task, copies: int) -> Refusal | None:
    """Why there is no room for one more on this node; None = there is. copies: wanted tasks of the service there"""
    wants = task.spec.reservations
    if (wants.nano_cpus or wants.memory_bytes or wants.generic) and (missing := lacks(node, use, task)):
        return RESOURCES, ", ".join(missing)
    if task.host_ports and use.ports and has_port_taken(use, task):
        return PORTS, ""
    if task.spec.placement.max_replicas and copies >= task.spec.placement.max_replicas:
        return REPLICAS, ""
    return None


def _has_platform(platforms: tuple[tuple[str, str], ...], node: Node) -> bool:
    os, arch = node.description.os.lower(), architecture(node.description.architecture)
    return any(
        (not wanted_os or wanted_os.lower() == os) and (not wanted_arch or architecture(wanted_arch) == arch)
        for wanted_os, wanted_arch in platforms
    )
