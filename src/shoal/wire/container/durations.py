"""Times in words, as `docker ps` shows them. Source: docker/go-units, `HumanDuration`."""

from shoal.model.container import Container, ContainerStatus
from shoal.model.health import HealthStatus

_S = 1_000_000_000


def human_duration(ns: int) -> str:
    """ "5 minutes", "About an hour", "3 days" """
    seconds = ns // _S
    minutes = seconds // 60
    hours = int(seconds / 3600 + 0.5)
    if seconds < 1:
        return "Less than a second"
    if seconds < 60:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    days = hours // 24
    if days < 14:
        return f"{days} days"
    if days < 60:
        return f"{days // 7} weeks"
    return f"{days // 30} months" if days < 730 else f"{hours // 24 // 365} years"


def status_text(container: Container, now: int) -> str:
    """ "Up 5 minutes (healthy)", "Exited (0) 3 seconds ago". Source: Docker, `container.State.String`"""
    match container.status:
        case ContainerStatus.RUNNING:
            return f"Up {human_duration(now - container.started_at)}{_health(container)}"
        case ContainerStatus.PAUSED:
            return f"Up {human_duration(now - container.started_at)} (Paused)"
        case ContainerStatus.RESTARTING:
            return f"Restarting ({container.exit_code}) {human_duration(now - container.finished_at)} ago"
        case ContainerStatus.REMOVING:
            return "Removal In Progress"
        case ContainerStatus.DEAD:
            return "Dead"
        case ContainerStatus.CREATED:
            return "Created"
        case ContainerStatus.EXITED:
            return f"Exited ({container.exit_code}) {human_duration(now - container.finished_at)} ago"


def _health(container: Container) -> str:
    if container.health is None or container.health.status is HealthStatus.NONE:
        return ""
    status = container.health.status
    return " (health: starting)" if status is HealthStatus.STARTING else f" ({status.value})"
