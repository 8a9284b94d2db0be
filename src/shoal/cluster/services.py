"""A service's record as the user's requests make it: created, updated, rolled back, asked to even out."""

from dataclasses import replace

from shoal.errors import InvalidArgument
from shoal.model.cluster.service import Service, ServiceMode, ServiceSpec, UpdateStatus

JOBS = frozenset({ServiceMode.REPLICATED_JOB, ServiceMode.GLOBAL_JOB})
ROLLBACK_MESSAGE = "manually requested rollback"


def is_job(spec: ServiceSpec) -> bool:
    """Whether its tasks run to an end."""
    return spec.mode in JOBS


def created(service_id: str, spec: ServiceSpec, now: int, *, registry_auth: bytes = b"") -> Service:
    """The record of a new service. A job without a schedule begins its first iteration at once."""
    return Service(
        id=service_id,
        spec=spec,
        created_at=now,
        updated_at=now,
        spec_version=1,
        iteration=1 if is_job(spec) and spec.schedule is None else 0,
        iteration_at=now if is_job(spec) and spec.schedule is None else 0,
        registry_auth=registry_auth,
    )


def updated(service: Service, spec: ServiceSpec, now: int, *, registry_auth: bytes | None = None) -> Service:
    """The record after `service update`. The same spec again changes nothing, but an update that is paused goes on.

    A job begins its next iteration when its spec changes (`force` is part of it).
    registry_auth: None = as it was
    """
    auth = service.registry_auth if registry_auth is None else registry_auth
    if spec == service.spec:
        return replace(service, updated_at=now, registry_auth=auth, update_status=_resumed(service.update_status))
    begins = is_job(spec) and spec.schedule is None and _tasks_differ(service.spec, spec)
    return replace(
        service,
        spec=spec,
        previous=service.spec,
        previous_auth=service.registry_auth,
        registry_auth=auth,
        spec_version=service.spec_version + 1,
        update_status=None,
        updated_at=now,
        iteration=service.iteration + 1 if begins else service.iteration,
        iteration_at=now if begins else service.iteration_at,
        fired_at=now if spec.schedule is not None and spec.schedule != service.spec.schedule else service.fired_at,
    )


def rolled_back(service: Service, now: int, message: str = ROLLBACK_MESSAGE) -> Service:
    """The record after a rollback to the previous spec. Raises: InvalidArgument where there is none"""
    if service.previous is None:
        raise InvalidArgument(f"service {service.spec.name} does not have a previous spec")
    back = updated(service, service.previous, now, registry_auth=service.previous_auth)
    return replace(
        back,
        previous=None,
        previous_auth=b"",
        update_status=UpdateStatus(state="rollback_started", started_at=now, message=message),
    )


def rebalanced(service: Service, now: int) -> Service:
    """The record of a service that is asked to spread its tasks evenly; only tasks that must move are replaced."""
    return replace(service, rebalance_at=now, updated_at=now)


def _tasks_differ(old: ServiceSpec, new: ServiceSpec) -> bool:
    return (old.task, old.mode, old.replicas) != (new.task, new.mode, new.replicas)


def _resumed(status: UpdateStatus | None) -> UpdateStatus | None:
    return None if status is not None and status.state.endswith("paused") else status
