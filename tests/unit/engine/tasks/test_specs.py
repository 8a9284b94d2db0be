"""The container of a task."""

import pytest

from shoal.engine.tasks.specs import target_of, wanted_container
from shoal.errors import InvalidArgument
from shoal.model.cluster.task import Address, Attachment, FileReference, HostPort
from shoal.model.container import ContainerSpec, HostSpec, LogConfig, RestartMode, RestartPolicy
from shoal.model.endpoint import PortBinding
from shoal.model.mount import MemoryFile
from tests.support.managers import task, task_spec

PLAIN = ContainerSpec(image="busybox", labels={"own": "1"})


def test_labels_say_whose_it_is() -> None:
    labels = wanted_container(task("t9", node_id="w"), PLAIN, {}).spec.labels
    assert labels == {
        "own": "1",
        "com.docker.swarm.node.id": "w",
        "com.docker.swarm.service.id": "s",
        "com.docker.swarm.service.name": "web",
        "com.docker.swarm.task": "",
        "com.docker.swarm.task.id": "t9",
        "com.docker.swarm.task.name": "web.1.t9",
    }


def test_only_the_cluster_starts_and_removes_it() -> None:
    host = HostSpec(restart=RestartPolicy(mode=RestartMode.ALWAYS), auto_remove=True, privileged=True)
    wanted = wanted_container(task(), ContainerSpec(image="busybox", host=host), {}).spec.host
    assert wanted.restart.mode is RestartMode.NO
    assert not wanted.auto_remove
    assert wanted.privileged


@pytest.mark.parametrize(
    ("kind", "target", "path"),
    [
        ("secrets", "", "/run/secrets/key"),
        ("secrets", "other", "/run/secrets/other"),
        ("secrets", "/etc/key", "/etc/key"),
        ("configs", "", "/key"),
        ("configs", "conf.d/x", "/conf.d/x"),
    ],
)
def test_where_files_lie(kind: str, target: str, path: str) -> None:
    assert target_of(FileReference(kind=kind, id="i", name="key", target=target)) == path


def test_files_are_in_memory_with_owner_and_mode() -> None:
    spec = task_spec(files=(FileReference(kind="secrets", id="i", name="key", uid="5", gid="6", mode=0o400),))
    wanted = wanted_container(task(spec=spec), PLAIN, {"i": b"value"})
    assert wanted.spec.host.memory_files == (MemoryFile(target="/run/secrets/key", uid=5, gid=6, mode=0o400),)
    assert wanted.contents == {"/run/secrets/key": b"value"}


def test_a_value_that_nobody_told_is_no_empty_file() -> None:
    spec = task_spec(files=(FileReference(kind="configs", id="i", name="conf"),))
    with pytest.raises(InvalidArgument, match="the content of conf is not known"):
        wanted_container(task(spec=spec), PLAIN, {})


def test_an_owner_that_is_no_number_is_refused() -> None:
    spec = task_spec(files=(FileReference(kind="configs", id="i", name="conf", uid="www"),))
    with pytest.raises(InvalidArgument, match="expected numbers as uid and gid, got www:0"):
        wanted_container(task(spec=spec), PLAIN, {"i": b""})


def test_addresses_and_ports_are_those_of_the_cluster() -> None:
    address = Address(network_id="n", ipv4="10.1.0.5", aliases=("web",))
    ports = (HostPort(target=80, published=8080), HostPort(target=53, published=0, protocol="udp"))
    spec = wanted_container(task(addresses=(address,), host_ports=ports), PLAIN, {}).spec
    assert spec.endpoints["n"].ipv4_address == "10.1.0.5"
    assert spec.endpoints["n"].aliases == ("web",)
    assert spec.host.ports == (
        PortBinding(container_port=80, host_port="8080"),
        PortBinding(container_port=53, protocol="udp"),
    )


def test_the_nodes_own_network_is_a_mode() -> None:
    spec = task_spec(networks=(Attachment(target="host"),))
    assert wanted_container(task(spec=spec), PLAIN, {}).spec.host.network_mode == "host"


def test_the_tasks_log_driver_wins() -> None:
    spec = task_spec(log=LogConfig(driver="local"))
    assert wanted_container(task(spec=spec), PLAIN, {}).spec.host.log.driver == "local"
    assert wanted_container(task(), PLAIN, {}).spec.host.log == PLAIN.host.log
