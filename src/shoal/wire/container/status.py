"""The state of a container in words, as `docker ps` shows it."""

from shoal.model.container import Container, ContainerStatus
from shoal.model.health import HealthStatus
from shoal.model.units import NS_PER_S, elapsed_text


def status_text(container: Container, now: int) -> str:
    """ "Up 5 minutes (healthy)", "Exited (0) 3 seconds ago". Source: Docker, `container.State.String`"""
    match container.status:
        case ContainerStatus.RUNNING:
            return f"Up {elapsed_text((now - container.started_at) / NS_PER_S)}{_health(container)}"
        case ContainerStatus.PAUSED:
            return f"Up {elapsed_text((now - container.started_at) / NS_PER_S)} (Paused)"
        case ContainerStatus.RESTARTING:
            return f"Restarting ({container.exit_code}) {elapsed_text((now - container.finished_at) / NS_PER_S)} ago"
        case ContainerStatus.REMOVING:
            return "Removal In Progress"
        case ContainerStatus.DEAD:
            return "Dead"
        case ContainerStatus.CREATED:
            return "Created"
        case ContainerStatus.EXITED:
            return f"Exited ({container.exit_code}) {elapsed_text((now - container.finished_at) / NS_PER_S)} ago"


def _health(container: Container) -> str:
    if container.health is None or container.health.status is HealthStatus.NONE:
        return ""
    status = container.health.status
    return " (health: starting)" if status is HealthStatus.STARTING else f" ({status.value})"
