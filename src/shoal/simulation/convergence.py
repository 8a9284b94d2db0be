"""What must come to hold once nothing fails any more: liveness. Each answer is a list of what is still different."""

from collections import Counter
from collections.abc import Iterator

from shoal.cluster.view import View
from shoal.model.cluster.node import Availability, Node, NodeState
from shoal.model.cluster.service import Service, ServiceMode
from shoal.model.cluster.task import Task, TaskState
from shoal.simulation.machine import CRASHES, MISSING, UNHEALTHY
from shoal.simulation.world import World

_BAD = (CRASHES, MISSING, UNHEALTHY)
_HALTED = ("paused", "rollback_paused")


def differences(world: World) -> list[str]:
    """Why what is differs from what is wanted; [] = it is the same."""
    view = world.truth()
    return [
        *_nodes(world, view),
        *of_services(view),
        *_containers(world, view),
        *_by_hand(world, view),
        *_overlays(world, view),
    ]


def of_services(view: View) -> list[str]:
    """As `differences`, of what services want and which tasks run."""
    return [problem for service in view.services.values() for problem in _service(view, service)]


def _nodes(world: World, view: View) -> Iterator[str]:
    for node in view.nodes.values():
        if node.state is not NodeState.READY:
            yield f"node {node.id} is {node.state}"
    leaders = [name for name, manager in world.managers.items() if manager.is_leader]
    if len(leaders) != 1:
        yield f"{len(leaders)} managers lead"


def _is_eligible(node: Node, service: Service) -> bool:
    if node.spec.availability is not Availability.ACTIVE or node.state is not NodeState.READY:
        return False
    for constraint in service.spec.task.placement.constraints:
        if constraint == "node.role==worker" and node.spec.role != "worker":
            return False
        if constraint == "node.id!=m1" and node.id == "m1":
            return False
    return True


def _service(view: View, service: Service) -> Iterator[str]:
    spec, name = service.spec, service.spec.name
    if service.update_status is not None and service.update_status.state in _HALTED:
        return  # a person has to look
    if spec.task.container.image.startswith(_BAD):
        return
    tasks = [t for t in view.tasks_of.get(service.id, {}).values() if t.iteration == service.iteration]
    if any(t.status.state is TaskState.NEW and t.status.error for t in tasks):
        return  # two services were given a port at the same moment: as well
    running = [t for t in tasks if t.status.state is TaskState.RUNNING and t.desired is TaskState.RUNNING]
    eligible = [node for node in view.nodes.values() if _is_eligible(node, service)]
    if spec.mode is ServiceMode.GLOBAL:
        there, wanted_on = sorted(t.node_id for t in running), {node.id for node in eligible}
        kept = {node.id for node in view.nodes.values() if node.spec.availability is Availability.PAUSE}
        if len(there) != len(set(there)) or not wanted_on <= set(there) <= wanted_on | kept:
            yield f"{name}: runs on {there}, wanted on {sorted(wanted_on)}"
    elif spec.mode is ServiceMode.REPLICATED:
        yield from _replicas(view, service, running, {node.id for node in eligible})
    elif spec.mode is ServiceMode.REPLICATED_JOB:
        done = sum(t.status.state is TaskState.COMPLETE for t in tasks)
        if done < spec.replicas and eligible:
            yield f"{name}: {done} of {spec.replicas} completions"
    elif (service.update_status or service).__class__ is Service:
        done_on = {t.node_id for t in tasks if t.status.state is TaskState.COMPLETE}
        if missing := [node.id for node in eligible if node.id not in done_on]:
            yield f"{name}: not completed on {missing}"


def _replicas(view: View, service: Service, running: list[Task], eligible: set[str]) -> Iterator[str]:
    """A paused node keeps its tasks, a drained one those that have no place elsewhere."""
    replicas, limit = service.spec.replicas, service.spec.task.placement.max_replicas
    places = limit * len(eligible) if limit else (replicas if eligible else 0)
    on = Counter(Availability.ACTIVE if t.node_id in eligible else _availability(view, t.node_id) for t in running)
    left = replicas - on[Availability.PAUSE]
    wanted = min(left, places)
    if on[Availability.ACTIVE] != wanted or not 0 <= on[Availability.DRAIN] <= left - wanted:
        yield f"{service.spec.name}: {dict(on)} tasks run, {replicas} wanted, {places} places"


def _availability(view: View, node_id: str) -> Availability | None:
    """None: its tasks of a service must not be there at all."""
    node = view.nodes.get(node_id)
    return node.spec.availability if node is not None and node.spec.availability is not Availability.ACTIVE else None


def _containers(world: World, view: View) -> Iterator[str]:
    for node_id, host in world.hosts.items():
        for task_id, box in host.machine.running.items():
            task = view.tasks.get(task_id)
            if task is None or task.node_id != node_id:
                yield f"{node_id}: {box.task.name} runs, but no such task is to be there"
            elif task.desired > TaskState.COMPLETE:
                yield f"{node_id}: {box.task.name} runs, but is to be {task.desired.name}"
            elif box.status.state is TaskState.RUNNING and task.status.state is not TaskState.RUNNING:
                yield f"{node_id}: {box.task.name} runs, but is known as {task.status.state.name}"
    for task in view.tasks.values():
        is_container = not task.is_attachment and not task.spec.container.image.startswith(_BAD)
        if task.status.state is TaskState.RUNNING and is_container:
            machine = world.hosts[task.node_id].machine
            if task.id not in machine.running:
                yield f"{task.node_id}: {task.name} is known as running, but is not"
        if task.service_id and task.service_id not in view.services:
            yield f"{task.name} is of no service"


def _by_hand(world: World, view: View) -> Iterator[str]:
    known = {
        (task.node_id, task.status.container_id, task.addresses[0].network_id): task.addresses[0].ipv4
        for task in view.tasks.values()
        if task.is_attachment and task.addresses
    }
    there = {
        (node_id, *key): one.ipv4 for node_id, host in world.hosts.items() for key, one in host.machine.attached.items()
    }
    for key in sorted(known.keys() | there.keys()):
        if known.get(key) != there.get(key):
            yield f"{key[0]}: {key[1]} has the address {there.get(key)}, known is {known.get(key)}"


def _overlays(world: World, view: View) -> Iterator[str]:
    serving = {
        t.id: {a.network_id for a in t.addresses}
        for t in view.tasks.values()
        if t.status.state is TaskState.RUNNING and t.desired is TaskState.RUNNING
    }
    for node_id, host in world.hosts.items():
        overlay = host.machine.overlay
        if overlay is None:
            yield f"{node_id}: knows nothing of the overlay networks"
            continue
        known = {e.task_id for e in overlay.endpoints.values() if e.takes_new}
        if gone := known - serving.keys():
            yield f"{node_id}: sends new connections to tasks that do not serve: {sorted(gone)}"
        wanted = {task_id for task_id, networks in serving.items() if networks & overlay.networks.keys()}
        if missing := wanted - known:
            yield f"{node_id}: does not know of tasks that serve: {sorted(missing)}"
        if others := view.nodes.keys() - overlay.peers.keys() - {node_id}:
            yield f"{node_id}: does not know the nodes {sorted(others)}"
