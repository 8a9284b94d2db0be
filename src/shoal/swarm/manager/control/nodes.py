"""Nodes."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from shoal.cluster.task import NODE_REMOVED, has_ended, orphaned
from shoal.contracts.cluster.control import Filters, Versioned
from shoal.errors import InvalidArgument, VersionConflict
from shoal.model.cluster.node import ManagerStatus, Node, NodeSpec, NodeState, Role
from shoal.model.filters import check_filters, match_labels
from shoal.swarm.manager import records
from shoal.swarm.manager.control.find import begins, oldest_first, resolve
from shoal.swarm.manager.ledger import Ledger

_REFUSED = "rpc error: code = FailedPrecondition desc ="
_FILTERS = ("id", "label", "membership", "name", "node.label", "role")


class NodeControl:
    """See contracts.cluster.control.Nodes. leader: (node id, address) of who leads"""

    def __init__(self, ledger: Ledger, leader: Callable[[], tuple[str, str]]) -> None:
        self._ledger = ledger
        self._leader = leader

    def _versioned(self, node: Node) -> Versioned[Node]:
        """With who leads now, which no record says."""
        shown = node
        if node.manager is not None:
            shown = replace(node, manager=self._status(node, node.manager))
        return Versioned(shown, self._ledger.view.revisions.get(records.key_of(node), 0))

    def _status(self, node: Node, status: ManagerStatus) -> ManagerStatus:
        reachability = "unreachable" if node.state is NodeState.DOWN else status.reachability
        return replace(status, is_leader=node.id == self._leader()[0], reachability=reachability)

    async def list(self, filters: Filters) -> Sequence[Versioned[Node]]:
        """Oldest first. Raises: InvalidArgument"""
        check_filters(filters, _FILTERS)
        found = [
            node
            for node in self._ledger.view.nodes.values()
            if begins(node.id, filters.get("id", ()))
            and begins(name_of(node), filters.get("name", ()))
            and match_labels(node.description.engine_labels, filters.get("label", ()))
            and match_labels(node.spec.labels, filters.get("node.label", ()))
            and (not filters.get("role") or node.spec.role.value in filters["role"])
            and (not filters.get("membership") or "accepted" in filters["membership"])
        ]
        return [self._versioned(node) for node in oldest_first(found, lambda node: node.created_at)]

    def _find(self, reference: str) -> Node:
        wanted = self._ledger.node_id if reference == "self" else reference
        return resolve("node", wanted, self._ledger.view.nodes, name_of)

    async def resolve(self, reference: str) -> Versioned[Node]:
        """Raises: NotFound"""
        return self._versioned(self._find(reference))

    async def update(self, reference: str, version: int, spec: NodeSpec) -> None:
        """Raises: NotFound, VersionConflict; InvalidArgument for a demotion that leaves no quorum"""
        node = self._find(reference)
        if node.spec.role is Role.MANAGER and spec.role is Role.WORKER:
            self._check_demotion(node)
        changed = replace(node, spec=spec, updated_at=self._ledger.now_ns())
        await self._ledger.write([changed], compares={records.key_of(node): version})

    def _check_demotion(self, node: Node) -> None:
        others = [n for n in self._ledger.view.nodes.values() if n.spec.role is Role.MANAGER and n.id != node.id]
        if not others:
            raise InvalidArgument(f"{_REFUSED} attempting to demote the last manager of the swarm")
        reachable = sum(other.manager is not None and other.state is not NodeState.DOWN for other in others)
        if 2 * reachable <= len(others):
            raise InvalidArgument(
                f"{_REFUSED} can't remove member from the raft: this would result in a loss of quorum"
            )

    async def remove(self, reference: str, *, force: bool) -> None:
        """Forgotten, with all its tasks orphaned. Raises: NotFound; InvalidArgument while it is up or a manager"""
        ledger = self._ledger
        while True:
            node = self._find(reference)
            self._check_removal(node, force=force)
            key = records.key_of(node)
            now = ledger.now_ns()
            orphans = [
                orphaned(task, now, NODE_REMOVED)
                for task in ledger.view.tasks_on.get(node.id, {}).values()
                if not has_ended(task)
            ]
            compares = ledger.seen(key, *map(records.key_of, orphans))
            try:
                await ledger.write(orphans, deletes=[key], compares=compares)
                return
            except VersionConflict:
                await ledger.mirror.catch_up()

    def _check_removal(self, node: Node, *, force: bool) -> None:
        said = f"{_REFUSED} node {node.id} is"
        if node.manager is not None and node.spec.role is Role.MANAGER:
            raise InvalidArgument(
                f"{said} a cluster manager and is a member of the raft cluster. "
                "It must be demoted to worker before removal"
            )
        if node.state is NodeState.READY and not force:
            raise InvalidArgument(f"{said} not down and can't be removed")


def name_of(node: Node) -> str:
    """Its hostname, or the name that it was given."""
    return node.spec.name or node.description.hostname
