"""The best node for each of several like tasks: spread over the preferences, then over nodes, then by load."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shoal.cluster.schedule.constraints import label_of
from shoal.cluster.schedule.floor import Floor
from shoal.model.cluster.node import Node
from shoal.model.cluster.task import Task

Entry = tuple[bool, int, int, int, str]  #: avoided, tasks of the service there, all tasks there, order, node id


@dataclass(slots=True)
class Branch:
    """Nodes that are alike in the preferences so far. count: the service's tasks there. A leaf has a heap of nodes."""

    count: int = 0
    children: dict[str, "Branch"] = field(default_factory=dict)
    heap: list[Entry] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.heap and not self.children


class Spread:
    """Hands out nodes for the tasks of one service that are alike.

    counts: {node id: wanted tasks of the service there}    avoided: nodes where its tasks keep failing
    Cost: nodes once, then the logarithm of it for each task
    """

    def __init__(
        self,
        floor: Floor,
        nodes: Mapping[str, Node],
        paths: Sequence[str],
        counts: Mapping[str, int],
        avoided: set[str],
    ) -> None:
        self._floor = floor
        self._nodes = nodes
        self._paths = paths
        self._root = Branch()
        for order, (node_id, node) in enumerate(nodes.items()):
            count = counts.get(node_id, 0)
            branch = self._root
            branch.count += count
            for path in paths:
                branch = branch.children.setdefault(label_of(node, path), Branch())
                branch.count += count
            branch.heap.append((node_id in avoided, count, floor.use(node_id).tasks, order, node_id))
        for branch in _leaves(self._root):
            heapq.heapify(branch.heap)

    def take(self, task: Task) -> str:
        """The id of the node that this task goes to, "" = there is none with room."""
        while not self._root.is_empty:
            way = self._way()
            leaf = way[-1][1]
            avoided, count, total, order, node_id = leaf.heap[0]
            if self._floor.fits(self._nodes[node_id], task, count):
                heapq.heapreplace(leaf.heap, (avoided, count + 1, total + 1, order, node_id))
                for _, branch in way:
                    branch.count += 1
                return node_id
            heapq.heappop(leaf.heap)
            _prune(way)
        return ""

    def _way(self) -> list[tuple[str, Branch]]:
        way = [("", self._root)]
        while way[-1][1].children:
            way.append(min(way[-1][1].children.items(), key=lambda item: (item[1].count, item[0])))
        return way


def _prune(way: list[tuple[str, Branch]]) -> None:
    """Branches without nodes go; nodes only become fuller, so none comes back."""
    for (_, parent), (name, branch) in zip(way[-2::-1], way[:0:-1], strict=True):
        if branch.is_empty:
            del parent.children[name]


def _leaves(branch: Branch) -> list[Branch]:
    if not branch.children:
        return [branch]
    return [leaf for child in branch.children.values() for leaf in _leaves(child)]
