import pytest

from shoal.engine.containers.lists.listing import Lookups, choose
from shoal.engine.containers.lists.prune import prune_chooser
from shoal.errors import InvalidArgument
from shoal.model.container import Container, ContainerStatus
from shoal.model.endpoint import BoundPort, Endpoint
from shoal.model.health import Health, HealthStatus
from shoal.model.mount import MountPoint, MountType
from tests.support.containers import container_of, spec_of

S = 1_000_000_000


def make(number: int, name: str, **fields: object) -> Container:
    return container_of(id=f"{number:x}" * 64, name=name, created_at=number, **fields)


EXITED = ContainerStatus.EXITED
ALL = [
    make(1, "old", status=EXITED, exit_code=3, started_at=1, spec=spec_of(labels={"p": "a", "s": "db"})),
    make(2, "never"),
    make(
        3,
        "web-1",
        status=ContainerStatus.RUNNING,
        spec=spec_of(labels={"p": "a", "s": "web"}, exposed_ports=("80/tcp", "53/udp")),
        endpoints={"front": Endpoint(network_id="f" * 64, network_name="front")},
        bound_ports=(BoundPort(container_port=80, protocol="tcp", host_ip="", host_port=8080),),
        health=Health(status=HealthStatus.HEALTHY),
    ),
    make(
        4,
        "web-2",
        status=ContainerStatus.PAUSED,
        spec=spec_of(labels={"p": "b", "s": "web"}),
        mounts=(
            MountPoint(type=MountType.VOLUME, name="vol", destination="/data"),
            MountPoint(type=MountType.BIND, source="/src", destination="/bound"),
        ),
    ),
]
LOOKUPS = Lookups(
    created_at=lambda ref: next(c.created_at for c in ALL if c.name == ref),
    is_ancestor=lambda ref, container: ref == container.spec.image,
)


def names(filters: dict[str, list[str]], *, all: bool = True, limit: int = 0) -> list[str]:
    return [c.name for c in choose(ALL, filters, LOOKUPS, all=all, limit=limit)]


def test_running_ones_newest_first() -> None:
    assert names({}, all=False) == ["web-2", "web-1"]
    assert names({}) == ["web-2", "web-1", "never", "old"]


def test_a_limit_counts_all() -> None:
    assert names({}, all=False, limit=3) == ["web-2", "web-1", "never"]


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"label": ["p=a"]}, ["web-1", "old"]),
        ({"label": ["p=a", "s=web"]}, ["web-1"]),
        ({"label": ["p"], "name": ["old"]}, ["old"]),
        ({"label!": ["p"]}, ["never"]),
        ({"name": ["web"]}, ["web-2", "web-1"]),
        ({"name": ["^/web-1$"]}, ["web-1"]),
        ({"name": ["^web-1$", "old"]}, ["web-1", "old"]),
        ({"name": ["we[b"]}, []),
        ({"id": ["3333"]}, ["web-1"]),
        ({"status": ["exited", "paused"]}, ["web-2", "old"]),
        ({"exited": ["3"]}, ["old"]),
        ({"exited": ["0"]}, []),
        ({"health": ["healthy"]}, ["web-1"]),
        ({"health": ["none"], "status": ["created"]}, ["never"]),
        ({"network": ["front"]}, ["web-1"]),
        ({"network": ["f" * 12]}, ["web-1"]),
        ({"volume": ["vol"]}, ["web-2"]),
        ({"volume": ["/data/"]}, ["web-2"]),
        ({"volume": ["/src"]}, ["web-2"]),
        ({"publish": ["8080"]}, ["web-1"]),
        ({"publish": ["70-90/tcp"]}, ["web-1"]),
        ({"publish": ["80/udp"]}, []),
        ({"expose": ["53/udp"]}, ["web-1"]),
        ({"before": ["web-1"]}, ["never", "old"]),
        ({"since": ["never"]}, ["web-2", "web-1"]),
        ({"ancestor": ["busybox"]}, ["web-2", "web-1", "never", "old"]),
        ({"is-task": ["true"]}, []),
        ({"is-task": ["false"], "status": ["running"]}, ["web-1"]),
    ],
)
def test_filters(filters: dict[str, list[str]], wanted: list[str]) -> None:
    assert names(filters) == wanted


def test_some_filters_show_what_does_not_run() -> None:
    assert names({"status": ["exited"]}, all=False) == ["old"]


@pytest.mark.parametrize(
    "filters", [{"colour": ["red"]}, {"status": ["asleep"]}, {"exited": ["x"]}, {"publish": ["x"]}]
)
def test_bad_filters(filters: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidArgument, match="invalid"):
        names(filters)


def test_prune_by_label_and_age() -> None:
    chosen = prune_chooser({"label": ["p=a"], "label!": ["s=web"], "until": ["0.000000003"]}, now=10)
    assert [c.name for c in ALL if chosen(c)] == ["old"]
