"""What a container tells of its task."""

from typing import Any

import pytest

from shoal.engine.tasks.statuses import ended, host_ports, removed, status_of
from shoal.model.cluster.task import HostPort, TaskState
from shoal.model.container import Container, ContainerSpec, ContainerStatus
from shoal.model.endpoint import BoundPort
from shoal.model.health import Health, HealthStatus

S, C = TaskState, ContainerStatus


def container(status: ContainerStatus, **changes: Any) -> Container:
    given: dict[str, Any] = {"name": "web.1.t", "argv": ("true",), "image_id": "i", "created_at": 1}
    return Container(id="c", spec=ContainerSpec(image="i"), status=status, **(given | changes))


def health(status: HealthStatus) -> Health:
    return Health(status=status)


@pytest.mark.parametrize(
    ("seen", "state", "error"),
    [
        (container(C.CREATED), S.READY, ""),
        (container(C.CREATED, error="no such file"), S.FAILED, "no such file"),
        (container(C.RUNNING), S.RUNNING, ""),
        (container(C.PAUSED), S.RUNNING, ""),
        (container(C.RUNNING, health=health(HealthStatus.STARTING)), S.STARTING, ""),
        (container(C.RUNNING, health=health(HealthStatus.HEALTHY)), S.RUNNING, ""),
        (container(C.RUNNING, health=health(HealthStatus.UNHEALTHY)), S.FAILED, "task: unhealthy container"),
        (container(C.EXITED, exit_code=0), S.COMPLETE, ""),
        (container(C.EXITED, exit_code=1), S.FAILED, "task: non-zero exit (1)"),
        (container(C.EXITED, exit_code=137, oom_killed=True), S.FAILED, "task: non-zero exit (137): out of memory"),
    ],
)
def test_the_state_of_a_task_is_that_of_its_container(seen: Container, state: TaskState, error: str) -> None:
    status = status_of(seen, 7)
    assert (status.state, status.error, status.container_id) == (state, error, "c")


def test_the_exit_code_of_an_event_is_newer_than_the_record() -> None:
    assert ended(container(C.EXITED, exit_code=0), 7, 3).error == "task: non-zero exit (3)"


def test_one_that_somebody_removed_has_failed() -> None:
    assert removed("c", 7, 0).error == "task: its container was removed"
    assert removed("c", 7, 137).state is S.FAILED


def test_a_port_is_told_once_whatever_it_is_bound_on() -> None:
    bound = tuple(BoundPort(container_port=80, protocol="tcp", host_ip=ip, host_port=8080) for ip in ("0.0.0.0", "::"))
    assert host_ports(container(C.RUNNING, bound_ports=bound)) == (HostPort(target=80, published=8080),)
