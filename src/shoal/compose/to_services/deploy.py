"""What `deploy` and its short forms come to: mode, resources, restart, placement, updates."""

from collections.abc import Mapping
from typing import Any

from shoal.compose.project import Service
from shoal.compose.to_services.jobs import job_mode
from shoal.compose.units import parse_duration_ns
from shoal.model.units import NS_PER_S

Tree = Mapping[str, Any]

_CONDITIONS = {"no": "none", "always": "any", "unless-stopped": "any"}


def mode_body(service: Service) -> dict[str, Any]:
    """`Mode`."""
    if "triggers" in service.tree:
        return job_mode(service.tree["triggers"] or {})
    match service.deploy.mode:
        case "global":
            return {"Global": {}}
        case "global-job":
            return {"GlobalJob": {}}
        case "replicated-job":
            return {"ReplicatedJob": {"MaxConcurrent": service.scale, "TotalCompletions": service.scale}}
    return {"Replicated": {"Replicas": service.scale}}


def is_job(service: Service) -> bool:
    """Whether its tasks run to completion."""
    return "triggers" in service.tree or service.deploy.mode.endswith("-job")


def resources_body(service: Service) -> dict[str, Any]:
    """`Resources`: limits and reservations."""
    reserved = ((service.deploy.tree.get("resources") or {}).get("reservations")) or {}
    limits = {
        "NanoCPUs": service.limits.nano_cpus,
        "MemoryBytes": service.limits.memory_bytes,
        "Pids": max(service.limits.pids or 0, 0),
    }
    generic = [
        {"DiscreteResourceSpec": {"Kind": one.get("kind", ""), "Value": int(one.get("value") or 0)}}
        for one in (entry.get("discrete_resource_spec") or {} for entry in reserved.get("generic_resources") or ())
    ]
    reservations = {
        "NanoCPUs": round(float(reserved.get("cpus") or 0) * NS_PER_S),
        "MemoryBytes": service.limits.memory_reservation_bytes,
        "GenericResources": generic,
    }
    both = {"Limits": _set(limits), "Reservations": _set(reservations)}
    return {key: value for key, value in both.items() if value}


def _set(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value}


def restart_body(service: Service) -> dict[str, Any] | None:
    """`RestartPolicy`: of deploy, else of `restart`; None where neither says anything."""
    policy = service.deploy.tree.get("restart_policy")
    if policy is not None:
        condition = policy.get("condition") or ""
        fields = {
            "Condition": _CONDITIONS.get(condition, condition),
            "Delay": _ns(policy.get("delay")),
            "MaxAttempts": policy.get("max_attempts"),
            "Window": _ns(policy.get("window")),
        }
        return {key: value for key, value in fields.items() if value not in (None, "")}
    if not service.restart:
        return None
    name, _, count = service.restart.partition(":")
    body: dict[str, Any] = {"Condition": _CONDITIONS.get(name, name)}
    return {**body, "MaxAttempts": int(count)} if count else body


def placement_body(service: Service, platforms: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """`Placement`. platforms: (os, architecture) that the image runs on; what `platform` says goes before it"""
    placement = service.deploy.tree.get("placement") or {}
    if service.platform:
        system, _, rest = service.platform.partition("/")
        platforms = ((system, rest.partition("/")[0]),)
    fields = {
        "Constraints": [str(text) for text in placement.get("constraints") or ()],
        "Preferences": [
            {"Spread": {"SpreadDescriptor": one["spread"]}}
            for one in placement.get("preferences") or ()
            if one.get("spread")
        ],
        "MaxReplicas": placement.get("max_replicas_per_node") or 0,
        "Platforms": [{"Architecture": architecture, "OS": system} for system, architecture in platforms],
    }
    return _set(fields)


def update_body(tree: Tree | None) -> dict[str, Any] | None:
    """`UpdateConfig` or `RollbackConfig`."""
    if tree is None:
        return None
    fields = {
        "Delay": _ns(tree.get("delay")),
        "FailureAction": tree.get("failure_action"),
        "Monitor": _ns(tree.get("monitor")),
        "MaxFailureRatio": tree.get("max_failure_ratio"),
        "Order": tree.get("order"),
    }
    return {"Parallelism": tree.get("parallelism", 1), **_set(fields)}


def endpoint_body(service: Service) -> dict[str, Any]:
    """`EndpointSpec`."""
    ports = [
        _set(
            {
                "Name": port.name,
                "Protocol": port.protocol,
                "TargetPort": port.target,
                "PublishedPort": int(port.published or 0),
                "PublishMode": port.mode,
                "HostIP": "" if port.mode == "ingress" and port.host_ip in ("0.0.0.0", "::") else port.host_ip,
            }
        )
        for port in service.ports
    ]
    return _set({"Mode": service.deploy.tree.get("endpoint_mode"), "Ports": ports})


def _ns(text: Any) -> int | None:
    return None if text is None else parse_duration_ns(str(text))
