"""An image that only one host has runs on all of them, without a registry."""

from collections.abc import Iterator

import pytest

from tests.support import clusters
from tests.support.clusters import hostnames, wait_running
from tests.support.hosts import Farm, Host, hosts

MIB = 1 << 20
LAYER_MIB = 24


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    with hosts(4) as farm:
        clusters.found(farm[0], farm[1:])
        yield farm


@pytest.fixture(autouse=True)
def clean(farm: Farm) -> Iterator[None]:
    yield
    clusters.remove_services(farm[0])


def sent_bytes(host: Host) -> int:
    """What has left the host."""
    lines = host.exec("cat", "/proc/net/dev").stdout.splitlines()
    return int(next(line for line in lines if "eth0:" in line).split(":")[1].split()[8])


def make_image(host: Host, name: str) -> str:
    """Its id: busybox and some megabytes that nothing compresses."""
    command = f"dd if=/dev/urandom of=/big bs=1M count={LAYER_MIB}"
    host.engine.docker("run", "--name", "maker", "busybox", "sh", "-c", command)
    identity = host.engine.docker("commit", "maker", name).stdout.strip()
    host.engine.docker("rm", "maker")
    return identity


def test_each_node_gets_it_and_its_origin_sends_it_once(farm: Farm):
    one, others = farm[0], farm[1:]
    image = make_image(one, "mine:1")
    before = sent_bytes(one)
    clusters.create_service(one, "web", 4, image=f"mine:1@{image}")
    tasks = wait_running(one, "web", 4, 60)
    assert hostnames(one, tasks) == [host.name for host in farm]
    sent = sent_bytes(one) - before
    assert LAYER_MIB * MIB < sent < 1.2 * LAYER_MIB * MIB
    for host in others:
        assert host.engine.docker("image", "inspect", "--format", "{{.Id}}", f"mine:1@{image}").stdout.strip() == image


def test_what_no_node_has_is_told(farm: Farm):
    one = farm[0]
    clusters.create_service(one, "web", 1, image=f"nobodys:1@sha256:{'0' * 64}")
    clusters.within(
        20,
        "it is told why",
        lambda: any("nobodys" in (t["Status"].get("Err") or "") for t in one.engine.call("GET", "/tasks")[1]),
    )
