"""What a node is told: all of it, then what is different."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shoal.cluster.assignments import assignment, difference, files_of, merged
from shoal.model.cluster.assignment import Assignment, OverlayState, Peer
from shoal.model.cluster.cluster import Sealed
from shoal.model.cluster.node import ManagerStatus, NodeState
from shoal.model.cluster.service import EndpointSpec, PortConfig
from shoal.model.cluster.task import Attachment, FileReference, Placement
from shoal.model.cluster.task import TaskState as S
from tests.support.cluster_world import World, a_network, container, service_spec, task_spec

ON_FIRST = Placement(constraints=("node.id==node1",))


def cluster() -> tuple[World, str]:
    """Three nodes; `web` on two networks of node1, published; `other` on a network of its own on node2."""
    world = World(nodes=3)
    world.put(
        a_network("ingress", "10.0.0.0/24", ingress=True),
        a_network("app", "10.1.0.0/24"),
        a_network("other", "10.2.0.0/24"),
    )
    spec = task_spec(networks=(Attachment(target="app-id", aliases=("front",)),), placement=ON_FIRST)
    ports = EndpointSpec(ports=(PortConfig(target=80, published=8080),))
    web = world.create(service_spec(task=spec, endpoint=ports))
    elsewhere = Placement(constraints=("node.id==node2",))
    world.create(service_spec("other", task=task_spec(networks=(Attachment(target="other-id"),), placement=elsewhere)))
    world.settle()
    return world, web


def overlay_of(world: World, node_id: str) -> OverlayState:
    state = assignment(world.view, node_id).overlay
    assert state is not None
    return state


def test_a_node_knows_the_networks_of_its_tasks_and_the_ingress_network() -> None:
    world, web = cluster()
    first, second, third = (overlay_of(world, f"node{n}") for n in (1, 2, 3))
    assert set(first.networks) == {"ingress-id", "app-id"}
    assert set(second.networks) == {"ingress-id", "other-id"}
    assert set(third.networks) == {"ingress-id"}
    assert third.own == Peer(node_id="node3", number=3, address="192.0.2.3")
    assert set(third.peers) == {"node1", "node2"}
    # Published services are routed everywhere, others where one of their networks is.
    assert set(third.services) == {web}
    assert len(second.services) == 2
    assert third.services[web].aliases == {"app-id": ("front",)}
    assert [endpoint.node_id for endpoint in third.endpoints.values()] == ["node1"]


def test_an_endpoint_takes_new_connections_only_while_its_task_runs_is_wanted_and_its_node_answers() -> None:
    world, web = cluster()

    def takes_new() -> list[bool]:
        return [endpoint.takes_new for endpoint in overlay_of(world, "node3").endpoints.values()]

    assert takes_new() == [True]
    world.set_node("node1", state=NodeState.DOWN)
    assert takes_new() == [False]
    world.set_node("node1", state=NodeState.READY)
    task = world.running(web)[0]
    world.put(replace(task, desired=S.SHUTDOWN))
    assert takes_new() == [False]  # its routes stay until it has ended
    world.end(world.view.tasks[task.id], S.SHUTDOWN)
    assert takes_new() == []


def test_tasks_are_told_from_assigned_on_and_templates_are_filled_in() -> None:
    world = World(nodes=1)
    spec = task_spec(container=container(hostname="{{.Service.Name}}-{{.Task.Slot}}-{{.Node.Hostname}}"))
    web = world.create(service_spec(task=spec, replicas=2))
    world.decide()
    pending = replace(world.tasks(web)[1], status=replace(world.tasks(web)[1].status, state=S.PENDING))
    world.put(pending)
    told = assignment(world.view, "node1").tasks
    assert [task.spec.container.hostname for task in told.values()] == ["web-1-host1"]


def test_files_are_told_only_where_a_task_needs_them() -> None:
    world = World(nodes=2)
    sealed = [
        Sealed(kind=kind, id=f"{kind}-1", name="x", value=b"sealed", size_bytes=1, created_at=0, updated_at=0)
        for kind in ("secrets", "configs")
    ]
    world.put(*sealed)
    references = tuple(FileReference(kind=s.kind, id=s.id, name="x") for s in sealed)
    web = world.create(service_spec(task=task_spec(files=references, placement=ON_FIRST)))
    world.settle()
    assert set(files_of(world.view, "node1")) == {"secrets-1", "configs-1"}
    assert files_of(world.view, "node2") == {}
    world.drop("services", web)
    world.settle()
    assert files_of(world.view, "node1") == {}


def test_managers_are_named_with_their_addresses() -> None:
    world = World(nodes=2)
    world.put(replace(world.view.nodes["node2"], manager=ManagerStatus(address="192.0.2.2:2377")))
    assert assignment(world.view, "node1").managers == ("192.0.2.2:2377",)


def test_what_a_node_was_told_step_by_step_is_what_it_would_be_told_at_once() -> None:
    world, web = cluster()
    known: dict[str, Assignment] = {}
    told: dict[str, Assignment | None] = {node_id: None for node_id in world.view.nodes}

    def tell() -> None:
        for node_id, before in told.items():
            new = assignment(world.view, node_id)
            change = difference(before, new)
            if change is not None:
                known[node_id] = merged(known.get(node_id, Assignment(node_id=node_id)), change)
            assert known[node_id] == new
            assert difference(new, assignment(world.view, node_id)) is None
            told[node_id] = new

    tell()
    world.change(web, replicas=3, task=task_spec(networks=(Attachment(target="app-id"), Attachment(target="other-id"))))
    for _ in range(12):
        world.decide()
        tell()
        world.work()
        tell()
    world.set_node("node2", state=NodeState.DOWN)
    world.settle()
    tell()
    world.drop("services", web)
    world.drop("nodes", "node3")
    told.pop("node3")
    world.settle()
    tell()


peers = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 3), max_size=4)


@given(
    st.lists(
        st.tuples(
            st.none() | peers, st.dictionaries(st.sampled_from("xyz"), st.binary(max_size=1)), st.integers(4789, 4790)
        ),
        min_size=2,
        max_size=5,
    )
)
def test_merging_differences_gives_the_newest(
    states: list[tuple[dict[str, int] | None, dict[str, bytes], int]],
) -> None:
    old: Assignment | None = None
    known = Assignment(node_id="n")
    for others, files, port in states:
        overlay = None
        if others is not None:
            made = {key: Peer(node_id=key, number=number, address="") for key, number in others.items()}
            overlay = OverlayState(own=Peer(node_id="n", number=9, address=""), data_port=port, peers=made)
        new = Assignment(node_id="n", files=files, overlay=overlay)
        change = difference(old, new)
        if change is not None:
            known = merged(known, change)
        assert known == new
        old = new
