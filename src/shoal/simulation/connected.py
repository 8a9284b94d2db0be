"""Names and balancing of a node that hears its manager: they never lead to a task that is long gone."""

from shoal.cluster.view import View
from shoal.model.cluster.task import TaskState
from shoal.simulation.invariants import Broken
from shoal.simulation.world import Host, World

#: for so long may a node that hears its manager not know yet that a task is gone, in seconds
_LATE_S = 1.0
_BACK_S = 2.0  #: and for so long one that has just come to hear it


class Connected:
    """Looks now and then at what each node knows."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._since_s: dict[str, float] = {}  #: {node id: since when nothing keeps it from hearing its manager}
        self._gone_s: dict[str, float] = {}  #: {task id: when it was first seen not to serve}

    def look(self, view: View, now_s: float) -> None:
        """Raises: Broken"""
        serving = {
            task.id
            for task in view.tasks.values()
            if task.status.state is TaskState.RUNNING and task.desired <= TaskState.COMPLETE
        }
        leaders = [name for name, manager in self._world.managers.items() if manager.is_leader]
        for node_id, host in self._world.hosts.items():
            if not self._hears(node_id, host, leaders):
                self._since_s.pop(node_id, None)
                continue
            since_s = self._since_s.setdefault(node_id, now_s)
            self._check(node_id, host, serving, since_s, now_s)
        for task_id in self._gone_s.keys() & serving:
            del self._gone_s[task_id]

    def _hears(self, node_id: str, host: Host, leaders: list[str]) -> bool:
        if len(leaders) != 1 or host.connected is None or not host.connected():
            return False
        leader, links = leaders[0], self._world.links
        is_slow = host.machine.is_slow or self._world.hosts[leader].machine.is_slow
        return not is_slow and not links.loss and links.reaches(node_id, leader) and self._world.has_quorum(leader)

    def _check(self, node_id: str, host: Host, serving: set[str], since_s: float, now_s: float) -> None:
        overlay = host.machine.overlay
        if overlay is None:
            return
        for endpoint in overlay.endpoints.values():
            if not endpoint.takes_new or endpoint.task_id in serving:
                continue
            gone_s = self._gone_s.setdefault(endpoint.task_id, now_s)
            if now_s - gone_s > _LATE_S and now_s - since_s > _BACK_S:
                raise Broken(f"{node_id}: names {endpoint.task_name}, gone for {now_s - gone_s:.1f} s")
