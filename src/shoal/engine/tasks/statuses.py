"""What a container tells of its task. Pure."""

from shoal.model.cluster.task import HostPort, TaskState, TaskStatus
from shoal.model.container import Container, ContainerStatus
from shoal.model.health import HealthStatus

UNHEALTHY = "task: unhealthy container"


def status_of(container: Container, now: int) -> TaskStatus:
    """The status of the task whose container this is, as it is now."""
    if container.status is ContainerStatus.CREATED and not container.error:
        return TaskStatus(state=TaskState.READY, at=now, message="prepared", container_id=container.id)
    if not container.is_running:
        return ended(container, now)
    health = container.health.status if container.health is not None else HealthStatus.NONE
    if health is HealthStatus.UNHEALTHY:
        return _running(container, TaskState.FAILED, now, "started", UNHEALTHY)
    if health is HealthStatus.STARTING:
        return _running(container, TaskState.STARTING, now, "starting")
    return _running(container, TaskState.RUNNING, now, "started")


def ended(container: Container, now: int, exit_code: int | None = None) -> TaskStatus:
    """Of one that does not run any more. exit_code: what its end was told with; None = as its record says"""
    code = container.exit_code if exit_code is None else exit_code
    failed = code != 0 or bool(container.error)
    error = ""
    if failed:
        error = container.error or f"task: non-zero exit ({code})"
        if container.oom_killed:
            error = f"{error}: out of memory"
    return TaskStatus(
        state=TaskState.FAILED if failed else TaskState.COMPLETE,
        at=container.finished_at or now,
        message="started" if failed else "finished",
        error=error,
        container_id=container.id,
        exit_code=code,
    )


def _running(container: Container, state: TaskState, now: int, message: str, error: str = "") -> TaskStatus:
    return TaskStatus(
        state=state,
        at=now if error else max(container.started_at, 0) or now,
        message=message,
        error=error,
        container_id=container.id,
        pid=container.pid,
        ports=host_ports(container),
    )


def host_ports(container: Container) -> tuple[HostPort, ...]:
    """Its published ports, each once, whatever addresses it is bound on."""
    found = {
        (port.container_port, port.host_port, port.protocol): HostPort(
            target=port.container_port, published=port.host_port, protocol=port.protocol
        )
        for port in container.bound_ports
    }
    return tuple(found[key] for key in sorted(found))


def removed(container_id: str, now: int, exit_code: int) -> TaskStatus:
    """Of a task whose container somebody has taken away."""
    error = f"task: non-zero exit ({exit_code})" if exit_code else "task: its container was removed"
    return TaskStatus(
        state=TaskState.FAILED,
        at=now,
        message="started",
        error=error,
        container_id=container_id,
        exit_code=exit_code,
    )
