from dataclasses import replace

import pytest

from shoal.model.container import Container, ContainerStatus
from shoal.model.endpoint import BoundPort, Endpoint, EndpointSettings
from shoal.model.health import Health, HealthStatus
from shoal.model.mount import MountPoint, MountType
from shoal.wire.container.inspect import Surroundings, encode_inspect
from shoal.wire.container.listing import command_text, encode_prune, encode_summary, encode_wait
from shoal.wire.container.status import status_text
from tests.support.containers import container_of

S = 1_000_000_000
NOW = 1_700_000_000 * S


def running(**fields: object) -> Container:
    return container_of(status=ContainerStatus.RUNNING, started_at=NOW - 300 * S, pid=7, **fields)


@pytest.mark.parametrize(
    ("container", "words"),
    [
        (running(), "Up 5 minutes"),
        (running(health=Health(status=HealthStatus.HEALTHY)), "Up 5 minutes (healthy)"),
        (running(health=Health()), "Up 5 minutes (health: starting)"),
        (replace(running(), status=ContainerStatus.PAUSED), "Up 5 minutes (Paused)"),
        (container_of(), "Created"),
        (
            container_of(status=ContainerStatus.EXITED, exit_code=137, finished_at=NOW - 3 * S),
            "Exited (137) 3 seconds ago",
        ),
        (
            container_of(status=ContainerStatus.RESTARTING, exit_code=1, finished_at=NOW - 3 * S),
            "Restarting (1) 3 seconds ago",
        ),
        (container_of(status=ContainerStatus.REMOVING), "Removal In Progress"),
        (container_of(status=ContainerStatus.DEAD), "Dead"),
    ],
)
def test_status(container: Container, words: str) -> None:
    assert status_text(container, NOW) == words


def test_command() -> None:
    assert command_text(container_of(argv=("sh", "-c", "echo hi"))) == "sh -c 'echo hi'"


WEB = running(
    exposed_ports=("80/tcp", "443/tcp"),
    labels={"a": "b"},
    network_mode="front",
    endpoints={"front": EndpointSettings(aliases=("web",))},
)
WEB = replace(
    WEB,
    endpoints={"front": Endpoint(network_id="n" * 64, network_name="front", ipv4_address="10.0.0.2", ipv4_prefix=24)},
    bound_ports=(BoundPort(container_port=80, protocol="tcp", host_ip="0.0.0.0", host_port=8080),),
    mounts=(MountPoint(type=MountType.VOLUME, name="v", destination="/data", source="/x", driver="local", mode="z"),),
)


def test_summary() -> None:
    entry = encode_summary(WEB, now=NOW, image_name="nginx:1")
    assert entry["Names"] == ["/web"] and entry["Image"] == "nginx:1"
    assert entry["Ports"] == [
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"PrivatePort": 443, "Type": "tcp"},
    ]
    assert entry["NetworkSettings"]["Networks"]["front"]["IPAddress"] == "10.0.0.2"
    assert entry["Mounts"] == [
        {
            "Type": "volume",
            "Name": "v",
            "Source": "/x",
            "Destination": "/data",
            "Driver": "local",
            "Mode": "z",
            "RW": True,
            "Propagation": "",
        }
    ]
    assert "SizeRw" not in entry
    assert encode_summary(WEB, now=NOW, image_name="x", sizes=(1, 2))["SizeRootFs"] == 2


def test_inspect() -> None:
    answer = encode_inspect(WEB, Surroundings(hosts_path="/h"))
    assert answer["Name"] == "/web" and answer["HostsPath"] == "/h"
    assert answer["State"]["Status"] == "running" and answer["State"]["Running"] is True
    assert answer["State"]["FinishedAt"] == "0001-01-01T00:00:00Z"
    ports = answer["NetworkSettings"]["Ports"]
    assert ports == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "443/tcp": None}


@pytest.mark.parametrize("mode", ["host", "none", "container:other"])
def test_without_a_network_of_its_own_a_container_shows_no_ports(mode: str) -> None:
    container = running(exposed_ports=("80/tcp",), network_mode=mode)
    assert encode_summary(container, now=NOW, image_name="x")["Ports"] == []
    assert encode_inspect(container, Surroundings())["NetworkSettings"]["Ports"] == {}


def test_inspect_of_what_does_not_run_has_no_ports() -> None:
    answer = encode_inspect(container_of(exposed_ports=("80/tcp",)), Surroundings())
    assert answer["NetworkSettings"]["Ports"] == {}
    assert answer["State"]["Pid"] == 0


def test_old_versions_know_no_dns_names() -> None:
    def networks(version: tuple[int, int]) -> set[str]:
        return set(encode_inspect(WEB, Surroundings(), version)["NetworkSettings"]["Networks"]["front"])

    assert networks((1, 51)) - networks((1, 43)) == {"DNSNames", "GwPriority"}
    assert networks((1, 51)) - networks((1, 47)) == {"GwPriority"}


def test_small_answers() -> None:
    assert encode_wait(3) == {"StatusCode": 3}
    assert encode_wait(127, "no")["Error"] == {"Message": "no"}
    assert encode_prune([], 0) == {"ContainersDeleted": None, "SpaceReclaimed": 0}
