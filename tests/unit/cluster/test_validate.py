"""What a control API refuses by the spec alone."""

import pytest

from shoal.cluster.validate import refusal
from shoal.model.cluster.service import EndpointSpec, PortConfig, Schedule, ServiceMode, UpdateConfig
from shoal.model.cluster.task import Amounts, FileReference, Placement, RestartPolicy
from shoal.model.container import HostSpec
from shoal.model.mount import Mount, MountType
from tests.support.cluster_world import container, service_spec, task_spec

JOB = ServiceMode.REPLICATED_JOB


def ports(*given: PortConfig, mode: str = "vip") -> EndpointSpec:
    return EndpointSpec(mode=mode, ports=given)


def mounted(*targets: str) -> HostSpec:
    return HostSpec(mounts=tuple(Mount(type=MountType.TMPFS, target=target) for target in targets))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ""),
        ({"name": ""}, "meta: name must be provided"),
        ({"name": "-web"}, "name must be valid as a DNS name component"),
        ({"name": "web_"}, "name must be valid as a DNS name component"),
        ({"name": "a" * 64}, "name must be 63 characters or fewer"),
        ({"name": "my_web--1"}, ""),
        ({"replicas": -1}, "Number of replicas must be non-negative"),
        ({"image": ""}, "ContainerSpec: image reference must be provided"),
        (
            {"task": task_spec(container=container(host=mounted("/a", "/a")))},
            "ContainerSpec: duplicate mount point: /a",
        ),
        (
            {"task": task_spec(container=container(hostname="{{.Task.Sloot}}"))},
            "invalid template: {{.Task.Sloot}} names nothing of a service, node or task",
        ),
        ({"task": task_spec(reservations=Amounts(nano_cpus=1))}, "invalid cpu value 1e-09: Must be at least 0.001"),
        ({"task": task_spec(reservations=Amounts(memory_bytes=9))}, "invalid memory value 9: Must be at least 4MiB"),
        ({"task": task_spec(restart=RestartPolicy(delay_s=-1.0))}, "TaskSpec: restart-delay cannot be negative"),
        (
            {"task": task_spec(placement=Placement(constraints=("node.id",)))},
            "constraint expected one operator from ==, !=",
        ),
        ({"task": task_spec(placement=Placement(constraints=("a b==c",)))}, "key 'a b' is invalid"),
        ({"task": task_spec(placement=Placement(constraints=("node.id==ä",)))}, "value 'ä' is invalid"),
        ({"update": UpdateConfig(delay_s=-1)}, "TaskSpec: update-delay cannot be negative"),
        (
            {"update": UpdateConfig(max_failure_ratio=1.5)},
            "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1",
        ),
        ({"update": UpdateConfig(order="both")}, "unrecognized update-order 'both': wanted stop-first, start-first"),
        (
            {"rollback": UpdateConfig(on_failure="rollback")},
            "unrecognized rollback-failure-action 'rollback': wanted pause, continue",
        ),
        (
            {"endpoint": ports(PortConfig(target=80, published=8080), PortConfig(target=81, published=8080))},
            "EndpointSpec: duplicate published ports provided",
        ),
        (
            {
                "endpoint": ports(
                    PortConfig(target=80, published=53), PortConfig(target=80, published=53, protocol="udp")
                )
            },
            "",
        ),
        (
            {"endpoint": ports(PortConfig(target=80), mode="dnsrr")},
            "EndpointSpec: port published with ingress mode can't be used with dnsrr mode",
        ),
        ({"endpoint": ports(PortConfig(target=0))}, "EndpointSpec: invalid target port 0"),
        (
            {
                "task": task_spec(
                    files=(
                        FileReference(kind="secrets", id="1", name="a", target="x"),
                        FileReference(kind="secrets", id="2", name="x"),
                    )
                )
            },
            "secret references 'a' and 'x' have a conflicting target: 'x'",
        ),
        (
            {"schedule": Schedule(cron="* * * * *")},
            "a schedule is for jobs only: the mode must be replicated-job or global-job",
        ),
        ({"mode": JOB, "schedule": Schedule(cron="* * * * *", timezone="Mars/X")}, "unknown time zone Mars/X"),
        ({"mode": JOB, "schedule": Schedule(cron="61 * * * *")}, "invalid cron expression '61 * * * *': Bad minute"),
        ({"depends_on": {"web": "service_started"}}, "service web depends on itself"),
        (
            {"depends_on": {"db": "ready"}},
            "unknown condition 'ready' of service db: wanted service_started, service_healthy, "
            "service_completed_successfully",
        ),
    ],
)
def test_the_first_thing_that_is_wrong_is_told(fields: dict[str, object], expected: str) -> None:
    assert refusal(service_spec(**{"name": "web", **fields})) == expected  # type: ignore[arg-type]
