"""ServiceSpec.TaskTemplate and Task.Spec <-> TaskSpec. Source: Docker Engine API v1.51, TaskSpec."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shoal.errors import InvalidArgument
from shoal.model.cluster.task import Amounts, Attachment, Placement, RestartCondition, RestartPolicy, TaskSpec
from shoal.model.container import LogConfig
from shoal.wire.fields import OMIT, Field, decode, encode, read_list, read_object, read_text, strings, text, text_map
from shoal.wire.swarm.container import decode_container_spec, encode_container_spec
from shoal.wire.swarm.files import read_files, write_files
from shoal.wire.swarm.values import choice, count, full, read_count, read_seconds, seconds, write_ns

_AMOUNTS = (count("NanoCPUs", "nano_cpus", empty=OMIT), count("MemoryBytes", "memory_bytes", empty=OMIT))
_LIMITS = (*_AMOUNTS, count("Pids", "pids_limit", empty=OMIT))
_DELAY = Field("Delay", "delay_s", read_seconds, lambda value: OMIT if value is None else write_ns(value))
_RESTART = (
    choice("Condition", "condition", tuple(RestartCondition), "any"),
    _DELAY,
    count("MaxAttempts", "max_attempts"),
    seconds("Window", "window_s", empty=OMIT),
)
_ATTACHMENT = (
    text("Target", "target"),
    strings("Aliases", "aliases", empty=OMIT),
    text_map("DriverOpts", "driver_options", empty=OMIT),
)
_LOG = (text("Name", "driver"), text_map("Options", "options", empty=OMIT))
_PLATFORM = (text("Architecture", "architecture"), text("OS", "os"))
KNOWN_KEYS = (
    *("ContainerSpec", "Resources", "RestartPolicy", "Placement", "ForceUpdate", "Runtime", "Networks", "LogDriver"),
    *("PluginSpec", "NetworkAttachmentSpec"),
)


def decode_task_spec(value: Any, path: str) -> TaskSpec:
    """Raises: InvalidArgument"""
    given = read_object(value, path)
    _refuse_other_runtimes(given, path)
    container = decode_container_spec(given["ContainerSpec"], f"{path}.ContainerSpec")
    resources = read_object(given.get("Resources"), f"{path}.Resources")
    limits = decode(_LIMITS, resources.get("Limits"), f"{path}.Resources.Limits")
    limits = {attr: number for attr, number in limits.items() if number}
    host = replace(container.host, resources=replace(container.host.resources, **limits))
    return TaskSpec(
        container=replace(container, host=host),
        files=read_files(given["ContainerSpec"], f"{path}.ContainerSpec"),
        reservations=read_amounts(resources.get("Reservations"), f"{path}.Resources.Reservations"),
        restart=_read_restart(given.get("RestartPolicy"), f"{path}.RestartPolicy"),
        placement=_read_placement(given.get("Placement"), f"{path}.Placement"),
        networks=read_attachments(given.get("Networks"), f"{path}.Networks"),
        log=_read_log(given.get("LogDriver"), f"{path}.LogDriver"),
        force=read_count(given.get("ForceUpdate") or 0, f"{path}.ForceUpdate"),
    )


def _refuse_other_runtimes(given: Mapping[str, Any], path: str) -> None:
    runtime = read_text(given.get("Runtime") or "container", f"{path}.Runtime")
    if runtime != "container" or given.get("PluginSpec") is not None:
        raise InvalidArgument(f'{path}.Runtime: services of runtime "{runtime}" are not served, only containers')
    if given.get("NetworkAttachmentSpec") is not None:
        raise InvalidArgument(f"{path}.NetworkAttachmentSpec: network attachments are not made by hand")
    if given.get("ContainerSpec") is None:
        raise InvalidArgument("service does not use container tasks")


def read_amounts(value: Any, path: str) -> Amounts:
    """Reserved resources. Raises: InvalidArgument"""
    given = read_object(value, path)
    generic: dict[str, int] = {}
    for i, item in enumerate(read_list(given.get("GenericResources") or [], f"{path}.GenericResources")):
        place = f"{path}.GenericResources.{i}"
        entry = read_object(item, place)
        if entry.get("NamedResourceSpec") is not None:
            raise InvalidArgument(f"{place}: a reservation says how many of a kind, not which")
        discrete = read_object(entry.get("DiscreteResourceSpec"), f"{place}.DiscreteResourceSpec")
        kind = read_text(discrete.get("Kind") or "", f"{place}.DiscreteResourceSpec.Kind")
        generic[kind] = read_count(discrete.get("Value") or 0, f"{place}.DiscreteResourceSpec.Value")
    return Amounts(**decode(_AMOUNTS, given, path), generic=generic)


def write_amounts(amounts: Amounts) -> dict[str, Any]:
    """Of a reservation or a node."""
    generic = [{"DiscreteResourceSpec": {"Kind": kind, "Value": n}} for kind, n in amounts.generic.items()]
    return encode(_AMOUNTS, amounts) | full(GenericResources=generic)


def _read_restart(value: Any, path: str) -> RestartPolicy:
    given = decode(_RESTART, value, path)
    if "condition" in given:
        given["condition"] = RestartCondition(given["condition"])
    return RestartPolicy(**given)


def _read_placement(value: Any, path: str) -> Placement:
    given = read_object(value, path)
    spread = []
    for i, item in enumerate(read_list(given.get("Preferences") or [], f"{path}.Preferences")):
        place = f"{path}.Preferences.{i}"
        over = read_object(read_object(item, place).get("Spread"), f"{place}.Spread")
        spread.append(read_text(over.get("SpreadDescriptor") or "", f"{place}.Spread.SpreadDescriptor"))
    platforms = []
    for i, item in enumerate(read_list(given.get("Platforms") or [], f"{path}.Platforms")):
        platform = decode(_PLATFORM, item, f"{path}.Platforms.{i}")
        platforms.append((platform.get("os", ""), platform.get("architecture", "")))
    table = (strings("Constraints", "constraints"), count("MaxReplicas", "max_replicas"))
    return Placement(**decode(table, given, path), spread=tuple(spread), platforms=tuple(platforms))


def _write_placement(placement: Placement) -> dict[str, Any]:
    return full(
        Constraints=list(placement.constraints),
        Preferences=[{"Spread": {"SpreadDescriptor": over}} for over in placement.spread],
        MaxReplicas=placement.max_replicas or None,
        Platforms=[full(Architecture=arch, OS=os) for os, arch in placement.platforms],
    )


def read_attachments(value: Any, path: str) -> tuple[Attachment, ...]:
    """The networks of a task. Raises: InvalidArgument"""
    items = [decode(_ATTACHMENT, item, f"{path}.{i}") for i, item in enumerate(read_list(value or [], path))]
    for i, item in enumerate(items):
        if not item.get("target"):
            raise InvalidArgument(f"{path}.{i}.Target: expected the name or id of a network, got nothing")
    return tuple(Attachment(**item) for item in items)


def _read_log(value: Any, path: str) -> LogConfig | None:
    return None if value is None else LogConfig(**decode(_LOG, value, path))


def encode_task_spec(spec: TaskSpec, *, defaults: bool = False) -> dict[str, Any]:
    """defaults: what nobody said is there too"""
    limits = encode(_LIMITS, spec.container.host.resources)
    pids = limits.get("Pids") or 0
    if pids <= 0:
        limits.pop("Pids", None)
    is_default = spec.restart == RestartPolicy() and not defaults
    placement = _write_placement(spec.placement)
    return {
        "ContainerSpec": encode_container_spec(spec.container) | write_files(spec.files),
        "Resources": full(Limits=limits, Reservations=write_amounts(spec.reservations)),
        **({} if is_default else {"RestartPolicy": encode(_RESTART, spec.restart)}),
        **({"Placement": placement} if placement or defaults else {}),
        **full(Networks=[encode(_ATTACHMENT, item) for item in spec.networks]),
        **({} if spec.log is None else {"LogDriver": encode(_LOG, spec.log)}),
        "ForceUpdate": spec.force,
        "Runtime": "container",
    }
