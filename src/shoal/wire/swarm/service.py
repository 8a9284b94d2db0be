"""Docker's JSON of services. Source: Docker Engine API v1.51, Service."""

from typing import Any

from shoal.model.cluster.service import Service, ServiceMode, UpdateStatus, VirtualAddress
from shoal.wire.swarm.service_spec import encode_endpoint_spec, encode_port, encode_service_spec
from shoal.wire.swarm.values import encode_meta
from shoal.wire.times import encode_time

_JOBS = (ServiceMode.REPLICATED_JOB, ServiceMode.GLOBAL_JOB)


def encode_service(
    service: Service, version: int, *, counts: tuple[int, int, int] | None = None, defaults: bool = False
) -> dict[str, Any]:
    """counts: tasks that run, are wanted, are completed (`?status=true`). defaults: of `?insertDefaults=true`"""
    body = encode_meta(service.id, version, service.created_at, service.updated_at)
    body["Spec"] = encode_service_spec(service.spec, defaults=defaults)
    if service.previous is not None:
        body["PreviousSpec"] = encode_service_spec(service.previous, defaults=defaults)
    body["Endpoint"] = _endpoint(service)
    if service.update_status is not None:
        body["UpdateStatus"] = _update_status(service.update_status)
    if counts is not None:
        body["ServiceStatus"] = dict(zip(("RunningTasks", "DesiredTasks", "CompletedTasks"), counts, strict=True))
    if service.spec.mode in _JOBS:
        body["JobStatus"] = {
            "JobIteration": {"Index": service.iteration},
            "LastExecution": encode_time(service.iteration_at),
        }
    return body


def _endpoint(service: Service) -> dict[str, Any]:
    result: dict[str, Any] = {"Spec": encode_endpoint_spec(service.spec.endpoint)}
    if service.ports:
        result["Ports"] = [encode_port(port) for port in service.ports]
    if service.vips:
        result["VirtualIPs"] = [{"NetworkID": vip.network_id, "Addr": _address(vip)} for vip in service.vips]
    return result


def _address(vip: VirtualAddress) -> str:
    address = vip.ipv4 or vip.ipv6
    return f"{address}/{vip.prefix}" if vip.prefix and "/" not in address else address


def _update_status(status: UpdateStatus) -> dict[str, Any]:
    result: dict[str, Any] = {"State": status.state}
    if status.started_at:
        result["StartedAt"] = encode_time(status.started_at)
    if status.completed_at:
        result["CompletedAt"] = encode_time(status.completed_at)
    return result | {"Message": status.message}
