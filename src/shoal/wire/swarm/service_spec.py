"""The body of POST /services/create and Service.Spec <-> ServiceSpec. Source: Docker Engine API v1.51, ServiceSpec."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.cluster.service import EndpointSpec, PortConfig, Schedule, ServiceMode, ServiceSpec, UpdateConfig
from shoal.wire.fields import OMIT, Field, decode, encode, number, objects, read_object, read_text, text, text_map
from shoal.wire.swarm.container import EXTRAS
from shoal.wire.swarm.container import KNOWN_KEYS as CONTAINER_KEYS
from shoal.wire.swarm.task_spec import KNOWN_KEYS as TASK_KEYS
from shoal.wire.swarm.task_spec import decode_task_spec, encode_task_spec, read_attachments
from shoal.wire.swarm.validate import check_service
from shoal.wire.swarm.values import choice, count, full, read_count, read_number, read_seconds, seconds, write_ns

_MODES = {
    ServiceMode.REPLICATED: "Replicated",
    ServiceMode.GLOBAL: "Global",
    ServiceMode.REPLICATED_JOB: "ReplicatedJob",
    ServiceMode.GLOBAL_JOB: "GlobalJob",
}
_ORDERS = ("stop-first", "start-first")
_UPDATE = (
    count("Parallelism", "parallelism"),
    seconds("Delay", "delay_s", empty=OMIT),
    choice("FailureAction", "on_failure", ("pause", "continue", "rollback"), "pause"),
    Field("Monitor", "monitor_s", read_seconds, write_ns),
    Field("MaxFailureRatio", "max_failure_ratio", read_number, lambda value: int(value) if value in (0, 1) else value),
    choice("Order", "order", _ORDERS, "stop-first"),
)
_PORT = (
    text("Name", "name", empty=OMIT),
    choice("Protocol", "protocol", ("tcp", "udp", "sctp"), "tcp"),
    number("TargetPort", "target"),
    number("PublishedPort", "published", empty=OMIT),
    choice("PublishMode", "mode", ("ingress", "host"), "ingress"),
    text("HostIP", "host_ip", empty=OMIT),
)


def _port(**given: Any) -> PortConfig:
    return PortConfig(**({"target": 0} | given))


_ENDPOINT = (
    choice("Mode", "mode", ("vip", "dnsrr"), "vip"),
    objects("Ports", "ports", _PORT, _port, empty=OMIT),
)
_SCHEDULE = (
    text("Cron", "cron"),
    text("Timezone", "timezone"),
    choice("Concurrency", "concurrency", ("forbid", "queue", "allow"), "forbid"),
    choice("MissedFires", "missed_fires", ("one", "skip"), "skip"),
)
KNOWN_KEYS = (
    *("Name", "Labels", "TaskTemplate", "Mode", "UpdateConfig", "RollbackConfig", "Networks", "EndpointSpec"),
    *("Schedule", "DependsOn"),
)


def decode_service_spec(body: Any) -> ServiceSpec:
    """What the body asks for, checked as far as that goes without looking at the cluster. Raises: InvalidArgument"""
    given = read_object(body, "")
    task = decode_task_spec(given.get("TaskTemplate"), "TaskTemplate")
    if not task.networks:
        task = replace(task, networks=read_attachments(given.get("Networks"), "Networks"))
    values = {"name": ""} | decode((text("Name", "name"), text_map("Labels", "labels")), given, "")
    spec = ServiceSpec(
        **values,
        task=task,
        **_read_mode(given.get("Mode")),
        update=_read_update(given.get("UpdateConfig"), "UpdateConfig"),
        rollback=_read_update(given.get("RollbackConfig"), "RollbackConfig"),
        endpoint=EndpointSpec(**decode(_ENDPOINT, given.get("EndpointSpec"), "EndpointSpec")),
        schedule=_read_schedule(given.get("Schedule")),
        depends_on=_read_depends_on(given.get("DependsOn")),
    )
    check_service(spec)
    return spec


def _read_mode(value: Any) -> dict[str, Any]:
    given = {key: item for key, item in read_object(value, "Mode").items() if item is not None}
    if len(given) > 1:
        raise InvalidArgument("must specify only one service mode")
    for key in given:
        if key not in _MODES.values():
            raise InvalidArgument(f'Mode: expected one of {", ".join(_MODES.values())}, got "{key}"')
    key = next(iter(given), "Replicated")
    mode = next(mode for mode, name in _MODES.items() if name == key)
    settings = read_object(given.get(key), f"Mode.{key}")

    def number_of(name: str, default: int) -> int:
        return default if settings.get(name) is None else read_count(settings[name], f"Mode.{key}.{name}")

    if mode is ServiceMode.REPLICATED:
        return {"mode": mode, "replicas": number_of("Replicas", 1)}
    if mode is ServiceMode.REPLICATED_JOB:
        at_once = number_of("MaxConcurrent", 1)
        return {"mode": mode, "max_concurrent": at_once, "replicas": number_of("TotalCompletions", at_once or 1)}
    return {"mode": mode}


def _write_mode(spec: ServiceSpec) -> dict[str, Any]:
    settings = {}
    if spec.mode is ServiceMode.REPLICATED:
        settings = {"Replicas": spec.replicas}
    elif spec.mode is ServiceMode.REPLICATED_JOB:
        settings = {"MaxConcurrent": spec.max_concurrent, "TotalCompletions": spec.replicas}
    return {_MODES[spec.mode]: settings}


def _read_update(value: Any, path: str) -> UpdateConfig:
    """One that is there without a parallelism means all at once."""
    if value is None:
        return UpdateConfig()
    return UpdateConfig(**({"parallelism": 0} | decode(_UPDATE, value, path)))


def _read_schedule(value: Any) -> Schedule | None:
    if not value:
        return None
    given = decode(_SCHEDULE, value, "Schedule")
    if not given.get("cron"):
        raise InvalidArgument("Schedule.Cron: expected a cron expression, got nothing")
    return Schedule(**given)


def _read_depends_on(value: Any) -> dict[str, str]:
    """A condition may stand alone, without its object."""
    found = {}
    for name, item in read_object(value, "DependsOn").items():
        condition = item if isinstance(item, str) else read_object(item, f"DependsOn.{name}").get("Condition")
        found[name] = read_text(condition or "service_started", f"DependsOn.{name}.Condition")
    return found


def encode_endpoint_spec(spec: EndpointSpec) -> dict[str, Any]:
    """Service.Spec.EndpointSpec and Service.Endpoint.Spec."""
    return encode(_ENDPOINT, spec)


def encode_port(port: PortConfig) -> dict[str, Any]:
    """One EndpointPortConfig."""
    return encode(_PORT, port)


def encode_service_spec(spec: ServiceSpec, *, defaults: bool = False) -> dict[str, Any]:
    """What `decode_service_spec` reads. defaults: what nobody said is there too (`?insertDefaults=true`)"""
    updates = {"UpdateConfig": spec.update, "RollbackConfig": spec.rollback}
    return {
        "Name": spec.name,
        "Labels": dict(spec.labels),
        "TaskTemplate": encode_task_spec(spec.task, defaults=defaults),
        "Mode": _write_mode(spec),
        **{key: encode(_UPDATE, item) for key, item in updates.items() if defaults or item != UpdateConfig()},
        "EndpointSpec": encode_endpoint_spec(spec.endpoint),
        **full(
            Schedule=None if spec.schedule is None else encode(_SCHEDULE, spec.schedule),
            DependsOn={name: {"Condition": condition} for name, condition in spec.depends_on.items()},
        ),
    }


def with_kept_extras(body: Any, current: ServiceSpec) -> Any:
    """An update's body with the extra keys of `current` that it doesn't have.

    Clients of Docker read a service, change it and send it back without keys that they don't know. One that means
    "none" sends the key empty.
    """
    known = encode_service_spec(current)
    kept = _kept(body, known, ("Schedule", "DependsOn"))
    kept["EndpointSpec"] = _with_host_ips(kept.get("EndpointSpec"), current.endpoint.ports)
    template = kept.get("TaskTemplate")
    container = template.get("ContainerSpec") if isinstance(template, Mapping) else None
    if not isinstance(template, Mapping) or not isinstance(container, Mapping):
        return kept
    container = _kept(container, known["TaskTemplate"]["ContainerSpec"], EXTRAS)
    return {**kept, "TaskTemplate": {**template, "ContainerSpec": container}}


def _with_host_ips(endpoint: Any, ports: Sequence[PortConfig]) -> Any:
    """The same port stays on its address."""
    kept = {(p.target, p.published, p.protocol, p.mode): p.host_ip for p in ports if p.host_ip}
    if not kept or not isinstance(endpoint, Mapping) or not isinstance(endpoint.get("Ports"), list):
        return endpoint
    found = []
    for port in endpoint["Ports"]:
        given = read_object(port, "EndpointSpec.Ports")
        mode = given.get("PublishMode") or "ingress"
        key = (given.get("TargetPort"), given.get("PublishedPort") or 0, given.get("Protocol") or "tcp", mode)
        found.append({**given, "HostIP": kept[key]} if "HostIP" not in given and key in kept else given)
    return {**endpoint, "Ports": found}


def _kept(body: Any, known: Mapping[str, Any], extras: tuple[str, ...]) -> dict[str, Any]:
    return {key: known[key] for key in extras if key in known} | dict(read_object(body, ""))


def unknown_keys(body: Any) -> list[str]:
    """A warning for each key of a service that nobody knows: it has no effect."""
    given = read_object(body, "")
    template = read_object(given.get("TaskTemplate"), "TaskTemplate")
    container = read_object(template.get("ContainerSpec"), "TaskTemplate.ContainerSpec")
    parts = (
        ("", given, KNOWN_KEYS),
        ("TaskTemplate.", template, TASK_KEYS),
        ("TaskTemplate.ContainerSpec.", container, CONTAINER_KEYS),
    )
    return [
        f"{path}{key}: Shoal does not know this key, it has no effect"
        for path, part, known in parts
        for key in part
        if key not in known
    ]
