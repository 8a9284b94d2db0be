"""Records in the store: what goes in comes out."""

import pytest

from shoal.errors import InternalError
from shoal.model.cluster.cluster import Cluster, ClusterNetwork, ClusterSpec, Sealed
from shoal.model.cluster.service import PortConfig, Service, VirtualAddress
from shoal.model.cluster.task import Address, FileReference, HostPort, TaskState, TaskStatus
from shoal.model.container import ContainerSpec, HostSpec
from shoal.model.network import NetworkSpec
from shoal.swarm.manager import records
from tests.support.managers import node, service_spec, task, task_spec

ONE_OF_EACH = [
    Cluster(id="c", spec=ClusterSpec(labels={"a": "b"}), created_at=1, updated_at=2, ca_certificate="PEM"),
    ClusterNetwork(id="n", spec=NetworkSpec(name="front", driver="overlay"), created_at=1),
    Sealed(kind="secrets", id="s", name="key", value=b"\x00\xff", size_bytes=2, created_at=1, updated_at=1),
    Sealed(kind="configs", id="k", name="conf", value=b"", size_bytes=0, created_at=1, updated_at=1),
    node("w"),
    Service(
        id="v",
        spec=service_spec(files=(FileReference(kind="secrets", id="s", name="key"),)),
        created_at=1,
        updated_at=1,
        vips=(VirtualAddress(network_id="n", ipv4="10.1.0.2", prefix=16),),
        ports=(PortConfig(target=80, published=8080),),
        registry_auth=b"\x01",
    ),
    task(
        "t",
        TaskState.RUNNING,
        addresses=(Address(network_id="n", ipv4="10.1.0.3", aliases=("x",)),),
        host_ports=(HostPort(target=80, published=0),),
    ),
]


@pytest.mark.parametrize("record", ONE_OF_EACH, ids=records.key_of)
def test_a_record_comes_back_as_it_was(record: object) -> None:
    key = records.key_of(record)  # type: ignore[arg-type]
    place = records.split_key(key)
    assert place is not None
    assert records.decode(place[0], records.encode(record)) == record  # type: ignore[arg-type]


def test_what_is_by_default_takes_no_room() -> None:
    assert len(records.encode(task("t" * 25))) < 250


def test_what_differs_from_a_default_is_kept_even_where_it_is_empty() -> None:
    odd = task(spec=task_spec(container=ContainerSpec(image="i", cmd=(), host=HostSpec(masked_paths=()))))
    assert records.decode("tasks", records.encode(odd)) == odd


def test_names_are_no_records() -> None:
    assert records.split_key(records.name_key("services", "web")) is None


def test_bytes_that_are_no_record_are_named() -> None:
    with pytest.raises(InternalError, match="a record of tasks that cannot be read"):
        records.decode("tasks", b'{"id": 1}')


def test_tasks_of_one_version_share_their_spec() -> None:
    specs = records.SharedSpecs()
    first, second, other = (
        specs.share(records.decode("tasks", records.encode(task(name, spec_version=version))))
        for name, version in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first.spec is second.spec  # type: ignore[union-attr]
    assert other == task("c", spec_version=2)


def test_a_status_keeps_the_spec_that_is_shared() -> None:
    specs = records.SharedSpecs()
    before = specs.share(task("a"))
    after = specs.share(records.decode("tasks", records.encode(task("a", status=TaskStatus(error="x")))))
    assert after.spec is before.spec  # type: ignore[union-attr]
