"""All nodes in one decision: who may take what, and how full they become while it is made."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from shoal.cluster.schedule.filters import Eligible, dynamic_refusal, eligible
from shoal.cluster.schedule.uses import UNUSED, NodeUse
from shoal.model.cluster.node import Node
from shoal.model.cluster.task import Placement, Task


class Floor:
    """Starts from what the view's tasks take; `put` adds what is decided."""

    def __init__(
        self,
        nodes: Mapping[str, Node],
        uses: Mapping[str, NodeUse],
        known: Mapping[Placement, Eligible],
        choose: Callable[[int], int],
    ) -> None:
        self.nodes = nodes
        self._uses = uses
        self._new: dict[str, NodeUse] = {}
        self.eligible_for: dict[Placement, Eligible] = dict(known)
        self._choose = choose
        self._levels: dict[int, dict[str, None]] | None = None

    def eligible(self, placement: Placement) -> Mapping[str, Node]:
        """{id: node} that this placement allows."""
        return self._eligible(placement).nodes

    def least_branch(self, placement: Placement, counts: Mapping[str, int]) -> Mapping[str, Node]:
        """The eligible nodes in the branch of the preferences with the fewest tasks. counts: {node id: tasks there}"""
        found = self._eligible(placement)
        if not placement.spread or not found.nodes:
            return found.nodes
        sums: Counter[tuple[str, ...]] = Counter()
        for node_id, count in counts.items():
            at = found.paths.get(node_id, ())
            for depth in range(1, len(at) + 1):
                sums[at[:depth]] += count
        path: tuple[str, ...] = ()
        for _ in placement.spread:
            path = min(found.children[path], key=sums.__getitem__)
        return found.leaves[path]

    def _eligible(self, placement: Placement) -> Eligible:
        found = self.eligible_for.get(placement)
        if found is None:
            found = self.eligible_for[placement] = eligible(placement, self.nodes)
        return found

    def use(self, node_id: str) -> NodeUse:
        """What is taken of a node."""
        return self._new.get(node_id) or self._uses.get(node_id, UNUSED)

    def fits(self, node: Node, task: Task, copies: int) -> bool:
        """Whether there is room for one more."""
        return dynamic_refusal(node, self.use(node.id), task, copies) is None

    def put(self, node_id: str, task: Task) -> None:
        """One more task is on this node."""
        old = self.use(node_id)
        self._new[node_id] = old.plus(task)
        if self._levels is not None and self._levels.get(old.tasks, {}).pop(node_id, self) is None:
            self._levels.setdefault(old.tasks + 1, {})[node_id] = None

    def emptiest_first(self) -> Iterator[str]:
        """Ids of nodes that take tasks, those with the fewest tasks first. Not to be used on after a `put`."""
        if self._levels is None:
            self._levels = {}
            ids = list(self.eligible(Placement()))
            turn = self._choose(len(ids)) if ids else 0
            for node_id in ids[turn:] + ids[:turn]:
                self._levels.setdefault(self.use(node_id).tasks, {})[node_id] = None
        for level in sorted(self._levels):
            yield from self._levels[level]
